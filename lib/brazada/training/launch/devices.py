"""What of a machine a process may use: the threads of the cores it owns, and one GPU."""

from __future__ import annotations

import os


def configure_tensorflow(threads: int, local_rank: int | None = None) -> None:
    """Keep TensorFlow to `threads` cores and, for a rank, to its GPU where there are any, growing in memory.

    A process in which TensorFlow runs already (a notebook, a reused Spark worker) keeps the set-up it has.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    import tensorflow as tf

    tf.get_logger().setLevel("ERROR")  # else it calls models that are built one after the other a mistake

    try:
        gpus = tf.config.list_physical_devices("GPU")
        if gpus and local_rank is not None:
            tf.config.set_visible_devices(gpus[local_rank], "GPU")
            tf.config.experimental.set_memory_growth(gpus[local_rank], True)
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return
