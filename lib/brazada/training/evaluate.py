"""A run's model scored once on the rows that were held back for it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import TrainingError
from brazada.session import bounded_batches
from brazada.training.data.preflight import chosen
from brazada.training.metrics import Vectors, results, scored
from brazada.training.predict import output_of, over_batches
from brazada.training.registry.model import Model
from brazada.training.registry.runs import Start
from brazada.training.tables import METRICS
from brazada.training.task import Decoded

if TYPE_CHECKING:
    from brazada.report import Job

_SUMS = "who STRING, number INT, vector ARRAY<DOUBLE>"
MODEL, BASELINE = "model", "baseline"


def evaluate(job: Job, model: Model, start: Start) -> dict[str, dict[str, float]]:
    """The figures of the model and of the baseline on the run's test rows, by `model` and `baseline`, and name.

    The rows are those of the version and filter that the run was started with. They are scored once: figures that
    ml.metrics has already are read, not made again. Raises `TrainingError` where there are no test rows.
    """
    if found := _known(job, start.run):
        job.note(f"run {start.run}: the test rows were scored before; these are the figures of then")
        return found
    task = model.task
    snapshot = job.store.read(start.table, start.version)
    rows = chosen(task, snapshot, start.where, (task.test,)).select(*task.columns)
    metrics = {**task.figures, **task.test_metrics}
    baseline = task.baseline if callable(task.baseline) else None

    def sums(network: Any, decoded: Decoded, batch: Any) -> Iterator[Any]:
        import pyarrow as pa

        vectors = {MODEL: scored(metrics, decoded, output_of(network, decoded))}
        if baseline:
            vectors[BASELINE] = scored(metrics, decoded, baseline(decoded[0], task.spec))
        made = [(who, number, vector) for who, of in vectors.items() for number, vector in enumerate(of)]
        who, numbers, arrays = zip(*made, strict=True)
        yield pa.RecordBatch.from_pydict({"who": who, "number": pa.array(numbers, pa.int32()), "vector": arrays})

    with bounded_batches(job.spark, task.rows_per_chunk):
        collected = rows.mapInArrow(over_batches(job, model, sums), _SUMS).toLocalIterator()
        totals: dict[str, dict[int, Any]] = {}
        for row in collected:
            of = totals.setdefault(row["who"], {})
            of[row["number"]] = of.get(row["number"], 0) + np.asarray(row["vector"])
    if not totals:
        raise TrainingError(
            f"rows where {task.split} = '{task.test}' in {start.table} v{start.version}",
            found=f"none where {start.where}",
            todo="have the job that writes the split hold some back",
        )
    ordered: dict[str, Vectors] = {who: [of[number] for number in sorted(of)] for who, of in totals.items()}
    found = {who: results(metrics, vectors) for who, vectors in ordered.items()}
    if task.baseline is not None and not baseline:
        found[BASELINE] = {task.monitor: float(task.baseline)}  # type: ignore[arg-type]
    figures = [
        (start.run, f"{_PREFIX[who]}{name}", 0, value) for who, of in found.items() for name, value in of.items()
    ]
    job.store.append_once(METRICS, figures, f"{start.run}/test")
    return found


_PREFIX = {MODEL: "test_", BASELINE: "test_baseline_"}


def _known(job: Job, run: str) -> dict[str, dict[str, float]]:
    from pyspark.sql import functions as F

    found: dict[str, dict[str, float]] = {}
    if job.store.exists(METRICS.name):
        rows = job.store.read(METRICS.name).frame.where((F.col("run") == run) & F.col("name").startswith("test_"))
        for row in rows.collect():
            who = BASELINE if row["name"].startswith(_PREFIX[BASELINE]) else MODEL
            found.setdefault(who, {})[row["name"].removeprefix(_PREFIX[who])] = row["value"]
    return found
