"""What of a machine a process may use: the threads of the cores it owns, and one GPU."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TypeVar

from brazada.errors import TrainingError

Gpu = TypeVar("Gpu")


def configure_tensorflow(threads: int, local_rank: int | None = None, assigned: Sequence[str] = ()) -> None:
    """Keep TensorFlow to `threads` cores and, where there are GPUs, to the rank's own, growing in memory.

    Without a rank it is one of many tasks on a machine, and uses no GPU: the first would take all its memory.
    `assigned` are the addresses of the GPUs that Spark assigned to the rank's task, if it assigns them. A process in
    which TensorFlow runs already (a notebook, a reused Spark worker) keeps the set-up it has. Raises TrainingError
    where there are GPUs, but none for this rank.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # else it calls models that are built one after the other a mistake

    gpus = tf.config.list_physical_devices("GPU")
    own = [] if local_rank is None or not gpus else [own_gpu(gpus, local_rank, assigned)]
    try:
        if gpus:
            tf.config.set_visible_devices(own, "GPU")
        for gpu in own:
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return


def own_gpu(gpus: Sequence[Gpu], local_rank: int, assigned: Sequence[str]) -> Gpu:
    """The one GPU of a rank: that which Spark assigned to its task, else by its place among the ranks of its machine.

    Raises TrainingError where there is none for this rank: two ranks on one GPU would run it out of memory.
    """
    place = int(assigned[0]) if assigned else local_rank
    if place >= len(gpus):
        raise TrainingError(
            "a GPU for each rank of a machine",
            found=f"{len(gpus)} for the rank with GPU {place}",
            todo="set training.ranks to the number of GPUs, and spark.task.resource.gpu.amount=1",
        )
    return gpus[place]
