"""What one rank runs: its share of the plan through the loop; under Horovod with heartbeats to the driver."""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
import traceback
from dataclasses import dataclass, replace
from typing import Any

from brazada.training import files
from brazada.training.data.reader import FileFeed
from brazada.training.data.sharding import Plan, merge_splits
from brazada.training.launch import devices
from brazada.training.loop.epochs import Feeds, OnEpoch, Outcome, fit
from brazada.training.loop.learner import Learner
from brazada.training.loop.ranks import Communicator, Horovod, SingleProcess
from brazada.training.task import Task

BEAT_S = 1.0
INITIAL = "initial-"  # how the file of weights to begin with is named in a run's folder


@dataclass(frozen=True)
class WorkerSpec:
    """All that a rank needs: the task, what it reads and how, the seed, the folder of checkpoints."""

    task: Task
    plan: Plan
    library: str
    shuffle_mb: float
    threads: int
    seed: int
    folder: str


@dataclass(frozen=True)
class DriverAddress:
    """Where the driver listens, and the token by which it knows its ranks."""

    host: str
    port: int
    token: str


def work(spec: WorkerSpec, ranks: Communicator, on_epoch: OnEpoch | None) -> Outcome:
    """Train on this rank's files, and where the task says so anew on all of them for as many epochs as were best."""
    learner = Learner(spec.task, ranks, spec.seed, spec.plan.steps, files.first(spec.folder, INITIAL))
    outcome = _trained(spec, spec.plan, learner, spec.folder, on_epoch, None)
    if not spec.task.refit:
        return outcome
    learner.restart()
    plan, folder = merge_splits(spec.plan), f"{spec.folder}/refit"
    return replace(outcome, refit=_trained(spec, plan, learner, folder, on_epoch, outcome.best_epoch))


def _trained(
    spec: WorkerSpec, plan: Plan, learner: Learner, folder: str, on_epoch: OnEpoch | None, epochs: int | None
) -> Outcome:
    """One training on this rank's files; the readers are closed whatever happens.

    `on_epoch` hears beside an epoch's figures of how many epochs it is one, and whether this is the training anew.
    """
    mine = learner.ranks.rank
    place = {"epochs": float(epochs or spec.task.spec["epochs"]), "refit": float(epochs is not None)}
    train = FileFeed(
        spec.task,
        plan.train[mine],
        plan.batch,
        library=spec.library,
        steps=plan.steps,
        seed=spec.seed,
        rank=mine,
        shuffle_mb=spec.shuffle_mb,
    )
    held_out = any(share.files for share in plan.validate)
    validate = FileFeed(spec.task, plan.validate[mine], plan.batch, library=spec.library, rank=mine)
    try:
        feeds = Feeds(train, validate if held_out else None)
        hear = None if on_epoch is None else lambda entry: on_epoch({**entry, **place})
        return fit(learner, feeds, epochs=epochs, folder=folder, on_epoch=hear)
    finally:
        train.close()
        validate.close()


def alone(spec: WorkerSpec, on_epoch: OnEpoch) -> Outcome:
    """Train in this process."""
    devices.configure_tensorflow(spec.threads, local_rank=0)
    return work(spec, SingleProcess(), on_epoch)


def with_horovod(spec: WorkerSpec, driver: DriverAddress) -> Outcome | None:
    """Train as one of the processes that Horovod started; rank 0 returns the outcome."""
    rank = int(os.environ["HOROVOD_RANK"])
    with socket.create_connection((driver.host, driver.port), timeout=10) as line:
        line.settimeout(None)
        heartbeat = Heartbeat(line, rank)
        heartbeat.send(token=driver.token, pid=os.getpid(), host=socket.gethostname())
        threading.Thread(target=heartbeat.beat, daemon=True).start()
        try:
            from horovod.spark.task import get_available_devices  # the GPUs that Spark assigned to this task

            local_rank = int(os.environ["HOROVOD_LOCAL_RANK"])
            devices.configure_tensorflow(spec.threads, local_rank, get_available_devices())
            ranks = Horovod()
            outcome = work(spec, ranks, lambda entry: heartbeat.send(epoch=entry))
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            # Horovod fails a rank's reductions when another is gone; any other error is this rank's own.
            heartbeat.send(failed=text.splitlines()[0], lost_peer="horovod" in text.lower())
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)  # Horovod's own shutdown would wait for ranks that no longer answer
        heartbeat.send(done=True)
    return outcome if rank == 0 else None


class Heartbeat:
    """JSON lines from a rank to the driver."""

    def __init__(self, line: socket.socket, rank: int) -> None:
        self._line, self._rank, self._lock = line, rank, threading.Lock()

    def send(self, **facts: Any) -> None:
        """Tell the driver facts of this rank."""
        text = json.dumps({"rank": self._rank, **facts}) + "\n"
        with self._lock:
            self._line.sendall(text.encode())

    def beat(self) -> None:
        """Tell it every second that this rank lives, until the connection is closed."""
        pause = threading.Event()
        while not pause.wait(BEAT_S):
            try:
                self.send()
            except OSError:
                return
