"""One learning problem, declared: the table, how a batch decodes, the model, the loss and the baseline to beat."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Array = np.ndarray[Any, Any]
Arrays = Array | Mapping[str, Array]
Columns = Mapping[str, Array]
Decoded = tuple[Arrays, Arrays, Array]
Decode = Callable[[Columns], Decoded]
Score = Callable[[Any, Any, Any], tuple[Any, Any]]
Baseline = Callable[[Arrays, Mapping[str, Any]], Array]


def adam(spec: Mapping[str, Any]) -> Any:
    """Adam from `learning_rate` (0.001) and `clipnorm` (none) of the spec; the norm is of the gradient of all ranks."""
    import tensorflow as tf

    return tf.keras.optimizers.Adam(spec.get("learning_rate", 1e-3), global_clipnorm=spec.get("clipnorm"))


@dataclass(frozen=True)
class Task:
    """A learning problem. Its functions are module-level, so that they travel to ranks by reference.

    `decode` turns columns of n rows (scalars [n], lists of one length [n, length], binaries [n] of bytes) into
    (inputs, targets, weights): arrays, or mappings of arrays, whose first axis is n. `build(spec, seed)` returns a
    Keras model. `loss(y_true, y_pred, weight)` returns the SUM of the weighted loss and the SUM of the weights of a
    batch, so that masked losses add up exactly over batches and ranks; each of `metrics` does the same.
    `spec` is JSON-able and holds `epochs`, `batch` (rows of one step over all ranks), and where wanted `patience`
    (epochs without gain before stopping) and `min_delta`. `statistics` learns JSON-able values from the training rows
    alone; they are stored as `spec["statistics"]` before `build` sees it. `baseline` is a number or a function
    `(inputs, spec) -> y_pred`, scored by the same loss on the validation rows; the model is to fall below it in
    `judged_by` (`loss` or the name of a metric, smaller is better). Raises `ValueError` for a faulty declaration.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    decode: Decode
    build: Callable[[Mapping[str, Any], int], Any]
    loss: Score
    spec: Mapping[str, Any]
    split: str = "split"
    train: str = "train"
    validate: str = "validate"
    optimizer: Callable[[Mapping[str, Any]], Any] = adam
    metrics: Mapping[str, Score] = field(default_factory=dict)
    statistics: Callable[[DataFrame], Mapping[str, Any]] | None = None
    baseline: float | Baseline | None = None
    judged_by: str = "loss"

    def __post_init__(self) -> None:
        """Refuse a declaration that could not be trained or stored."""
        for key in ("epochs", "batch"):
            if not isinstance(self.spec.get(key), int) or self.spec[key] < 1:
                raise ValueError(f"{self.name}: spec['{key}'] must be a positive integer, not {self.spec.get(key)!r}")
        if self.judged_by not in {"loss", *self.metrics}:
            raise ValueError(f"{self.name}: judged_by names no metric: {self.judged_by}")
        try:
            json.dumps(dict(self.spec), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: the spec is not JSON-able: {error}") from None

    def with_spec(self, **changes: Any) -> Task:
        """The task with entries of its spec changed or added."""
        return replace(self, spec={**self.spec, **changes})


def each(function: Callable[[Array], Any], arrays: Arrays) -> Any:
    """Apply a function to an array, or to every array of a mapping."""
    return {key: function(value) for key, value in arrays.items()} if isinstance(arrays, Mapping) else function(arrays)


def flat(arrays: Arrays, name: str) -> dict[str, Array]:
    """The arrays by name: `name` alone, or `name.key` for each of a mapping."""
    return {f"{name}.{k}": v for k, v in arrays.items()} if isinstance(arrays, Mapping) else {name: arrays}


def rows_of(decoded: Decoded) -> int:
    """Number of rows of a decoded batch."""
    return len(decoded[2])
