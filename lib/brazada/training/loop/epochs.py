"""The training loop of one rank: epochs, validation, checkpoints, early stopping. All ranks decide alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from brazada.errors import TrainingError
from brazada.training.data.reader import Feed
from brazada.training.loop import checkpoint
from brazada.training.loop.checkpoint import Progress
from brazada.training.loop.learner import Learner
from brazada.training.metrics import Vectors, added, results, scored
from brazada.training.task import Array, Decoded, Task

_EPOCHS_AT_CHANCE = 2  # in a row; one may be an accident of batch normalisation

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
    `ended` says why it ended. `refit` is that of the same model trained anew on training and validation rows, where
    that was asked for.
    """

    weights: list[Array]
    history: list[dict[str, float]]
    best_epoch: int
    metrics: dict[str, float]
    baseline: dict[str, float]
    shapes: dict[str, list[int | None]]
    ended: str
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

    Goes on for `epochs`, by default the spec's, stops after `spec["patience"]` of them without a gain of `min_delta` in
    what the task monitors, and returns the best epoch's weights. So it does when the model fails to learn after a good
    epoch: when the loss is no longer finite, or when the model has fallen back to the baseline, see `at_chance`.
    Raises `TrainingError` when the loss is not finite in the first epoch.
    """
    task, ranks = learner.task, learner.ranks
    epochs = epochs or int(task.spec["epochs"])
    progress = _resumed(learner, folder)
    baseline = _baseline(learner, feeds.validate)
    while not (ended := progress.ended or _reason_to_end(task, progress, epochs)):
        entry = _epoch(learner, feeds, progress.epoch + 1)
        progress = _judged(progress, entry, learner, baseline)
        if folder and ranks.rank == 0:
            checkpoint.save(folder, progress, learner.state())
        if on_epoch and ranks.rank == 0 and progress.history[-1] is entry:
            on_epoch(entry)
    best = progress.history[progress.best_epoch - 1]
    metrics = {name.removeprefix("val_"): value for name, value in best.items() if name.startswith("val_")}
    shapes = dict(progress.shapes or learner.shapes)
    return Outcome(progress.best, progress.history, progress.best_epoch, metrics, baseline, shapes, ended)


def evaluate(learner: Learner, feed: Feed, predict: Callable[[Decoded], Array] | None = None) -> dict[str, float]:
    """Loss and metrics over the rows of all ranks, each row once, of the model or of other predictions."""
    figures = learner.task.figures
    sums: Vectors = []
    for batch in feed.batches(0):
        found = learner.score(batch) if predict is None else scored(figures, batch, predict(batch))
        sums = added(sums, found)
    # Rank 0 has rows wherever any rank has, and with them the sizes of the vectors.
    sizes: list[int] = learner.ranks.broadcast_object([len(vector) for vector in sums])
    mine = np.concatenate(sums) if sums else np.zeros(sum(sizes))
    total = learner.ranks.allreduce_sum_array("scores", mine)
    return results(figures, np.split(total, np.cumsum(sizes)[:-1]))


def at_chance(
    task: Task, entry: Mapping[str, float], first: Mapping[str, float], baseline: Mapping[str, float]
) -> bool:
    """Whether an epoch's model knows nothing: no better than the baseline, and its training loss that of the first."""
    chance, figure = baseline.get(task.monitor, math.nan), entry.get(f"val_{task.monitor}", math.nan)
    unlearned = math.isfinite(chance) and not task.monitored.better(figure, chance)
    return unlearned and not entry["loss"] < first["loss"]


def _reason_to_end(task: Task, progress: Progress, epochs: int) -> str | None:
    patience = int(task.spec.get("patience", epochs))
    if progress.epoch >= epochs:
        return f"{epochs} epochs done"
    if progress.epochs_without_gain >= patience:
        return f"no gain in {task.monitor} for {patience} epochs"
    if progress.at_chance >= _EPOCHS_AT_CHANCE:
        return f"failed to learn: fell back to chance in epoch {progress.epoch - _EPOCHS_AT_CHANCE + 1}"
    return None


def _resumed(learner: Learner, folder: str | None) -> Progress:
    loaded = checkpoint.load(folder) if folder and learner.ranks.rank == 0 else None
    if loaded:
        learner.restore(loaded[1])
    # Only rank 0 keeps the best weights: the others need no more than the decisions that follow from the history.
    progress: Progress = learner.ranks.broadcast_object(loaded[0].without_weights() if loaded else Progress())
    learner.ranks.broadcast(learner.state())
    return loaded[0] if loaded else progress


def _baseline(learner: Learner, feed: Feed | None) -> dict[str, float]:
    baseline = learner.task.baseline
    if baseline is None or feed is None:
        return {}
    if not callable(baseline):
        return {learner.task.monitor: float(baseline)}
    return evaluate(learner, feed, lambda batch: baseline(batch[0], learner.task.spec))


def _epoch(learner: Learner, feeds: Feeds, epoch: int) -> dict[str, float]:
    """One pass over the training rows, and the figures of the model after it; a loss that is not finite ends it."""
    started = time.perf_counter()
    losses = weights = rows = waited = 0.0
    for batch, seconds in _timed(feeds.train.batches(epoch)):
        loss, weight = learner.step(batch)
        losses, weights = losses + loss, weights + weight
        rows, waited = rows + len(batch[2]), waited + seconds
    spent = time.perf_counter() - started
    if not math.isfinite(losses):
        return {"epoch": epoch, "loss": losses}
    learner.average_statistics()
    rows, waited, total = learner.ranks.allreduce_sum_array("pace", np.array([rows, waited, spent])).tolist()
    entry = {"epoch": epoch, "loss": losses / weights if weights else math.nan}
    if feeds.validate is not None:
        with learner.averaged():
            found = evaluate(learner, feeds.validate)
        entry |= {f"val_{name}": value for name, value in found.items()}
    seconds = total / learner.ranks.size
    return entry | {"seconds": seconds, "samples_per_s": rows / seconds, "feed_share": waited / total}


def _timed(batches: Iterator[Decoded]) -> Iterator[tuple[Decoded, float]]:
    while True:
        started = time.perf_counter()
        batch = next(batches, None)
        if batch is None:
            return
        yield batch, time.perf_counter() - started


def _judged(progress: Progress, entry: dict[str, float], learner: Learner, baseline: Mapping[str, float]) -> Progress:
    """The progress with one epoch more; the best epoch, or the last one where none is validated, is the one kept."""
    task, epoch = learner.task, progress.epoch + 1
    if not math.isfinite(entry["loss"]):
        what = f"loss {entry['loss']} in epoch {epoch}"
        if not progress.history:
            todo = "lower spec['learning_rate'] or set spec['clipnorm']"
            raise TrainingError("a finite training loss", found=what, todo=todo)
        return replace(progress, ended=f"failed to learn: {what}")
    figure = entry.get(f"val_{task.monitor}")
    history = [*progress.history, entry]
    gained = figure is not None and task.monitored.better(figure, progress.figure, float(task.spec.get("min_delta", 0)))
    if figure is None or gained or not progress.history:
        keep = learner.weights() if learner.ranks.rank == 0 else []
        return Progress(history, epoch, keep, math.nan if figure is None else figure, shapes=dict(learner.shapes))
    had_learned = task.monitored.better(progress.figure, baseline.get(task.monitor, math.nan))
    lost = had_learned and at_chance(task, entry, history[0], baseline)
    again = progress.at_chance + 1 if lost else 0
    return replace(progress, history=history, epochs_without_gain=progress.epochs_without_gain + 1, at_chance=again)
