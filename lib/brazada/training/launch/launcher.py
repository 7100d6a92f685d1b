"""Starting the ranks of a training: one process, or several joined by Horovod on Spark."""

from __future__ import annotations

import contextlib
import math
import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Protocol

from brazada.errors import TrainingError
from brazada.training.launch.rank import WorkerSpec, alone, with_horovod
from brazada.training.launch.watch import Watch
from brazada.training.loop.epochs import OnEpoch, Outcome
from brazada.training.settings import Training

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Note = Callable[[str], None]


class Launcher(Protocol):
    """Runs a training on `ranks` ranks. Raises `TrainingError` when one of them fails, dies or stalls."""

    ranks: int

    def run(self, spec: WorkerSpec, on_epoch: OnEpoch, note: Note) -> Outcome:
        """Run to the end; `on_epoch` hears each epoch's figures, `note` what looks wrong on the way."""


class InProcess:
    """One rank: this very process."""

    ranks = 1

    def run(self, spec: WorkerSpec, on_epoch: OnEpoch, note: Note) -> Outcome:  # noqa: ARG002 - the protocol's
        """Train here."""
        return alone(spec, on_epoch)


class OnSpark:
    """Ranks as Spark tasks, joined by Horovod over Gloo."""

    def __init__(self, spark: SparkSession, settings: Training) -> None:
        self.spark, self.settings, self.ranks = spark, settings, settings.ranks

    def run(self, spec: WorkerSpec, on_epoch: OnEpoch, note: Note) -> Outcome:
        """Train on all ranks; none of their processes is left when this returns or raises."""
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # Horovod imports TensorFlow here too
        import horovod.spark

        options = self.settings
        output, end = _Tail(), threading.Event()
        watch = Watch(
            warn_s=options.stall_warn_s,
            shutdown_s=options.stall_shutdown_s,
            end=end.set,
            warn=note,
            on_epoch=on_epoch,
        )
        conf = self.spark.sparkContext.getConf()
        host = conf.get("spark.driver.host", "127.0.0.1") or "127.0.0.1"
        driver = watch.listen(host, conf.get("spark.driver.bindAddress", host) or host)
        try:
            with _tamed(end, output):
                outcomes = horovod.spark.run(
                    with_horovod,
                    args=(spec, driver),
                    num_proc=self.ranks,
                    use_gloo=True,
                    start_timeout=options.start_timeout_s,
                    env=self._environment(),
                    stdout=output,
                    stderr=output,
                    verbose=0,
                )
        except Exception as error:
            raise watch.failure(error, output.last_error()) from RuntimeError("\n" + output.text())
        finally:
            watch.close()
        outcome: Outcome = outcomes[0]
        return outcome

    def _environment(self) -> dict[str, str]:
        options = self.settings
        return {
            "HOROVOD_STALL_CHECK_TIME_SECONDS": str(math.ceil(options.stall_warn_s)),
            "HOROVOD_STALL_SHUTDOWN_TIME_SECONDS": str(math.ceil(options.stall_shutdown_s)),
            # ms. At its default of 1, Horovod's own thread takes a tenth of a core from the rank.
            "HOROVOD_CYCLE_TIME": "5",
            "OMP_NUM_THREADS": str(options.threads_per_rank),
            "TF_CPP_MIN_LOG_LEVEL": "2",
        }


def launcher(spark: SparkSession, settings: Training) -> Launcher:
    """The launcher that the settings name. Raises `TrainingError` when Spark cannot run all ranks at once."""
    if settings.launch == "process":
        return InProcess()
    if (free := slots(spark)) < settings.ranks:
        raise TrainingError(
            f"{settings.ranks} tasks at once, one for each rank",
            found=f"{free} slots (executor cores / spark.task.cpus) in {spark.sparkContext.master}",
            todo=f"set training.ranks={free}, or give Spark more cores",
        )
    return OnSpark(spark, settings)


def slots(spark: SparkSession) -> int:
    """Tasks that Spark can run at once, counting executors that dynamic allocation may still add."""
    context = spark.sparkContext
    conf = context.getConf()
    cpus = int(conf.get("spark.task.cpus", "1") or 1)
    executors = context._jsc.sc().statusStore().executorList(True)
    local = str(context.master).startswith("local") and not str(context.master).startswith("local-cluster")
    cores = [
        int(executors.apply(index).totalCores())
        for index in range(executors.size())
        if local or executors.apply(index).id() != "driver"
    ]
    here = sum(count // cpus for count in cores)
    if conf.get("spark.dynamicAllocation.enabled", "false") == "true":
        most = int(conf.get("spark.dynamicAllocation.maxExecutors", "0") or 0)
        here = max(here, most * (int(conf.get("spark.executor.cores", "1") or 1) // cpus))
    return here


class _Tail:
    """Keeps the last of what the ranks print; Horovod hands it over in pieces, from a thread for each rank."""

    def __init__(self) -> None:
        self._pieces: deque[str] = deque(maxlen=40)

    def write(self, text: str) -> int:
        self._pieces.append(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""

    def keep(self, raised: threading.ExceptHookArgs) -> None:
        """Keep what a thread of this process raised."""
        self.write(f"{raised.thread}: {raised.exc_type.__name__}: {raised.exc_value}\n")

    def last_error(self) -> str | None:
        """The last line that names an exception."""
        lines = [line.partition(">:")[2] for line in self.text().splitlines()]
        return next((line for line in reversed(lines) if re.match(r"\w[\w.]*(Error|Exception)\b", line)), None)

    def text(self) -> str:
        """The last lines."""
        return "".join(self._pieces)[-4000:]


@contextlib.contextmanager
def _tamed(end: threading.Event, output: _Tail) -> Iterator[None]:
    """Make `end` the event that ends Horovod's ranks, and keep what its threads raise with the ranks' output.

    Horovod would set its own event only by SIGINT and SIGTERM, whose handlers it takes from this process for good; a
    watch must be able to set it, and Ctrl-C is to stay what it is.
    """
    from horovod.runner import gloo_run

    own, hook = gloo_run.register_shutdown_event, threading.excepthook
    gloo_run.register_shutdown_event = lambda: end
    threading.excepthook = output.keep
    try:
        yield
    finally:
        gloo_run.register_shutdown_event, threading.excepthook = own, hook
