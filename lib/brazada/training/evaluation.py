"""Predictions of a stored model over a table's rows, by Spark tasks side by side."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.training import devices
from brazada.training.columns import columns_of
from brazada.training.model import Model

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.report import Job

_BATCH = 1024  # rows at once through the network


def predict(job: Job, model: Model, frame: DataFrame, key: Sequence[str]) -> DataFrame:
    """The `key` columns of a frame and `prediction` (ARRAY<FLOAT>): the model's output for each row, flattened.

    The weights travel once to every executor; each of Spark's Python processes builds the model once. Raises
    `ModelError`, in the task, where the rows decode to other shapes than those of the training.
    """
    from pyspark.sql import types as T

    kept = [frame.schema[name] for name in key]
    schema = T.StructType([*kept, T.StructField("prediction", T.ArrayType(T.FloatType()))])
    weights = job.spark.sparkContext.broadcast(model.weights)
    this = uuid.uuid4().hex
    bare, columns, keys = replace(model, weights=[]), list(model.task.columns), list(key)

    def run(batches: Iterable[Any]) -> Iterator[Any]:
        yield from _predicted(replace(bare, weights=weights.value), this, batches, keys)

    names = list(dict.fromkeys([*keys, *columns]))
    return frame.select(*names).mapInArrow(run, schema)


_last: dict[str, Any] = {}  # the network of the last call of `predict` that this process had a task of


def _built(model: Model, call: str) -> Any:
    """The network of a model; built, and its function traced, once for all tasks of a call in this process."""
    if call not in _last:
        devices.own(1)  # a Spark task owns one core
        _last.clear()
        _last[call] = model.keras()
    return _last[call]


def _predicted(model: Model, call: str, batches: Iterable[Any], key: list[str]) -> Iterator[Any]:
    import pyarrow as pa

    for batch in batches:
        if not batch.num_rows:
            continue
        network = _built(model, call)
        decoded = model.task.decode(columns_of(batch.select(list(model.task.columns))))
        model.check(decoded)
        output = np.asarray(network.predict(decoded[0], batch_size=_BATCH, verbose=0), np.float32)
        flat = output.reshape(batch.num_rows, -1)
        lengths = np.arange(0, flat.size + 1, flat.shape[1], dtype=np.int32)
        lists = pa.ListArray.from_arrays(lengths, flat.ravel())
        yield pa.RecordBatch.from_arrays([*batch.select(key).columns, lists], [*key, "prediction"])
