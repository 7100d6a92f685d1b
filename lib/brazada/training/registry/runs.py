"""Runs: registered in MLflow and mirrored to the tables of `ml`; promoted or not; loaded as models."""

from __future__ import annotations

import datetime as dt
import importlib.metadata
import json
import math
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import fmean, median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import brazada
from brazada.errors import ModelError
from brazada.training import files
from brazada.training.loop.epochs import Outcome
from brazada.training.registry import model as models
from brazada.training.registry.model import Model
from brazada.training.registry.tracking import Tracking
from brazada.training.tables import FITS, METRICS, RUNS
from brazada.training.task import Task, variant

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

    from brazada.report import Job
    from brazada.tables import Store

_PACKAGES = ("tensorflow-cpu", "tensorflow", "keras", "horovod", "petastorm", "pyspark", "delta-spark", "numpy")


@dataclass(frozen=True)
class Start:
    """What a run is fixed on before it starts, and goes on with when it is resumed."""

    run: str
    task: str
    network: str
    table: str
    version: int
    where: str
    seed: int
    spec: Mapping[str, Any]
    refit_of: str | None = None


@dataclass(frozen=True)
class Fit:
    """The training of one group's model: `status` is done or failed; the figures are of its validation rows.

    `name` is that of its files: `name`.npz holds the model.
    """

    group: dict[str, Any]
    name: str
    status: str
    seconds: float
    best_epoch: int | None
    metrics: dict[str, float]
    baseline: dict[str, float]
    error: str | None


@dataclass(frozen=True)
class Run:
    """A finished run: of one model, with its outcome, or of one for each group, with their fits.

    `score` and `baseline` are the monitored figure on the validation rows, of groups the means; a refit has none.
    """

    start: Start
    score: float | None
    baseline: float | None
    promoted: bool
    reason: str
    outcome: Outcome | None = None
    fits: tuple[Fit, ...] = ()
    refit: Run | None = None

    @property
    def id(self) -> str:
        """Identifier, for `load` and for SQL."""
        return self.start.run

    @property
    def failed(self) -> int:
        """How many groups have no model."""
        return sum(fit.status == "failed" for fit in self.fits)


def judge(task: Task, start: Start, outcome: Outcome, champion: Row | None) -> Run:
    """Promote a model that beats its baseline and, on the same rows of the same version, the champion there is.

    With it goes its refit, which was not held back to be judged.
    """
    score, chance = outcome.metrics[task.monitor], outcome.baseline.get(task.monitor)
    promoted, reason = False, "there is no baseline to beat"
    if chance is not None:
        promoted = math.isfinite(score) and task.monitored.better(score, chance)
        verb = "beats" if promoted else "does not beat"
        reason = f"validation {task.monitor} {score:.6g} {verb} the baseline's {chance:.6g}"
    if promoted and champion is not None:
        mine = (task.monitor, start.table, start.version, start.where)
        same = mine == tuple(champion[name] for name in ("monitor", "table", "version", "filter"))
        if same and not task.monitored.better(score, champion["score"]):
            promoted, reason = False, f"{reason}, but not the {champion['score']:.6g} of {champion['run']}"
    return Run(start, score, chance, promoted, reason, outcome, refit=_refitted(start, outcome, promoted))


def judge_fits(task: Task, start: Start, fits: Iterable[Fit]) -> Run:
    """The run of one model for each group, each of which is judged for itself."""
    fits = tuple(fits)
    pairs = [
        (fit.metrics[task.monitor], fit.baseline.get(task.monitor, math.nan)) for fit in fits if fit.status == "done"
    ]
    better = sum(task.monitored.better(score, chance) for score, chance in pairs)
    score, baseline = (fmean(column) for column in zip(*pairs, strict=True)) if pairs else (None, None)
    reason = f"{better} of {len(pairs)} models beat their baseline, {len(fits) - len(pairs)} fits failed"
    return Run(start, score, baseline, False, reason, fits=fits)


