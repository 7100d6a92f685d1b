"""What the tasks of classifiers share: the shares of classes, a baseline, weights, prediction columns.

Their spec names the classes in `spec["classes"]`, by number.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.training.metrics import confusion_matrix, cross_entropy, f1, per_class, recall
from brazada.training.task import Array, Arrays, Spec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def shares(column: str, count: int, rows: DataFrame) -> dict[str, Any]:
    """The statistics of a task: the `shares` of classes 0 to `count` - 1 among the training rows, by their numbers."""
    found = {row[0]: row[1] for row in rows.groupBy(column).count().collect()}
    return {"shares": [found.get(number, 0) / sum(found.values()) for number in range(count)]}


def commonest(inputs: Arrays, spec: Spec) -> Array:
    """The commonest class of the training rows, with the shares of all classes as probabilities."""
    rows = len(next(iter(inputs.values())) if not isinstance(inputs, np.ndarray) else inputs)
    return np.tile(np.asarray(spec["statistics"]["shares"], np.float32), (rows, 1))


def balancing(power: float, numbers: Arrays, spec: Spec) -> Array:
    """Weights [n] of rows for the loss: those of a class by 1 / its share to a power, 1 for a class of a mean share.

    With power 1 all classes weigh the same, with 0 all rows do.
    """
    shares = np.asarray(spec["statistics"]["shares"], np.float32)
    weights = np.divide(1, shares, out=np.zeros_like(shares), where=shares > 0) / np.count_nonzero(shares)
    chosen: Array = (weights**power)[np.asarray(numbers)]
    return chosen


def classifier(classes: Sequence[str], column: str = "class_number", smoothing: float = 0) -> dict[str, Any]:
    """What tasks that tell classes declare alike, beside `spec["classes"]`; `column` of their table has the numbers.

    `smoothing` is that of `cross_entropy`, their loss.

    Accuracy, which is the recall of all rows together, and the mean of the classes' F1; on test rows precision, recall,
    F1 and support of every class and the confusion matrix too, which `ml.class_report` and `ml.confusion` show.
    """
    return {
        "loss": partial(cross_entropy, smoothing=smoothing),
        "metrics": {"accuracy": recall(len(classes), "micro"), "f1": f1(len(classes))},
        "test_metrics": {"class": per_class(classes), "confusion": confusion_matrix(classes)},
        "statistics": partial(shares, column, len(classes)),
        "baseline": commonest,
        "output": output,
    }


def output(y_pred: Array, spec: Spec) -> dict[str, Array]:
    """The prediction columns: the likeliest of `spec["classes"]`, its probability, and the probabilities of all."""
    best = y_pred.argmax(axis=1)
    labels = np.asarray(spec["classes"], dtype=object)[best]
    return {"label": labels, "probability": y_pred[np.arange(len(y_pred)), best], "probabilities": y_pred}
