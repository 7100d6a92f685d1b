"""One model for each group of rows (a product, a swimmer): fits side by side as Spark tasks, each on one core."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from brazada.errors import BrazadaError, ModelError, TrainingError
from brazada.training import devices, files, preflight
from brazada.training.columns import columns_of
from brazada.training.learner import Learner
from brazada.training.loop import Feeds, fit
from brazada.training.model import Model
from brazada.training.ranks import Alone
from brazada.training.reader import MemoryFeed
from brazada.training.task import Decoded, Task
from brazada.training.train import runs_folder, say

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from brazada.report import Job

_RESULT = "result STRING"


@dataclass(frozen=True)
class Fit:
    """One group's training: `status` is done or failed; `metrics` and `baseline` are of its validation rows."""

    group: dict[str, Any]
    status: str
    seconds: float
    best_epoch: int | None
    metrics: dict[str, float]
    baseline: dict[str, float]
    shapes: dict[str, list[int | None]]
    error: str | None


@dataclass(frozen=True)
class Many:
    """The fits of a run over the groups of one table version; failed ones are tried again on `resume`."""

    run: str
    version: int
    where: str
    folder: str
    fits: list[Fit]


def train_many(job: Job, task: Task, by: Sequence[str], where: str = "true", *, resume: str | None = None) -> Many:
    """Fit the task to each group of rows with equal `by` columns, as many at once as Spark has slots.

    Each finished fit is kept in the run's folder by the Spark task that made it; `resume` names a run, pins its
    version and filter, and fits only what is missing there. A group that fails is recorded, and the others go on.
    Raises `TrainingError` when there are no groups, for a task with `statistics`, and when the named run is unknown.
    """
    facts: dict[str, Any] = (
        _resumed(job, task, resume) if resume else {"task": task.name, "by": list(by), "where": where}
    )
    snapshot = job.store.read(task.table, facts.get("version"))
    run = resume or f"{task.name}-{uuid.uuid4().hex[:12]}"
    folder = f"{runs_folder(job)}/{run}"
    facts |= {"version": snapshot.version}
    files.write(f"{folder}/many.json", json.dumps(facts).encode())
    rows = preflight.chosen(task, snapshot, facts["where"], (task.train, task.validate))
    groups = rows.groupBy(*facts["by"]).count().orderBy("count", ascending=False).drop("count").collect()
    if not groups:
        raise TrainingError("groups to fit", found=f"no row where {facts['where']}", todo="check the filter")
    kept = _kept(folder)
    say(job, f"run {run} on {task.table} v{snapshot.version}, {len(groups)} fits, {len(kept)} of them done")
    missing = [group for group in groups if _name(group.asDict()) not in kept]
    fits = [*kept.values(), *_fitted(job, task, rows, missing, folder)]
    failed = sum(fit.status == "failed" for fit in fits)
    job.note(f"run {run}: {len(fits) - failed} fits done, {failed} failed" + f" (--resume {run})" * bool(failed))
    return Many(run, snapshot.version, facts["where"], folder, fits)


def model_of(job: Job, task: Task, run: str, group: dict[str, Any]) -> Model:
    """The model of one group of a run. Raises `ModelError` where its fit is not done."""
    folder = f"{runs_folder(job)}/{run}"
    content = files.read(f"{folder}/{_name(group)}.npz")
    if content is None:
        raise ModelError(f"a finished fit of {group}", found=f"none in {folder}", todo="resume the run")
    arrays, facts = files.unpack(content)
    return Model(task.with_spec(**facts["spec"]), run, files.listed("weight", arrays), facts["shapes"])


def _resumed(job: Job, task: Task, run: str) -> dict[str, Any]:
    content = files.read(f"{runs_folder(job)}/{run}/many.json")
    facts: dict[str, Any] = json.loads(content) if content else {}
    if facts.get("task") != task.name:
        found = f"one of {facts['task']}" if facts else ", ".join(files.names(runs_folder(job))) or "no run"
        raise TrainingError(f"a run {run} of {task.name} over groups", found=found, todo="name one of its runs")
    return facts


def _kept(folder: str) -> dict[str, Fit]:
    """Fits that are done, by name."""
    done = [name for name in files.names(folder) if name.startswith("fit-") and name.endswith(".json")]
    return {name.removesuffix(".json"): Fit(**json.loads(files.read(f"{folder}/{name}") or b"")) for name in done}


