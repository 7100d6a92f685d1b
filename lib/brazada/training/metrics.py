"""Metrics that are exact over any number of batches and ranks, and losses to train by.

A metric makes a vector of fixed size of every batch; the vectors add up, and the figure comes of their sum. Targets and
predictions of classifiers are class numbers [n] and probabilities [n, classes], those of regressions have equal shapes
[n, ...]; weights are [n]. Names and averages are scikit-learn's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

Array = np.ndarray[Any, Any]
Vectors = list[Array]
_SEED = 7
Average = Literal["macro", "micro", "weighted"]


def ratio(vector: Array) -> float:
    """The first number over the second, NaN where that is 0."""
    return float(vector[0] / vector[1]) if vector[1] else math.nan


@dataclass(frozen=True)
class Metric:
    """A figure and how it is made. Its functions are module-level, or partials of such, so that they can be pickled.

    `update(y_true, y_pred, weight)` returns a tensor [k] of doubles, of the same size for every batch, that adds up
    over batches and ranks. `result` makes the figure of the sum, or several by name; then `greater_is_better` is None,
    and the metric cannot be monitored. With `cells` the vector counts each row in one of its numbers, so that rows can
    be drawn anew from it, see `interval`.
    """

    update: Callable[[Any, Any, Any], Any]
    result: Callable[[Array], float | Mapping[str, float]] = ratio
    greater_is_better: bool | None = False
    cells: bool = False

    def better(self, figure: float, than: float, by: float = 0.0) -> bool:
        """Whether a figure is better than another by more than so much. What is no number is never better."""
        if not math.isfinite(figure) or not math.isfinite(than):
            return math.isfinite(figure)
        return figure > than + by if self.greater_is_better else figure < than - by


def mean_of(score: Callable[[Any, Any, Any], tuple[Any, Any]], *, greater_is_better: bool = False) -> Metric:
    """The mean of a score that returns the SUM over a batch and the SUM of what it is to be divided by."""
    return Metric(partial(_stacked, score), ratio, greater_is_better)


def mean_absolute_error() -> Metric:
    """Mean over rows of the absolute error, itself the mean over a row's numbers."""
    return mean_of(absolute_error)


def mean_squared_error() -> Metric:
    """Mean over rows of the squared error, itself the mean over a row's numbers."""
    return mean_of(squared_error)


def root_mean_squared_error() -> Metric:
    """Root of the mean squared error."""
    return Metric(partial(_stacked, squared_error), _root)


def r2() -> Metric:
    """Share of the variance of targets [n] that is explained; NaN for targets that are all alike."""
    return Metric(_moments, _explained, greater_is_better=True)


def log_loss() -> Metric:
    """Mean cross-entropy of classes and their probabilities."""
    return mean_of(cross_entropy)


def accuracy() -> Metric:
    """Share of rows whose likeliest class is the true one."""
    return mean_of(_hits, greater_is_better=True)


def top_k_accuracy(k: int) -> Metric:
    """Share of rows whose true class is among the k likeliest."""
    return mean_of(partial(_hits_in_top, k), greater_is_better=True)


def balanced_accuracy(classes: int) -> Metric:
    """Mean recall of the classes that occur."""
    return Metric(partial(_confusion, classes), partial(_balanced, classes), greater_is_better=True, cells=True)


def precision(classes: int, average: Average = "macro") -> Metric:
    """Share of the rows predicted as a class that are of it, averaged over classes; 0 for one never predicted."""
    return Metric(partial(_confusion, classes), partial(_averaged, classes, 0, average), True, cells=True)


def recall(classes: int, average: Average = "macro") -> Metric:
    """Share of the rows of a class that are predicted as it, averaged over classes."""
    return Metric(partial(_confusion, classes), partial(_averaged, classes, 1, average), True, cells=True)


def f1(classes: int, average: Average = "macro") -> Metric:
    """Harmonic mean of precision and recall, averaged over classes."""
    return Metric(partial(_confusion, classes), partial(_averaged, classes, 2, average), True, cells=True)


