"""Training a task from a pinned table to a registered model, or one model for each group of its rows."""

from __future__ import annotations

import json
import logging
import time
import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from brazada.errors import SettingsError, TrainingError
from brazada.output import command
from brazada.tables import Snapshot
from brazada.training import files, grouped
from brazada.training.data import preflight
from brazada.training.launch.launcher import Launcher, launcher
from brazada.training.launch.rank import INITIAL, WorkerSpec
from brazada.training.loop.epochs import Outcome
from brazada.training.registry.runs import Run, Start, champion, judge, judge_fits, register
from brazada.training.registry.tracking import location
from brazada.training.task import Task

if TYPE_CHECKING:
    from brazada.report import Job

log = logging.getLogger(__name__)

_START = "start.json"
_LINE_EVERY_S = 10.0  # at most, of epochs


def train(job: Job, task: Task, where: str = "true", *, resume: str | None = None, weights: str | None = None) -> Run:
    """Train on the rows of the task's table that meet the SQL condition `where`; register and judge the model.

    The newest version is pinned. A task with `by` gets one model for each group of rows; one with `refit` is trained
    anew on training and validation rows, by the same ranks, for as many epochs as were best. `resume` names a run that
    did not finish: it goes on from its last checkpoint, or with the groups that have no model yet, on the version,
    filter and spec it was started with. `weights` is a file of weights, as Keras writes them, to begin with. Raises
    `TrainingError`, `VersionError`, `ModelError`, and `SettingsError` where there is no place for the model.
    """
    location(job.settings)  # before hours of work, not after
    start = unfinished(job, resume) if resume else None
    if start and (start.task, start.network) != (task.name, task.network):
        found = f"{start.run} of {start.task}, network {start.network}"
        raise TrainingError(f"a run of {task.name}, network {task.network}", found=found, todo="name a run of those")
    snapshot = job.store.read(task.table, start.version if start else None)
    start = start or _start(job, task, where, snapshot)
    task, folder = replace(task, spec=start.spec), f"{runs_folder(job)}/{start.run}"
    initial = _initial(task, weights) if weights else {}
    ranks = 1
    if task.by:
        _keep(start, folder)
        job.say(f"run {start.run} of {task.name}, network {task.network}, on {task.table} v{snapshot.version}")
        run = judge_fits(task, start, grouped.fitted(job, task, snapshot, start, folder))
    else:
        run, ranks = _one(job, task, snapshot, start, folder, initial)
    register(job, task, run, ranks, folder)
    if run.failed:
        again = command("train", task.name, "--resume", run.id, warehouse=job.settings.warehouse.path)
        job.say(f"{run.failed} fits failed; to try them again: {again}")
    else:
        files.remove(folder)
    return run


def runs_folder(job: Job) -> str:
    """Where unfinished runs keep their checkpoints: `training.runs_path`, or a folder in the warehouse."""
    options, warehouse = job.settings.training, job.settings.warehouse.path
    if options.runs_path or warehouse:
        return options.runs_path or f"{warehouse}/.training"
    raise SettingsError("training.runs_path where the warehouse has no path", found="null", todo="set it to a folder")


def unfinished(job: Job, run: str) -> Start:
    """What an unfinished run was started with. Raises `TrainingError` where there is no such run."""
    content = files.read(f"{runs_folder(job)}/{run}/{_START}")
    if content is None:
        raise TrainingError(
            f"an unfinished run {run}",
            found=", ".join(files.names(runs_folder(job))) or "no unfinished run",
            todo="name one of them, or train without --resume",
        )
    return Start(**json.loads(content))


def _start(job: Job, task: Task, where: str, snapshot: Snapshot) -> Start:
    return Start(
        run=f"{task.name}-{uuid.uuid4().hex[:12]}",
        task=task.name,
        network=task.network,
        table=task.table,
        version=snapshot.version,
        where=task.within(where),
        seed=job.settings.training.seed,
        spec={**task.spec, "precision": job.settings.training.precision},
    )