def _fitted(job: Job, task: Task, rows: DataFrame, groups: list[Row], folder: str) -> list[Fit]:
    """Fit groups, each in a Spark partition of its own, so that a free slot takes the next: the largest go first."""
    from pyspark.sql import functions as F

    if not groups:
        return []
    by = list(groups[0].asDict())
    salts = job.spark.range(50 * len(groups)).select("id", F.expr(f"pmod(hash(id), {len(groups)})").alias("slot"))
    salt_of = {row["slot"]: row["id"] for row in salts.groupBy("slot").agg(F.min("id").alias("id")).collect()}
    numbered = [(*group, salt_of[slot]) for slot, group in enumerate(groups)]
    schema = rows.select(*by).schema.add("_salt", "long")
    laid_out = rows.join(F.broadcast(job.spark.createDataFrame(numbered, schema)), by, how="inner")
    laid_out = laid_out.repartition(len(groups), "_salt").select(*dict.fromkeys([*by, task.split, *task.columns]))

    laid_out = laid_out.sortWithinPartitions(F.xxhash64(*task.columns))  # the same order, whatever the shuffle did
    seed = job.settings.training.seed

    def run(batches: Iterable[Any]) -> Iterator[Any]:
        yield from _run(task, by, folder, seed, batches)

    return [Fit(**json.loads(row["result"])) for row in laid_out.mapInArrow(run, _RESULT).collect()]


def _run(task: Task, by: list[str], folder: str, seed: int, batches: Iterable[Any]) -> Iterator[Any]:
    """One partition: the rows of one group, fitted and kept."""
    import pyarrow as pa

    held = [batch for batch in batches if batch.num_rows]
    if not held:
        return
    rows = pa.Table.from_batches(held).combine_chunks().to_batches()[0]
    group = {name: rows.column(name)[0].as_py() for name in by}
    started = time.perf_counter()
    try:
        result = _fit(task, rows, group, folder, seed)
    except Exception as error:
        text = f"{type(error).__name__}: {error}" if not isinstance(error, BrazadaError) else str(error)
        result = Fit(group, "failed", time.perf_counter() - started, None, {}, {}, {}, text[:2000])
    yield pa.RecordBatch.from_pydict({"result": [json.dumps(asdict(result), default=str)]})


def _fit(task: Task, rows: Any, group: dict[str, Any], folder: str, seed: int) -> Fit:
    started = time.perf_counter()
    devices.own(1)
    import tensorflow as tf

    tf.keras.backend.clear_session()  # the worker keeps its process: the graphs of the fit before are let go
    batch = int(task.spec["batch"])
    train, validate = (_split(task, rows, name) for name in (task.train, task.validate))
    feeds = Feeds(MemoryFeed(train, batch, seed), MemoryFeed(validate, batch))
    outcome = fit(Learner(task, Alone(), seed), feeds)
    facts = {"group": group, "spec": dict(task.spec), "shapes": outcome.shapes}
    packed = files.pack(files.numbered("weight", outcome.weights), json.loads(json.dumps(facts, default=str)))
    files.write(f"{folder}/{_name(group)}.npz", packed)
    seconds = time.perf_counter() - started
    done = Fit(group, "done", seconds, outcome.best_epoch, outcome.metrics, outcome.baseline, outcome.shapes, None)
    files.write(f"{folder}/{_name(group)}.json", json.dumps(asdict(done), default=str).encode())
    return done


def _split(task: Task, rows: Any, name: str) -> Decoded:
    import pyarrow.compute as pc

    chosen = rows.filter(pc.equal(rows.column(task.split), name)).select(list(task.columns))
    if not chosen.num_rows:
        raise TrainingError(f"rows of the split '{name}'", found="none", todo="leave this group out by the filter")
    weight, faults, fault = preflight.faults_of(task, chosen)
    if faults or not weight:
        raise TrainingError(
            f"rows of the split '{name}' that decode to finite numbers and weigh something",
            found=f"{faults} of {chosen.num_rows} that do not: {fault}",
            todo="mend or quarantine them where the table is written",
        )
    return task.decode(columns_of(chosen))


def _name(group: dict[str, Any]) -> str:
    """A file name for a group, whatever its values hold."""
    return "fit-" + sha256(json.dumps(group, sort_keys=True, default=str).encode()).hexdigest()[:24]