def regrouped(metric: Metric, groups: Sequence[int | None]) -> Metric:
    """A metric of classes put together: class c counts as `groups[c]`; of a None neither rows nor probabilities do."""
    return replace(metric, update=partial(_regrouped, metric.update, tuple(groups)))


def confusion_matrix(classes: Sequence[str]) -> Metric:
    """Weight of the rows of each true and predicted class, as `true>predicted`; `true>` for no number predicted."""
    return Metric(partial(_confusion, len(classes)), partial(_cells, tuple(classes)), None)


def per_class(classes: Sequence[str]) -> Metric:
    """`precision.<class>`, `recall.<class>`, `f1.<class>` and `support.<class>`."""
    return Metric(partial(_confusion, len(classes)), partial(_each_class, tuple(classes)), None)


def auc(classes: int = 2, bins: int = 4096) -> Metric:
    """Area under the ROC curve of class 1 of two, or the mean over classes of each against the others.

    Scores are counted in equal bins of [0, 1] and ties within a bin count one half: it is the exact area of scores
    rounded to bins, and differs from that of the scores by at most half the share of pairs of a positive and a negative
    that fall into one bin. A class that does not occur, or no other, is left out. Source: Fawcett 2006.
    """
    return Metric(partial(_histograms, classes, bins), partial(_area, classes, bins), greater_is_better=True)


def cross_entropy(y_true: Any, y_pred: Any, weight: Any, smoothing: float = 0) -> tuple[Any, Any]:
    """Sum over rows of -log of the probability of the true class, and the sum of the weights. A loss.

    With `smoothing` that share of a row's weight is for all classes alike (Szegedy et al. 2016).
    """
    import tensorflow as tf

    each = tf.keras.losses.sparse_categorical_crossentropy(y_true, y_pred)
    if smoothing:
        alike = -tf.reduce_mean(tf.math.log(tf.maximum(y_pred, tf.keras.backend.epsilon())), axis=-1)
        each = (1 - smoothing) * each + smoothing * alike
    return tf.reduce_sum(_weighted(each, weight)), tf.reduce_sum(weight)


def squared_error(y_true: Any, y_pred: Any, weight: Any) -> tuple[Any, Any]:
    """Sum over rows of the squared error, itself the mean over a row's numbers, and the sum of the weights. A loss."""
    import tensorflow as tf

    return _by_row(tf.square(_error(y_true, y_pred)), weight)


def absolute_error(y_true: Any, y_pred: Any, weight: Any) -> tuple[Any, Any]:
    """Sum over rows of the absolute error, itself the mean over a row's numbers, and the sum of the weights. A loss."""
    import tensorflow as tf

    return _by_row(tf.abs(_error(y_true, y_pred)), weight)


def updates(metrics: Mapping[str, Metric], y_true: Any, y_pred: Any, weight: Any) -> list[Any]:
    """What a batch adds to the vector of each metric."""
    return [metric.update(y_true, y_pred, weight) for metric in metrics.values()]


def scored(metrics: Mapping[str, Metric], batch: tuple[Any, Any, Any], y_pred: Array) -> Vectors:
    """What a batch of (inputs, targets, weights) adds to the vector of each metric, for predictions at hand."""
    return [vector.numpy() for vector in updates(metrics, batch[1], np.asarray(y_pred, np.float32), batch[2])]


def added(sums: Vectors, more: Vectors) -> Vectors:
    """The sums of vectors so far, with those of one more batch; none so far is an empty list."""
    return [one + other for one, other in zip(sums, more, strict=True)] if sums else more


def results(metrics: Mapping[str, Metric], vectors: Vectors) -> dict[str, float]:
    """The figures of metrics by name, of their summed vectors; `name.part` where a metric gives several."""
    found: dict[str, float] = {}
    for (name, metric), vector in zip(metrics.items(), vectors, strict=True):
        figure = metric.result(vector)
        parts = {f".{part}": value for part, value in figure.items()} if isinstance(figure, Mapping) else {"": figure}
        found |= {f"{name}{part}": value for part, value in parts.items()}
    return found


