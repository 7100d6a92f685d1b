"""A run's model scored once on the rows that were held back for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import TrainingError
from brazada.session import bounded_batches
from brazada.training.data.preflight import chosen
from brazada.training.metrics import Metric, Vectors, added, interval, results, scored
from brazada.training.predict import output_of, over_batches
from brazada.training.registry.model import Model
from brazada.training.registry.runs import run_row, start_of
from brazada.training.tables import METRICS
from brazada.training.task import Decoded

if TYPE_CHECKING:
    from brazada.report import Job

_SUMS = "who STRING, vectors ARRAY<ARRAY<DOUBLE>>"
MODEL, BASELINE = "model", "baseline"
_PREFIX = {MODEL: "test_", BASELINE: "test_baseline_"}


def evaluate(job: Job, model: Model) -> dict[str, dict[str, float]]:
    """The figures of a run's model and of the baseline on the test rows, by `model` and `baseline`, and name.

    Figures that count rows have bounds of 95 % by a bootstrap over the rows, `<name>_low` and `<name>_high`.
    The rows are those of the version and filter that the run was started with. They are scored once: figures that
    ml.metrics has already are read, not made again. Raises `TrainingError` where there are no test rows.
    """
    if found := _known(job, model.run):
        job.note(f"run {model.run}: the test rows were scored before; these are the figures of then")
        return found
    task, start = model.task, start_of(run_row(job, model.run))
    snapshot = job.store.read(start.table, start.version)
    rows = chosen(task, snapshot, start.where, (task.test,)).select(*task.columns)
    metrics = {**task.figures, **task.test_metrics}
    baseline = task.baseline if callable(task.baseline) else None

    def sums(network: Any, decoded: Decoded, batch: Any) -> Iterator[Any]:
        import pyarrow as pa

        found = {MODEL: scored(metrics, decoded, output_of(network, decoded))}
        if baseline:
            found[BASELINE] = scored(metrics, decoded, baseline(decoded[0], task.spec))
        vectors = [[vector.tolist() for vector in of] for of in found.values()]
        yield pa.RecordBatch.from_pydict({"who": list(found), "vectors": vectors})

    totals: dict[str, Vectors] = {}
    with bounded_batches(job.spark, task.rows_per_chunk):
        for row in rows.mapInArrow(over_batches(job, model, sums), _SUMS).toLocalIterator():
            vectors = [np.asarray(vector) for vector in row["vectors"]]
            totals[row["who"]] = added(totals.get(row["who"], []), vectors)
    if not totals:
        raise TrainingError(
            f"rows where {task.split} = '{task.test}' in {start.table} v{start.version}",
            found=f"none where {start.where}",
            todo="have the job that writes the split hold some back",
        )
    found = {who: results(metrics, vectors) for who, vectors in totals.items()}
    found[MODEL] |= _intervals(metrics, totals[MODEL])
    if task.baseline is not None and not baseline:
        found[BASELINE] = {task.monitor: float(task.baseline)}  # type: ignore[arg-type]
    figures = [
        (start.run, f"{_PREFIX[who]}{name}", 0, value) for who, of in found.items() for name, value in of.items()
    ]
    job.store.append_once(METRICS, figures, f"{start.run}/test")
    return found


def _intervals(metrics: Mapping[str, Metric], vectors: Vectors) -> dict[str, float]:
    found: dict[str, float] = {}
    for (name, metric), vector in zip(metrics.items(), vectors, strict=True):
        if metric.cells and vector.any():
            found[f"{name}_low"], found[f"{name}_high"] = interval(metric, vector)
    return found


def _known(job: Job, run: str) -> dict[str, dict[str, float]]:
    from pyspark.sql import functions as F

    found: dict[str, dict[str, float]] = {}
    if job.store.exists(METRICS.name):
        rows = job.store.read(METRICS.name).frame.where((F.col("run") == run) & F.col("name").startswith("test_"))
        for row in rows.collect():
            who = BASELINE if row["name"].startswith(_PREFIX[BASELINE]) else MODEL
            found.setdefault(who, {})[row["name"].removeprefix(_PREFIX[who])] = row["value"]
    return found
