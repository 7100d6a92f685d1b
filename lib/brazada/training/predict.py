"""Predictions of a stored model over a table's rows, by Spark tasks side by side."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import TrainingError
from brazada.session import bounded_batches
from brazada.training.data.columns import columns_of
from brazada.training.data.preflight import chosen
from brazada.training.launch import devices
from brazada.training.registry.model import Model
from brazada.training.tables import PREDICTIONS
from brazada.training.task import Array, Decoded

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

    from brazada.report import Job

_BATCH = 1024  # rows at once through the network, at most


def predict(job: Job, model: Model, where: str = "true") -> int:
    """Write the model's predictions for the rows of its task's table that meet an SQL condition; how many.

    The newest version is read. They go to ml.predictions, or to the task's own table, in place of those that the same
    run made of the same rows. Raises `TrainingError` where no row meets the condition.
    """
    from pyspark.sql import functions as F

    task = model.task
    table = task.predictions or PREDICTIONS
    snapshot = job.store.read(task.table)
    rows = chosen(task, snapshot, task.within(where))
    if task.predictions:
        own = [field for field in table.columns if field.name not in {*task.key, "run", "version"}]
        found = predictions(job, model, rows, task.key, own)
    else:
        named = ("label", "probability", "probabilities", "values")
        found = predictions(job, model, rows, task.key, [table.columns[name] for name in named])
        found = found.withColumn("id", F.concat_ws("|", *task.key)).withColumn("task", F.lit(task.name))
    found = found.withColumn("run", F.lit(model.run)).withColumn("version", F.lit(snapshot.version))
    found = found.select(*table.columns.names).persist()  # a merge reads its rows twice
    try:
        with bounded_batches(job.spark, task.rows_per_chunk):
            count = found.count()
        if not count:
            raise TrainingError(
                f"rows of {task.table} to predict", found=f"none where {task.within(where)}", todo="check the filter"
            )
        job.store.merge(table, found)
    finally:
        found.unpersist()
    job.note(f"{count:,} rows of {task.table} v{snapshot.version} predicted by run {model.run} into {table.name}")
    return count


def predictions(job: Job, model: Model, frame: DataFrame, key: Sequence[str], fields: Sequence[Any]) -> DataFrame:
    """The `key` columns of a frame and, of what the task's `output` names for each row, these fields.

    A map field called `values` takes what has no field. The weights travel once to every executor; each of Spark's
    Python processes builds the model once. Raises `ModelError`, in the task, where the rows decode to other shapes than
    those of the training. Read the result within `bounded_batches`.
    """
    from pyspark.sql import types as T

    schema = T.StructType([*[frame.schema[name] for name in key], *fields])
    names = list(dict.fromkeys([*key, *model.task.columns]))

    def columns(network: Any, decoded: Decoded, batch: Any) -> Iterator[Any]:
        said = named(model, output_of(network, decoded))
        yield _as_batch(
            schema, {name: batch.column(name) for name in key}, said, list(model.task.spec.get("classes", ()))
        )

    return frame.select(*names).mapInArrow(over_batches(job, model, columns), schema)


def over_batches(job: Job, model: Model, work: Any) -> Any:
    """A function for `mapInArrow`: `work(network, decoded, batch)` for each batch, with the model built once."""
    weights = job.spark.sparkContext.broadcast(model.weights)
    this, bare = uuid.uuid4().hex, replace(model, weights=[])

    def run(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            if batch.num_rows:
                whole = replace(bare, weights=weights.value)
                network = _built(whole, this)
                decoded = whole.task.decode(columns_of(batch.select(list(whole.task.columns))), whole.task.spec)
                whole.check(decoded)
                yield from work(network, decoded, batch)

    return run


_last: dict[str, Any] = {}  # the network of the last call that this process had a task of


def _built(model: Model, call: str) -> Any:
    """The network of a model; built, and its function traced, once for all tasks of a call in this process."""
    if call not in _last:
        devices.configure_tensorflow(1)  # a Spark task owns one core
        _last.clear()
        _last[call] = model.keras()
    return _last[call]


def output_of(network: Any, decoded: Decoded) -> Array:
    """What a network gives for decoded rows, as numbers of 32 bits."""
    return np.asarray(network.predict(decoded[0], batch_size=_BATCH, verbose=0), np.float32)


def named(model: Model, output: Array) -> Mapping[str, Array]:
    """The task's prediction columns of what its network gave."""
    task = model.task
    return {"prediction": output} if task.output is None else task.output(output, task.spec)


def _as_batch(schema: StructType, keys: Mapping[str, Any], said: Mapping[str, Array], classes: list[str]) -> Any:
    """Key columns and predictions in the columns of a schema."""
    import pyarrow as pa
    from pyspark.sql import types as T
    from pyspark.sql.pandas.types import to_arrow_schema

    rows = len(next(iter(said.values())))
    fields = {field.name for field in schema} - {"values"}
    rest = {name: array.reshape(rows, -1).tolist() for name, array in said.items() if name not in fields}
    if rest and "values" not in schema.names:
        raise TrainingError(
            "a column for all that the task's output names", found=f"none for {', '.join(rest)}", todo="mend its table"
        )
    columns = []
    for field, kind in zip(schema, to_arrow_schema(schema), strict=True):
        values: Any
        if field.name in keys:
            values = keys[field.name]
        elif field.name == "values":
            values = [list(zip(rest, row, strict=True)) for row in zip(*rest.values(), strict=True)] or None
        elif field.name not in said:
            values = None
        elif isinstance(field.dataType, T.MapType):
            values = [list(zip(classes, row, strict=True)) for row in said[field.name].tolist()]
        else:
            values = said[field.name].tolist()
        columns.append(values if isinstance(values, pa.Array) else pa.array(values or [None] * rows, kind.type))
    return pa.RecordBatch.from_arrays(columns, schema.names)
