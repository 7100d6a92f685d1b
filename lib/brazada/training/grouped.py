"""One model for each group of rows (a product, a swimmer): fits side by side as Spark tasks, each on one core."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from brazada.errors import BrazadaError, TrainingError
from brazada.session import bounded_batches
from brazada.training import files
from brazada.training.data import preflight
from brazada.training.data.columns import columns_of
from brazada.training.data.reader import MemoryFeed, joined
from brazada.training.launch import devices
from brazada.training.loop.epochs import Feeds, fit
from brazada.training.loop.learner import Learner
from brazada.training.loop.ranks import SingleProcess
from brazada.training.registry.runs import Fit, Start
from brazada.training.task import Decoded, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

    from brazada.report import Job
    from brazada.tables import Snapshot

_RESULT = "result STRING"


def fitted(job: Job, task: Task, snapshot: Snapshot, start: Start, folder: str) -> list[Fit]:
    """Fit the task to each group of rows with equal `by` columns, as many at once as Spark has slots.

    Each finished fit is kept in the run's folder by the Spark task that made it, and is not made again. A group that
    fails is recorded, and the others go on. Raises `TrainingError` when there are no groups.
    """
    rows = preflight.chosen(task, snapshot, start.where, (task.train, task.validate))
    groups = rows.groupBy(*task.by).count().orderBy("count", ascending=False).drop("count").collect()
    if not groups:
        raise TrainingError("groups to fit", found=f"no row where {start.where}", todo="check the filter")
    kept = _kept(folder)
    missing = [group for group in groups if _name(group.asDict()) not in kept]
    with bounded_batches(job.spark, task.rows_per_chunk):
        return [*kept.values(), *_fitted(job.spark, task, rows, missing, start.seed, folder)]


def _kept(folder: str) -> dict[str, Fit]:
    """Fits that are done, by name."""
    done = [name for name in files.names(folder) if name.startswith("fit-") and name.endswith(".json")]
    return {name.removesuffix(".json"): Fit(**json.loads(files.read(f"{folder}/{name}") or b"")) for name in done}


def _fitted(spark: SparkSession, task: Task, rows: DataFrame, groups: list[Row], seed: int, folder: str) -> list[Fit]:
    """Fit groups, each in a Spark partition of its own, so that a free slot takes the next: the largest go first."""
    from pyspark.sql import functions as F

    if not groups:
        return []
    by = list(groups[0].asDict())
    salts = spark.range(50 * len(groups)).select("id", F.expr(f"pmod(hash(id), {len(groups)})").alias("slot"))
    salt_of = {row["slot"]: row["id"] for row in salts.groupBy("slot").agg(F.min("id").alias("id")).collect()}
    numbered = [(*group, salt_of[slot]) for slot, group in enumerate(groups)]
    schema = rows.select(*by).schema.add("_salt", "long")
    laid_out = rows.join(F.broadcast(spark.createDataFrame(numbered, schema)), by, how="inner")
    laid_out = laid_out.repartition(len(groups), "_salt").select(*dict.fromkeys([*by, task.split, *task.columns]))
    laid_out = laid_out.sortWithinPartitions(F.xxhash64(*task.columns))  # the same order, whatever the shuffle did

    def run(batches: Iterable[Any]) -> Iterator[Any]:
        yield from _run(task, by, folder, seed, batches)

    return [Fit(**json.loads(row["result"])) for row in laid_out.mapInArrow(run, _RESULT).collect()]


def _run(task: Task, by: list[str], folder: str, seed: int, batches: Iterable[Any]) -> Iterator[Any]:
    """One partition: the rows of one group, fitted and kept."""
    import pyarrow as pa

    held = [batch for batch in batches if batch.num_rows]
    if not held:
        return
    group = {name: held[0].column(name)[0].as_py() for name in by}
    started = time.perf_counter()
    try:
        result = _fit(task, held, group, folder, seed)
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if not isinstance(error, BrazadaError) else str(error)
        result = Fit(group, _name(group), "failed", time.perf_counter() - started, None, {}, {}, text[:2000])
    yield pa.RecordBatch.from_pydict({"result": [json.dumps(asdict(result), default=str)]})


def _fit(task: Task, held: Sequence[Any], group: dict[str, Any], folder: str, seed: int) -> Fit:
    started = time.perf_counter()
    devices.configure_tensorflow(1)
    import tensorflow as tf

    tf.keras.backend.clear_session()  # the worker keeps its process: the graphs of the fit before are let go
    batch = int(task.spec["batch"])
    train, validate = (_split(task, held, name) for name in (task.train, task.validate))
    feed = MemoryFeed(task, train, batch, seed)
    outcome = fit(Learner(task, SingleProcess(), seed, feed.steps), Feeds(feed, MemoryFeed(task, validate, batch)))
    facts = {"group": group, "spec": dict(task.spec), "shapes": outcome.shapes}
    packed = files.pack(files.numbered("weight", outcome.weights), json.loads(json.dumps(facts, default=str)))
    files.write(f"{folder}/{_name(group)}.npz", packed)
    seconds = time.perf_counter() - started
    done = Fit(group, _name(group), "done", seconds, outcome.best_epoch, outcome.metrics, outcome.baseline, None)
    files.write(f"{folder}/{_name(group)}.json", json.dumps(asdict(done), default=str).encode())
    return done


def _split(task: Task, held: Sequence[Any], name: str) -> Decoded:
    """The rows of one part, decoded batch by batch."""
    import pyarrow.compute as pc

    chosen = [batch.filter(pc.equal(batch.column(task.split), name)).select(list(task.columns)) for batch in held]
    chosen = [batch for batch in chosen if batch.num_rows]
    if not chosen:
        raise TrainingError(f"rows of the split '{name}'", found="none", todo="leave this group out by the filter")
    weights, faults, said = zip(*(preflight.validate_batch(task, batch) for batch in chosen), strict=True)
    if sum(faults) or not sum(weights):
        raise TrainingError(
            f"rows of the split '{name}' that decode to finite numbers and weigh something",
            found=f"{sum(faults)} of {sum(b.num_rows for b in chosen)} that do not: {next(filter(None, said), None)}",
            todo="mend or quarantine them where the table is written",
        )
    return joined([task.decode(columns_of(batch), task.spec) for batch in chosen])


def _name(group: dict[str, Any]) -> str:
    """A file name for a group, whatever its values hold."""
    return "fit-" + sha256(json.dumps(group, sort_keys=True, default=str).encode()).hexdigest()[:24]