def interval(
    metric: Metric, vector: Array, level: float = 0.95, draws: int = 1000, seed: int = 7
) -> tuple[float, float]:
    """Bounds of a metric with `cells` by the bootstrap over rows (Efron 1979): rows are drawn anew from the cells."""
    rows = round(float(vector.sum()))
    drawn = np.random.default_rng(_SEED).multinomial(rows, vector / vector.sum(), draws)
    figures = [metric.result(counts.astype(float)) for counts in drawn]
    low, high = np.nanquantile(figures, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def _stacked(score: Callable[[Any, Any, Any], tuple[Any, Any]], y_true: Any, y_pred: Any, weight: Any) -> Any:
    import tensorflow as tf

    return tf.stack([tf.cast(value, tf.float64) for value in score(y_true, y_pred, weight)])


def _root(vector: Array) -> float:
    return math.sqrt(ratio(vector))


def _error(y_true: Any, y_pred: Any) -> Any:
    import tensorflow as tf

    y_pred = tf.convert_to_tensor(y_pred)
    return tf.reshape(tf.cast(y_true, y_pred.dtype), tf.shape(y_pred)) - y_pred  # [n] and [n, 1] are alike


def _by_row(values: Any, weight: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    rows = tf.reduce_mean(tf.reshape(values, [tf.shape(values)[0], -1]), axis=1)
    return tf.reduce_sum(_weighted(rows, weight)), tf.reduce_sum(weight)


def _weighted(values: Any, weight: Any) -> Any:
    """Values times weights; 0 where the weight is 0, whatever the value."""
    import tensorflow as tf

    return tf.math.multiply_no_nan(values, tf.cast(weight, values.dtype))


def _moments(y_true: Any, y_pred: Any, weight: Any) -> Any:
    import tensorflow as tf

    left, weight = tf.cast(_error(y_true, y_pred), tf.float64), tf.cast(weight, tf.float64)
    values = tf.cast(y_true, tf.float64)
    sums = tf.square(tf.reshape(left, [-1])), tf.square(values), values, tf.ones_like(values)
    return tf.stack([tf.reduce_sum(_weighted(each, weight)) for each in sums])


def _explained(vector: Array) -> float:
    residual, squares, total, weight = vector
    variance = squares - total * total / weight if weight else 0.0
    return float(1 - residual / variance) if variance > 0 else math.nan


def _hits(y_true: Any, y_pred: Any, weight: Any) -> tuple[Any, Any]:
    return _hits_in_top(1, y_true, y_pred, weight)


def _hits_in_top(k: int, y_true: Any, y_pred: Any, weight: Any) -> tuple[Any, Any]:
    import tensorflow as tf

    hit = (
        tf.math.in_top_k(tf.cast(y_true, tf.int32), tf.cast(y_pred, tf.float32), k)
        if k > 1
        else _likeliest(y_pred) == (tf.cast(y_true, tf.int32))
    )
    weight = tf.cast(weight, tf.float64)
    return tf.reduce_sum(tf.cast(hit, tf.float64) * weight), tf.reduce_sum(weight)


def _likeliest(y_pred: Any) -> Any:
    """The likeliest class [n], the first of several; one past the last where a probability is no number."""
    import tensorflow as tf

    sound = tf.reduce_all(tf.math.is_finite(y_pred), axis=1)
    return tf.where(sound, tf.argmax(y_pred, axis=1, output_type=tf.int32), tf.shape(y_pred)[1])


def _confusion(classes: int, y_true: Any, y_pred: Any, weight: Any) -> Any:
    """Weights by true and by predicted class, with a column for what is no number, flattened."""
    import tensorflow as tf

    cell = tf.cast(y_true, tf.int32) * (classes + 1) + _likeliest(y_pred)
    return tf.math.unsorted_segment_sum(tf.cast(weight, tf.float64), cell, classes * (classes + 1))


def _by_class(classes: int, vector: Array) -> tuple[Array, Array, Array, Array, Array]:
    """Precision, recall, F1 and support by class, and whether the class occurs, in truth or as a prediction."""
    cells = vector.reshape(classes, classes + 1)
    right, support, told = np.diag(cells[:, :-1]), cells.sum(axis=1), cells[:, :-1].sum(axis=0)

    def share(part: Array, of: Array) -> Array:
        return np.divide(part, of, out=np.zeros(classes), where=of > 0)

    return share(right, told), share(right, support), share(2 * right, told + support), support, (told + support) > 0


def _averaged(classes: int, which: int, average: Average, vector: Array) -> float:
    *figures, support, occurs = _by_class(classes, vector)
    if average == "micro":
        cells = vector.reshape(classes, classes + 1)
        right, told, rows = np.trace(cells[:, :-1]), cells[:, :-1].sum(), cells.sum()
        over = (told, rows, (told + rows) / 2)[which]
        return float(right / over) if over else math.nan
    weights = support if average == "weighted" else occurs.astype(float)
    return float(np.average(figures[which], weights=weights)) if weights.sum() else math.nan


def _balanced(classes: int, vector: Array) -> float:
    _, recalls, _, support, _ = _by_class(classes, vector)
    return float(recalls[support > 0].mean()) if support.any() else math.nan


def _cells(names: tuple[str, ...], vector: Array) -> dict[str, float]:
    cells = vector.reshape(len(names), len(names) + 1)
    return {
        f"{true}>{told}": float(cells[row, column])
        for row, true in enumerate(names)
        for column, told in enumerate((*names, ""))
        if told or cells[row, column]
    }


def _each_class(names: tuple[str, ...], vector: Array) -> dict[str, float]:
    figures = dict(zip(("precision", "recall", "f1", "support"), _by_class(len(names), vector), strict=False))
    return {f"{what}.{name}": float(of[place]) for what, of in figures.items() for place, name in enumerate(names)}


def _regrouped(
    update: Callable[[Any, Any, Any], Any], groups: tuple[int | None, ...], y_true: Any, y_pred: Any, weight: Any
) -> Any:
    import tensorflow as tf

    count = 1 + max(group for group in groups if group is not None)
    into = np.array([[group == column for column in range(count)] for group in groups], np.float32)
    numbers = tf.cast(y_true, tf.int32)
    kept = tf.gather(into.sum(axis=1), numbers)
    of = tf.gather(np.array([group or 0 for group in groups], np.int32), numbers)
    return update(of, tf.matmul(tf.cast(y_pred, tf.float32), into), tf.cast(weight, tf.float32) * kept)


def _histograms(classes: int, bins: int, y_true: Any, y_pred: Any, weight: Any) -> Any:
    """Weights of negatives, then of positives, by bin of the score, class after class; NaN for what is no number."""
    import tensorflow as tf

    found = []
    for number in [1] if classes == 2 else range(classes):
        score = tf.cast(y_pred[:, number], tf.float64)
        place = tf.cast(tf.where(tf.math.is_finite(score), score, 0) * bins, tf.int32)
        positive = tf.cast(tf.cast(y_true, tf.int32) == number, tf.int32)
        cell = positive * bins + tf.clip_by_value(place, 0, bins - 1)
        found.append(tf.math.unsorted_segment_sum(_weighted(1 + 0 * score, weight), cell, 2 * bins))
    return tf.concat(found, axis=0)


def _area(classes: int, bins: int, vector: Array) -> float:
    areas = []
    for negative, positive in vector.reshape(-1, 2, bins):
        pairs = negative.sum() * positive.sum()
        below = np.cumsum(negative) - negative / 2  # negatives below, and half of those in the same bin
        areas += [float(positive @ below / pairs)] if pairs or math.isnan(pairs) else []
    return float(np.mean(areas)) if areas else math.nan
