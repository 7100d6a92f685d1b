"""What one rank runs: its share of the plan through the loop; and, under Horovod, word to the driver how it fares."""

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
from brazada.training.data.sharding import Plan, together
from brazada.training.launch import devices
from brazada.training.loop.epochs import Feeds, OnEpoch, Outcome, fit
from brazada.training.loop.learner import Learner
from brazada.training.loop.ranks import Alone, Horovod, Ranks
from brazada.training.task import Task

BEAT_S = 1.0
INITIAL = "initial-"  # how the file of weights to begin with is named in a run's folder


@dataclass(frozen=True)
class Order:
    """All that a rank needs: the task, what it reads and how, the seed, the folder of checkpoints."""

    task: Task
    plan: Plan
    library: str
    shuffle_mb: float
    threads: int
    seed: int
    folder: str


@dataclass(frozen=True)
class Post:
    """Where the driver listens, and the word by which it knows its ranks."""

    host: str
    port: int
    token: str


def work(order: Order, ranks: Ranks, on_epoch: OnEpoch | None) -> Outcome:
    """Train on this rank's files, and where the task says so anew on all of them for as many epochs as were best."""
    learner = Learner(order.task, ranks, order.seed, order.plan.steps, files.first(order.folder, INITIAL))
    outcome = _trained(order, order.plan, learner, order.folder, on_epoch, None)
    if not order.task.refit:
        return outcome
    learner.restart()
    plan, folder = together(order.plan), f"{order.folder}/refit"
    return replace(outcome, refit=_trained(order, plan, learner, folder, on_epoch, outcome.best_epoch))


def _trained(
    order: Order, plan: Plan, learner: Learner, folder: str, on_epoch: OnEpoch | None, epochs: int | None
) -> Outcome:
    """One training on this rank's files; the readers are closed whatever happens."""
    mine = learner.ranks.rank
    train = FileFeed(
        order.task,
        plan.train[mine],
        plan.batch,
        library=order.library,
        steps=plan.steps,
        seed=order.seed,
        rank=mine,
        shuffle_mb=order.shuffle_mb,
    )
    held_out = any(share.files for share in plan.validate)
    validate = FileFeed(order.task, plan.validate[mine], plan.batch, library=order.library, rank=mine)
    try:
        feeds = Feeds(train, validate if held_out else None)
        return fit(learner, feeds, epochs=epochs, folder=folder, on_epoch=on_epoch)
    finally:
        train.close()


def alone(order: Order, on_epoch: OnEpoch) -> Outcome:
    """Train in this process."""
    devices.own(order.threads, local_rank=0)
    return work(order, Alone(), on_epoch)


def with_horovod(order: Order, post: Post) -> Outcome | None:
    """Train as one of the processes that Horovod started; rank 0 returns the outcome."""
    rank = int(os.environ["HOROVOD_RANK"])
    with socket.create_connection((post.host, post.port), timeout=10) as line:
        line.settimeout(None)
        word = _Word(line, rank)
        word.say(token=post.token, pid=os.getpid(), host=socket.gethostname())
        threading.Thread(target=word.beat, daemon=True).start()
        try:
            devices.own(order.threads, local_rank=int(os.environ["HOROVOD_LOCAL_RANK"]))
            ranks = Horovod()
            outcome = work(order, ranks, lambda entry: word.say(epoch=entry))
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
            # Horovod fails a rank's reductions when another is gone; any other error is this rank's own.
            word.say(failed=text.splitlines()[0], bereft="horovod" in text.lower())
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)  # Horovod's own shutdown would wait for ranks that no longer answer
        word.say(done=True)
    return outcome if rank == 0 else None


class _Word:
    """JSON lines from a rank to the driver."""

    def __init__(self, line: socket.socket, rank: int) -> None:
        self._line, self._rank, self._lock = line, rank, threading.Lock()

    def say(self, **facts: Any) -> None:
        text = json.dumps({"rank": self._rank, **facts}) + "\n"
        with self._lock:
            self._line.sendall(text.encode())

    def beat(self) -> None:
        pause = threading.Event()
        while not pause.wait(BEAT_S):
            try:
                self.say()
            except OSError:
                return