def _refitted(start: Start, outcome: Outcome, promoted: bool) -> Run | None:
    if outcome.refit is None:
        return None
    spec = {**start.spec, "epochs": outcome.best_epoch}
    again = replace(start, run=f"{start.run}-refit", spec=spec, refit_of=start.run)
    reason = f"a refit of {start.run}, which {'was' if promoted else 'was not'} promoted"
    return Run(again, None, None, promoted, reason, outcome.refit)


def register(job: Job, task: Task, run: Run, ranks: int, folder: str) -> None:
    """Log a run and its refit to MLflow, then mirror them to the tables. Doing it twice leaves each once.

    `folder` is where a run over groups keeps its models.
    """
    made = [one for one in (run, run.refit) if one]
    rows = [_logged(job, task, one, ranks, folder) for one in made]
    job.store.merge(METRICS, [figure for one in made for figure in _figures(one)])
    job.store.merge(FITS, [_fit_row(run, fit) for fit in run.fits])
    job.store.merge(RUNS, rows)
    said = "" if run.fits else ("promoted, " if run.promoted else "NOT promoted, ")
    job.note(f"run {run.id}: {said}{run.reason}")
    if run.outcome and run.outcome.ended.startswith("failed"):
        best = run.outcome.best_epoch
        job.note(f"run {run.id} {run.outcome.ended}; the weights of epoch {best}, its best one, were kept")


def _logged(job: Job, task: Task, run: Run, ranks: int, folder: str) -> tuple[Any, ...]:
    """Log a run to MLflow; its row of `ml.runs`."""
    start, outcome = run.start, run.outcome
    facts = {"table": start.table, "version": start.version, "filter": start.where, "code": code_version()}
    history = outcome.history if outcome else [{"epoch": 0.0, **_counts(run)}]
    with TemporaryDirectory(prefix="brazada-run-") as here:
        if outcome:
            models.save(
                Path(here),
                Model(replace(task, spec=start.spec), start.run, outcome.weights, outcome.shapes),
                facts | packages(),
            )
            models.describe(Path(here), job.store.read(start.table, start.version).frame.select(*task.columns))
        else:
            (Path(here) / "fits.json").write_text(json.dumps([asdict(fit) for fit in run.fits], default=str))
            for fit in run.fits:
                if (content := files.read(f"{folder}/{fit.name}.npz")) is not None:
                    (Path(here) / f"{fit.name}.npz").write_bytes(content)
        params = {k: v for k, v in start.spec.items() if not isinstance(v, dict | list)} | facts
        params |= {"seed": start.seed, "network": start.network}
        tags = {"network": task.network, "promoted": "yes" if run.promoted else "no", "mlflow.note.content": run.reason}
        tracking = Tracking(job.settings)
        logged = tracking.log(start.run, task.name, params, history, Path(here), tags)
        if outcome:
            tracking.register(logged, task.name, champion=run.promoted)
    best = [fit.best_epoch for fit in run.fits if fit.best_epoch]
    epochs = (len(outcome.history), outcome.best_epoch) if outcome else (0, int(median(best)) if best else 0)
    row = (start.run, task.name, task.network, dt.datetime.now(dt.UTC), *facts.values(), start.seed, ranks)
    row += (json.dumps(dict(start.spec)), packages(), *epochs, outcome.ended if outcome else "all groups done")
    return (*row, task.monitor, run.score, run.baseline, start.refit_of, run.promoted, run.reason, logged)


def load(job: Job, tasks: Iterable[Task], run: str | None = None) -> Model:
    """The model of a run, by default that of the champion of tasks of one name, built to the spec of its training.

    Raises `ModelError` where there is none, where it does not fit its task, and for a run over groups.
    """
    tasks = list(tasks)
    row = run_row(job, run) if run else champion(job, tasks[0].name)
    if row is None:
        raise ModelError(
            f"a champion of {tasks[0].name}", found="none", todo="see SELECT run, task, promoted, reason FROM ml.runs"
        )
    task = variant(tasks, row["task"], row["network"])
    if task.by:
        raise ModelError(
            "a run of one model", found=f"{row['run']}, of one for each {', '.join(task.by)}", todo="name another run"
        )
    with Tracking(job.settings).model(_final(job, row)["model"] if run is None else row["model"]) as folder:
        model = models.load(folder, task)
    model.keras()  # what does not fit is to fail here, not on an executor
    return model


