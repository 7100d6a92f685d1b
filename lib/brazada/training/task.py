"""One learning problem, declared: the table, how rows decode, the network, the loss, the metrics, the baseline."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import UsageError
from brazada.training.metrics import Metric, mean_of
from brazada.training.optimizers import adam

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.tables import Table

Array = np.ndarray[Any, Any]
Arrays = Array | Mapping[str, Array]
Columns = Mapping[str, Array]
Decoded = tuple[Arrays, Arrays, Array]
Spec = Mapping[str, Any]
Loss = Callable[[Any, Any, Any], tuple[Any, Any]]


@dataclass(frozen=True)
class Task:
    """A learning problem. Its functions are module-level, so that they travel to ranks by reference.

    `decode(columns, spec)` turns columns of n rows (scalars [n], nested lists of fixed lengths [n, ...], binaries [n]
    of bytes) into (inputs, targets, weights): arrays, or mappings of arrays, whose first axis is n; at most
    `rows_per_chunk` rows are decoded at once. `augment(inputs, spec, rng)` changes the inputs of a training batch, and
    of no other; the generator is seeded per epoch and rank. `build(spec, seed)` returns a Keras model.
    `loss(y_true, y_pred, weight)` returns the SUM of the weighted loss and the SUM of the weights of a batch, so that
    masked losses add up exactly over batches and ranks.

    `optimizer(spec)` returns a Keras optimizer; the spec it gets holds `steps` more, those of the whole run. Where it
    keeps a moving average of the weights (Keras's `use_ema`), the model with these is validated and kept.

    `monitor` names the figure on validation rows, `loss` or one of `metrics`, that decides on early stopping, on the
    best epoch and on promotion; its metric says whether less or more of it is better. `test_metrics` are computed by
    `evaluate` alone, beside `metrics`. `baseline` is a figure of the monitor, or a function
    `(inputs, spec) -> y_pred` that is scored as the model is; a model that does not beat it is not promoted.

    `spec` is JSON-able and holds `epochs`, `batch` (rows of one step over all ranks), sizes and names that decode and
    build need, and where wanted `patience` (epochs without gain before stopping) and `min_delta`. `statistics` learns
    JSON-able values from the training rows alone; they stand in `spec["statistics"]` for decode, build and baseline.

    `output(y_pred, spec)` gives named prediction columns, arrays whose first axis is n: `label`, `probability` and
    `probabilities` (n, classes, by `spec["classes"]`) have columns of their own in ml.predictions, others stand in
    its `values`; without `output` that is `prediction`. `predictions` is a table of the task's own to write to
    instead; its columns are those of `key`, `run`, `version` and what `output` names.

    Several tasks may share a name: one problem with several networks, told apart by `network`. `where` is the part of
    the table that the task is about. With `by`, one model is fitted for each group of rows with equal `by` columns.
    With `refit`, the model that is used is trained anew on training and validation rows, for the best number of epochs.
    Raises `ValueError` for a faulty declaration.
    """

    name: str
    table: str
    columns: tuple[str, ...]
    decode: Callable[[Columns, Spec], Decoded]
    build: Callable[[Spec, int], Any]
    loss: Loss
    spec: Spec
    monitor: str
    network: str = "network"
    key: tuple[str, ...] = ("id",)
    where: str = "true"
    by: tuple[str, ...] = ()
    refit: bool = False
    split: str = "split"
    train: str = "train"
    validate: str = "validate"
    test: str = "test"
    optimizer: Callable[[Spec], Any] = adam
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    test_metrics: Mapping[str, Metric] = field(default_factory=dict)
    statistics: Callable[[DataFrame], Mapping[str, Any]] | None = None
    baseline: float | Callable[[Arrays, Spec], Array] | None = None
    augment: Callable[[Arrays, Spec, np.random.Generator], Arrays] | None = None
    weigh: Callable[[Any, Spec], Array] | None = None
    output: Callable[[Array, Spec], Mapping[str, Array]] | None = None
    predictions: Table | None = None
    rows_per_chunk: int = 4096

    def __post_init__(self) -> None:
        """Refuse a declaration that could not be trained or stored."""
        for key in ("epochs", "batch"):
            if not isinstance(self.spec.get(key), int) or self.spec[key] < 1:
                raise ValueError(f"{self.name}: spec['{key}'] must be a positive integer, not {self.spec.get(key)!r}")
        single = [name for name, metric in self.figures.items() if metric.greater_is_better is not None]
        if self.monitor not in single:
            raise ValueError(f"{self.name}: monitor names none of {', '.join(single)}: {self.monitor!r}")
        if self.rows_per_chunk < 1:
            raise ValueError(f"{self.name}: rows_per_chunk must be positive, not {self.rows_per_chunk}")
        if self.by and (self.statistics or self.refit):
            raise ValueError(f"{self.name}: a task with one model for each group has no statistics and no refit")
        try:
            json.dumps(dict(self.spec), allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{self.name}: the spec is not JSON-able: {error}") from None

    @property
    def figures(self) -> dict[str, Metric]:
        """The metrics of every epoch by name, the loss first."""
        return {"loss": mean_of(self.loss), **self.metrics}

    @property
    def monitored(self) -> Metric:
        """The metric that `monitor` names."""
        return self.figures[self.monitor]

    def with_spec(self, **changes: Any) -> Task:
        """The task with entries of its spec changed or added."""
        return replace(self, spec={**self.spec, **changes})

    def within(self, where: str) -> str:
        """The SQL condition for the task's part of the table, narrowed down by another."""
        parts = [part for part in (self.where, where) if part != "true"]
        return " AND ".join(f"({part})" for part in parts) if len(parts) > 1 else "".join(parts) or "true"


def variant(tasks: Iterable[Task], name: str, network: str | None = None) -> Task:
    """The task of a name with that network, by default with its first one. Raises `UsageError` where there is none."""
    tasks = list(tasks)
    named = [task for task in tasks if task.name == name]
    if not named:
        known = ", ".join(sorted({task.name for task in tasks}))
        raise UsageError(f"a task out of {known}", found=name, todo="see `brazada tasks`")
    chosen = next((task for task in named if network in (None, task.network)), None)
    if chosen is None:
        known = ", ".join(task.network for task in named)
        raise UsageError(f"a network of {name} out of {known}", found=str(network), todo="see `brazada tasks`")
    return chosen


def each(function: Callable[[Array], Any], arrays: Arrays) -> Any:
    """Apply a function to an array, or to every array of a mapping."""
    return {key: function(value) for key, value in arrays.items()} if isinstance(arrays, Mapping) else function(arrays)


def flat(arrays: Arrays, name: str) -> dict[str, Array]:
    """The arrays by name: `name` alone, or `name.key` for each of a mapping."""
    return {f"{name}.{k}": v for k, v in arrays.items()} if isinstance(arrays, Mapping) else {name: arrays}


def rows_of(decoded: Decoded) -> int:
    """Number of rows of a decoded batch."""
    return len(decoded[2])