def _keep(start: Start, folder: str) -> None:
    files.write(f"{folder}/{_START}", json.dumps(asdict(start)).encode())


def _initial(task: Task, weights: str) -> dict[str, bytes]:
    """The file of weights to begin with, by the name that the run's folder has it under."""
    content = files.read(weights)
    if task.by or content is None or not weights.endswith((".keras", ".h5")):
        raise TrainingError(
            "a .keras, .weights.h5 or .h5 file of weights, for a task with one model",
            found=f"{weights}{'' if content else ', which is not there'}, for {task.name}",
            todo="correct --weights, or leave it out",
        )
    return {INITIAL + weights.rpartition("/")[2]: content}


def _one(
    job: Job, task: Task, snapshot: Snapshot, start: Start, folder: str, initial: Mapping[str, bytes]
) -> tuple[Run, int]:
    """The run of one model, by all ranks; and how many they are. `initial` files are for them and for a resumed run."""
    options = job.settings.training
    preflight.check_feed(task, snapshot, options.feed)
    runner = launcher(job.spark, options)
    task, plan = preflight.check(task, snapshot, start.where, ranks=runner.ranks)
    start = replace(start, spec=task.spec)
    _keep(start, folder)
    for name, content in initial.items():
        files.write(f"{folder}/{name}", content)
    worker = WorkerSpec(task, plan, options.feed, options.shuffle_mb, options.threads_per_rank, start.seed, folder)
    outcome = _launched(job, runner, worker, start)
    return judge(task, start, outcome, champion(job, task.name)), runner.ranks


def _launched(job: Job, runner: Launcher, worker: WorkerSpec, start: Start) -> Outcome:
    name = worker.task.name
    waits = f"{name}: wait for {runner.ranks} rank{'s' if runner.ranks > 1 else ''} to start and end a first epoch"
    with job.progress(waits) as bar:
        log.log(logging.DEBUG if job.on_terminal else logging.INFO, "  %s", waits)
        pace = _Pace(name, worker.task.monitor)

        def show(entry: Mapping[str, float]) -> None:
            text = pace.told(entry)
            bar.set(int(entry["epoch"]), int(entry["epochs"]), text)
            log.log(logging.INFO if pace.due() and not job.on_terminal else logging.DEBUG, "  %s", text)

        try:
            return runner.run(worker, show, job.say)
        except BaseException:
            again = command("train", name, "--resume", start.run, warehouse=job.settings.warehouse.path)
            job.say(f"run {start.run} did not finish; to go on from its last checkpoint: {again}")
            raise


class _Pace:
    """How far a training is, in words: epoch, losses, the figure it is judged by, and how long it may still take."""

    def __init__(self, name: str, monitor: str) -> None:
        self._name, self._figures = name, ("loss", "val_loss", f"val_{monitor}")
        self._heard = self._said = 0.0

    def told(self, entry: Mapping[str, float]) -> str:
        """The words for an epoch that has just ended."""
        now, refit = time.monotonic(), bool(entry["refit"])
        # Of the first epoch no more than its steps is known: the wait before it was for the start.
        seconds = now - self._heard if self._heard and entry["epoch"] > 1 else entry["seconds"]
        self._heard = now
        left = max(0.0, seconds * (entry["epochs"] - entry["epoch"]))
        figures = ", ".join(f"{name} {entry[name]:.4g}" for name in dict.fromkeys(self._figures) if name in entry)
        end = f"{left:.0f} s left" + ("" if refit else " at most")
        part = "refit" if refit else "fit"
        return f"{self._name} {part}: epoch {entry['epoch']:.0f} of {entry['epochs']:.0f}, {figures}, {end}"

    def due(self) -> bool:
        """Whether it is time for another line where there is no terminal to show a display on."""
        if due := self._heard - self._said >= _LINE_EVERY_S:
            self._said = self._heard
        return due