def group_models(job: Job, task: Task, run: str) -> Iterator[tuple[dict[str, str], Model]]:
    """The groups of a run and their models. Raises `ModelError` where a model is not there any more."""
    from pyspark.sql import functions as F

    done = (F.col("run") == run) & (F.col("status") == "done")
    fits = job.store.read(FITS.name).frame.where(done).orderBy("name").collect()
    with Tracking(job.settings).model(run_row(job, run)["model"]) as folder:
        for fit in fits:
            content = files.read(str(folder / f"{fit['name']}.npz"))
            if content is None:
                raise ModelError(f"a model of {fit['group_key']}", found=f"none in run {run}", todo="resume the run")
            arrays, facts = files.unpack(content)
            weights = files.listed("weight", arrays)
            yield fit["group_key"], Model(task.with_spec(**facts["spec"]), run, weights, facts["shapes"])


def known_runs(store: Store) -> DataFrame:
    """All rows of ml.runs; none where nothing was trained yet."""
    if not store.exists(RUNS.name):
        return store.spark.createDataFrame([], RUNS.columns)
    return store.read(RUNS.name).frame


def champion(job: Job, name: str) -> Row | None:
    """The run of a task that was promoted last, a row of ml.runs."""
    from pyspark.sql import functions as F

    promoted = (F.col("task") == name) & F.col("promoted") & F.col("refit_of").isNull()
    return known_runs(job.store).where(promoted).orderBy(F.desc("finished_at")).first()


def champion_versions(store: Store) -> dict[str, set[int]]:
    """Versions of tables that the champions of all tasks learned from, by the table's name."""
    from pyspark.sql import functions as F

    newest = F.max_by(F.struct("table", "version"), "finished_at")
    found: dict[str, set[int]] = {}
    for _, pair in known_runs(store).where("promoted AND refit_of IS NULL").groupBy("task").agg(newest).collect():
        found.setdefault(pair["table"], set()).add(pair["version"])
    return found


def run_row(job: Job, run: str) -> Row:
    """The row of a run in ml.runs. Raises `ModelError` where there is none."""
    from pyspark.sql import functions as F

    row = known_runs(job.store).where(F.col("run") == run).first()
    if row is None:
        raise ModelError(f"run {run} in ml.runs", found="none", todo="see `brazada runs`")
    return row


def start_of(row: Row) -> Start:
    """What a run was fixed on, of its row in ml.runs."""
    named = {name: row[name] for name in ("run", "task", "network", "table", "version", "seed", "refit_of")}
    return Start(**named, where=row["filter"], spec=json.loads(row["spec"]))


def _final(job: Job, row: Row) -> Row:
    """The refit of a run, where it has one."""
    from pyspark.sql import functions as F

    return known_runs(job.store).where(F.col("refit_of") == row["run"]).first() or row


def newest_pair(job: Job, task: Task, version: int) -> tuple[str, str] | None:
    """The newest run of a task on this version of its table that was refitted, and its refit; promoted or not."""
    from pyspark.sql import functions as F

    pairs = (F.col("task") == task.name) & (F.col("version") == version) & F.col("refit_of").isNotNull()
    row = known_runs(job.store).where(pairs).orderBy(F.desc("finished_at")).first()
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


def _counts(run: Run) -> dict[str, float]:
    return {"groups": float(len(run.fits)), "failed": float(run.failed)}


def _fit_row(run: Run, fit: Fit) -> tuple[Any, ...]:
    group = {name: str(value) for name, value in fit.group.items()}
    made = (fit.status, fit.seconds, fit.best_epoch, fit.metrics, fit.baseline, fit.error)
    return (run.id, group, fit.name, *made)


def _figures(run: Run) -> list[tuple[str, str, int, float]]:
    if run.outcome is None:
        return [(run.id, name, 0, value) for name, value in _counts(run).items()]
    epochs = [
        (run.id, name, int(entry["epoch"]), float(value))
        for entry in run.outcome.history
        for name, value in entry.items()
        if name != "epoch"
    ]
    return [*epochs, *((run.id, f"baseline_{name}", 0, float(value)) for name, value in run.outcome.baseline.items())]
