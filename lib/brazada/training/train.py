"""Training a task from a pinned table to a registered model."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

from brazada.errors import SettingsError, TrainingError
from brazada.tables import Snapshot
from brazada.training import files, preflight
from brazada.training.launch import Launcher, launcher
from brazada.training.loop import Outcome
from brazada.training.rank import Order
from brazada.training.registry import Run, Start, judge, register
from brazada.training.task import Task

if TYPE_CHECKING:
    from brazada.report import Job

_START = "start.json"


def train(job: Job, task: Task, where: str = "true", *, resume: str | None = None, refit: bool = False) -> Run:
    """Train on the rows of the task's table that meet the SQL condition `where`; register and judge the model.

    The newest version is pinned. With `refit` the same ranks then train anew on training and validation rows, for as
    many epochs as were best: the run's `refit`, promoted if the run is. `resume` names a run that did not finish: it
    goes on from its last checkpoint, on the version, filter and spec it was started with. Raises `TrainingError`,
    `VersionError`.
    """
    start, snapshot = _resumed(job, task, resume) if resume else _started(job, task, where, refit)
    task = replace(task, spec=start.spec)
    runner = launcher(job.spark, job.settings.training)
    plan = preflight.check(task, snapshot, start.where, ranks=runner.ranks)
    if task.statistics and "statistics" not in start.spec:
        task = task.with_spec(statistics=task.statistics(preflight.training_rows(task, snapshot, start.where)))
        start = replace(start, spec=task.spec)
    folder = f"{runs_folder(job)}/{start.run}"
    files.write(f"{folder}/{_START}", json.dumps(asdict(start)).encode())
    options = job.settings.training
    order = Order(
        task, plan, options.feed, options.shuffle_mb, options.threads_per_rank, start.seed, folder, start.refit
    )
    run = judge(task, start, _launched(job, runner, order, start))
    register(job, task, run, runner.ranks)
    files.remove(folder)
    return run


def runs_folder(job: Job) -> str:
    """Where unfinished runs keep their checkpoints: `training.runs_path`, or a folder in the warehouse."""
    options, warehouse = job.settings.training, job.settings.warehouse.path
    if options.runs_path or warehouse:
        return options.runs_path or f"{warehouse}/.training"
    raise SettingsError("training.runs_path where the warehouse has no path", found="null", todo="set it to a folder")


def _started(job: Job, task: Task, where: str, refit: bool) -> tuple[Start, Snapshot]:
    snapshot = job.store.read(task.table)
    start = Start(
        run=f"{task.name}-{uuid.uuid4().hex[:12]}",
        task=task.name,
        table=task.table,
        version=snapshot.version,
        where=where,
        seed=job.settings.training.seed,
        spec=dict(task.spec),
        refit=refit,
    )
    return start, snapshot


def _resumed(job: Job, task: Task, run: str) -> tuple[Start, Snapshot]:
    content = files.read(f"{runs_folder(job)}/{run}/{_START}")
    if content is None:
        raise TrainingError(
            f"an unfinished run {run}",
            found=", ".join(files.names(runs_folder(job))) or "no unfinished run",
            todo="name one of them, or train without --resume",
        )
    start = Start(**json.loads(content))
    if start.task != task.name:
        raise TrainingError(f"a run of {task.name}", found=f"{run} of {start.task}", todo="name a run of that task")
    return start, job.store.read(start.table, start.version)


def _launched(job: Job, runner: Launcher, order: Order, start: Start) -> Outcome:
    epochs = int(order.task.spec["epochs"]) * (2 if order.refit else 1)
    with job.progress(order.task.name, total=epochs) as bar:

        def show(entry: Mapping[str, float]) -> None:
            bar.advance(1, f"{order.task.name} " + " ".join(f"{k} {v:.4g}" for k, v in entry.items() if "loss" in k))

        try:
            return runner.run(order, show, partial(say, job))
        except BaseException:
            say(job, f"run {start.run} did not finish; --resume {start.run} goes on from its last checkpoint")
            raise


def say(job: Job, text: str) -> None:
    """Print at once: what is noted for the report is not printed when a job fails."""
    job.console.print(f"  {text}", markup=False, soft_wrap=True)
