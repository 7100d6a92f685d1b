"""Runs: registered in MLflow and mirrored to `ml.runs` and `ml.metrics`; promoted or not; loaded as models."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import math
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import brazada
from brazada.errors import ModelError
from brazada.training import model as models
from brazada.training.loop import Outcome
from brazada.training.model import Model
from brazada.training.tables import METRICS, RUNS
from brazada.training.task import Task
from brazada.training.tracking import Tracking

if TYPE_CHECKING:
    from brazada.report import Job
    from brazada.training.many import Many

_PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "horovod", "petastorm", "pyspark", "delta-spark", "numpy")


@dataclass(frozen=True)
class Start:
    """What a run is fixed on before it starts, and goes on with when it is resumed."""

    run: str
    task: str
    table: str
    version: int
    where: str
    seed: int
    spec: Mapping[str, Any]
    refit: bool = False
    refit_of: str | None = None


@dataclass(frozen=True)
class Run:
    """A finished run. `metrics` and `baseline` are figures on the validation rows, by name; empty for a refit."""

    start: Start
    outcome: Outcome
    score: float | None
    promoted: bool
    reason: str
    refit: Run | None = None

    @property
    def id(self) -> str:
        """Identifier, for `load` and for SQL."""
        return self.start.run


def judge(task: Task, start: Start, outcome: Outcome) -> Run:
    """Promote a model that beats its baseline, and with it its refit, which was not held back to be judged."""
    score, baseline = outcome.metrics[task.judged_by], outcome.baseline.get(task.judged_by)
    beaten = baseline is not None and math.isfinite(score) and score < baseline
    reason = "there is no baseline to beat"
    if baseline is not None:
        verb = "beats" if beaten else "does not beat"
        reason = f"validation {task.judged_by} {score:.6g} {verb} the baseline's {baseline:.6g}"
    return Run(start, outcome, score, beaten, reason, _refitted(start, outcome, beaten))


def _refitted(start: Start, outcome: Outcome, promoted: bool) -> Run | None:
    if outcome.refit is None:
        return None
    spec = {**start.spec, "epochs": outcome.best_epoch}
    again = replace(start, run=f"{start.run}-refit", spec=spec, refit_of=start.run)
    reason = f"a refit of {start.run}, which {'was' if promoted else 'was not'} promoted"
    return Run(again, outcome.refit, None, promoted, reason)


def register(job: Job, task: Task, run: Run, ranks: int) -> None:
    """Log a run and its refit to MLflow, then mirror them to the tables. Doing it twice leaves each once."""
    made = [one for one in (run, run.refit) if one]
    rows = [_logged(job, task, one, ranks) for one in made]
    figures = [figure for one in made for figure in _figures(one)]
    job.store.append_once(METRICS, figures, run.id)
    job.store.append_once(RUNS, rows, run.id)
    job.note(f"run {run.id}: {'promoted' if run.promoted else 'NOT promoted'}, {run.reason}")


def _logged(job: Job, task: Task, run: Run, ranks: int) -> tuple[Any, ...]:
    """Log a run to MLflow; its row of `ml.runs`."""
    start, outcome = run.start, run.outcome
    facts = {"table": start.table, "version": start.version, "filter": start.where, "code": code_version()}
    with TemporaryDirectory(prefix="brazada-run-") as folder:
        models.save(Path(folder), Model(task, start.run, outcome.weights, outcome.shapes), facts | packages())
        params = {k: v for k, v in start.spec.items() if not isinstance(v, dict | list)} | facts | {"seed": start.seed}
        logged = Tracking(job.settings).log(start.run, task.name, params, outcome.history, Path(folder))
    baseline = outcome.baseline.get(task.judged_by)
    row = (start.run, task.name, dt.datetime.now(dt.UTC), *facts.values(), start.seed, ranks)
    row += (json.dumps(dict(start.spec)), packages(), len(outcome.history), outcome.best_epoch, task.judged_by)
    return (*row, run.score, baseline, start.refit_of, run.promoted, run.reason, logged)


def register_many(job: Job, task: Task, many: Many) -> None:
    """Log the fits of a run over groups as one run: its counts as metrics, every fit in `fits.json`.

    Score and baseline are means over the groups whose fit is done. The models stay in the run's folder.
    """
    done = [fit for fit in many.fits if fit.status == "done"]
    pairs = [(fit.metrics[task.judged_by], fit.baseline.get(task.judged_by, math.nan)) for fit in done]
    better = sum(score < baseline for score, baseline in pairs)
    score, baseline = (sum(column) / len(pairs) for column in zip(*pairs, strict=True)) if pairs else (None, None)
    facts = {"table": task.table, "version": many.version, "filter": many.where, "code": code_version()}
    counts = {"groups": len(many.fits), "failed": len(many.fits) - len(done), "better_than_baseline": better}
    with TemporaryDirectory(prefix="brazada-run-") as folder:
        (Path(folder) / "fits.json").write_text(json.dumps([asdict(fit) for fit in many.fits], default=str))
        params = {k: v for k, v in task.spec.items() if not isinstance(v, dict | list)} | facts | packages()
        history = [{"epoch": 0.0, **{name: float(count) for name, count in counts.items()}}]
        logged = Tracking(job.settings).log(many.run, task.name, params, history, Path(folder))
    best = sorted(fit.best_epoch or 0 for fit in done)
    row = (many.run, task.name, dt.datetime.now(dt.UTC), *facts.values(), job.settings.training.seed, 1)
    row += (json.dumps(dict(task.spec)), packages(), int(task.spec["epochs"]), best[len(best) // 2] if best else 0)
    reason = f"{better} of {len(done)} groups beat their baseline; each is judged for itself"
    row += (task.judged_by, score, baseline, None, False, reason, logged)
    figures = [(many.run, name, 0, float(count)) for name, count in counts.items()]
    job.store.merge(METRICS, figures)
    job.store.merge(RUNS, [row])


def load(job: Job, task: Task, run: str | None = None) -> Model:
    """The model of a run, by default the last promoted one of the task, built to the spec it was trained with.

    Raises `ModelError` where there is none, or where it does not fit the task.
    """
    from pyspark.sql import functions as F

    if not job.store.exists(RUNS.name):
        raise ModelError(f"a trained model of {task.name}", found="no run at all", todo="train it first")
    rows = job.store.read(RUNS.name).frame
    chosen = rows.where(F.col("run") == run) if run else rows.where((F.col("task") == task.name) & F.col("promoted"))
    row = chosen.orderBy(F.desc("finished_at")).select("model").first()
    if row is None:
        raise ModelError(
            f"run {run} in ml.runs" if run else f"a promoted run of {task.name} in ml.runs",
            found="none",
            todo="see SELECT run, task, promoted, reason FROM ml.runs",
        )
    with Tracking(job.settings).model(row["model"]) as folder:
        model = models.load(folder, task)
    model.keras()  # what does not fit is to fail here, not on an executor
    return model


def newest_pair(job: Job, task: Task, version: int) -> tuple[str, str] | None:
    """The newest run of a task on this version of its table that was refitted, and its refit; promoted or not."""
    from pyspark.sql import functions as F

    if not job.store.exists(RUNS.name):
        return None
    pairs = (F.col("task") == task.name) & (F.col("version") == version) & F.col("refit_of").isNotNull()
    row = job.store.read(RUNS.name).frame.where(pairs).orderBy(F.desc("finished_at")).first()
    return (row["refit_of"], row["run"]) if row else None


def packages() -> dict[str, str]:
    """Versions of the main packages that are installed."""
    found = {}
    for name in _PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def code_version() -> str:
    """The git commit this package runs from, or its version where it was installed."""
    here = Path(brazada.__file__).parent

    def git(*arguments: str) -> str:
        done = subprocess.run(["git", "-C", str(here), *arguments], capture_output=True, text=True, check=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+dirty" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return f"brazada {brazada.__version__}"


def _figures(run: Run) -> list[tuple[str, str, int, float]]:
    epochs = [
        (run.id, name, int(entry["epoch"]), float(value))
        for entry in run.outcome.history
        for name, value in entry.items()
        if name != "epoch"
    ]
    return [*epochs, *((run.id, f"baseline_{name}", 0, float(value)) for name, value in run.outcome.baseline.items())]
