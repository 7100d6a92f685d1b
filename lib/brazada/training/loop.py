"""The training loop of one rank: epochs, validation, checkpoints, early stopping. All ranks decide alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from brazada.errors import TrainingError
from brazada.training import checkpoint
from brazada.training.checkpoint import Progress
from brazada.training.learner import Learner, means
from brazada.training.reader import Feed
from brazada.training.task import Array, Decoded

OnEpoch = Callable[[Mapping[str, float]], None]


@dataclass(frozen=True)
class Feeds:
    """A rank's rows. Without `validate` the run goes its epochs to the end and keeps the last weights."""

    train: Feed
    validate: Feed | None


@dataclass(frozen=True)
class Outcome:
    """What a training came to.

    `history` has an entry per epoch: epoch, loss, val_loss and val_<metric> where validated, seconds, samples_per_s
    over all ranks, feed_share (time waiting for batches / time of the steps). `metrics` are those of the best epoch.
    `refit` is that of the same model trained anew on training and validation rows, where that was asked for.
    """

    weights: list[Array]
    history: list[dict[str, float]]
    best_epoch: int
    metrics: dict[str, float]
    baseline: dict[str, float]
    shapes: dict[str, list[int | None]]
    refit: Outcome | None = None


def fit(
    learner: Learner,
    feeds: Feeds,
    *,
    epochs: int | None = None,
    folder: str | None = None,
    on_epoch: OnEpoch | None = None,
) -> Outcome:
    """Train on this rank, going on from the last checkpoint in `folder` (a path or URL; none is written without it).

    Goes on for `epochs`, by default the spec's, stops after `spec["patience"]` of them without a gain of `min_delta`
    and returns the best epoch's weights. Raises `TrainingError` when the loss is no longer finite.
    """
    task, ranks = learner.task, learner.ranks
    epochs = epochs or int(task.spec["epochs"])
    progress = _resumed(learner, folder)
    baseline = _baseline(learner, feeds.validate)
    patience = int(task.spec.get("patience", epochs))
    while progress.epoch < epochs and progress.waited < patience:
        entry = _epoch(learner, feeds, progress.epoch + 1)
        progress = _judged(progress, entry, learner, float(task.spec.get("min_delta", 0.0)))
        if folder and ranks.rank == 0:
            checkpoint.save(folder, progress, learner.state())
        if on_epoch and ranks.rank == 0:
            on_epoch(entry)
    best = progress.history[progress.best_epoch - 1]
    metrics = {name.removeprefix("val_"): value for name, value in best.items() if name.startswith("val_")}
    return Outcome(
        progress.best, progress.history, progress.best_epoch, metrics, baseline, dict(progress.shapes or learner.shapes)
    )


def evaluate(learner: Learner, feed: Feed, predict: Callable[[Decoded], Array] | None = None) -> dict[str, float]:
    """Loss and metrics over the rows of all ranks, each row once, of the model or of other predictions."""
    sums = np.zeros(2 * (1 + len(learner.task.metrics)))
    for batch in feed.batches(0):
        sums += learner.score(batch, predict(batch) if predict else None)
    return means(learner.task, learner.ranks.total_array("scores", sums))


def _resumed(learner: Learner, folder: str | None) -> Progress:
    loaded = checkpoint.load(folder) if folder and learner.ranks.rank == 0 else None
    if loaded:
        learner.restore(loaded[1])
    # Only rank 0 keeps the best weights: the others need no more than the decisions that follow from the history.
    progress: Progress = learner.ranks.share(loaded[0].without_weights() if loaded else Progress())
    learner.ranks.broadcast(learner.state())
    return loaded[0] if loaded else progress


def _baseline(learner: Learner, feed: Feed | None) -> dict[str, float]:
    baseline = learner.task.baseline
    if baseline is None or feed is None:
        return {}
    if not callable(baseline):
        return {learner.task.judged_by: float(baseline)}
    return evaluate(learner, feed, lambda batch: baseline(batch[0], learner.task.spec))


def _epoch(learner: Learner, feeds: Feeds, epoch: int) -> dict[str, float]:
    started = time.perf_counter()
    losses = weights = rows = waited = 0.0
    for batch, seconds in _timed(feeds.train.batches(epoch)):
        loss, weight = learner.step(batch)
        losses, weights = losses + loss, weights + weight
        rows, waited = rows + len(batch[2]), waited + seconds
    spent = time.perf_counter() - started
    if not math.isfinite(losses):
        raise TrainingError(
            "a finite training loss",
            found=f"{losses} in epoch {epoch}",
            todo="lower spec['learning_rate'] or set spec['clipnorm']",
        )
    learner.average_statistics()
    rows, waited, total = learner.ranks.total_array("pace", np.array([rows, waited, spent])).tolist()
    entry = {"epoch": epoch, "loss": losses / weights if weights else math.nan}
    if feeds.validate is not None:
        entry |= {f"val_{name}": value for name, value in evaluate(learner, feeds.validate).items()}
    seconds = total / learner.ranks.size
    return entry | {"seconds": seconds, "samples_per_s": rows / seconds, "feed_share": waited / total}


def _timed(batches: Iterator[Decoded]) -> Iterator[tuple[Decoded, float]]:
    while True:
        started = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - started


def _judged(progress: Progress, entry: dict[str, float], learner: Learner, min_delta: float) -> Progress:
    """The progress with one epoch more; an epoch that is validated as the best, or not validated, is the one kept."""
    score: Any = entry.get("val_loss")
    better = score is None or not progress.history or score < progress.best_loss - min_delta
    shapes = dict(learner.shapes)
    history = [*progress.history, entry]
    if better:
        keep = learner.weights() if learner.ranks.rank == 0 else []
        return Progress(history, progress.epoch + 1, keep, math.inf if score is None else score, 0, shapes)
    return Progress(history, progress.best_epoch, progress.best, progress.best_loss, progress.waited + 1, shapes)
