"""The learning problems of all domains: what there is, training, scoring, predicting, what was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import click

from brazada import domains
from brazada.cli.options import with_settings
from brazada.cli.steps import start
from brazada.output import show, stdout
from brazada.settings import Settings

if TYPE_CHECKING:
    from brazada.report import Job
    from brazada.training.task import Task

_where = click.option(
    "--where", default="true", show_default=True, metavar="SQL", help="Use only rows that meet this condition."
)


@click.command()
@with_settings
def tasks(settings: Settings, verbose: bool) -> None:
    """List the tasks: their table, networks, baseline, and the champion with its figure."""
    from brazada.cli.inspect import warehouse
    from brazada.training.registry.runs import known_runs

    promoted = known_runs(warehouse(settings, verbose)).where("promoted AND refit_of IS NULL")
    champions = {row["task"]: row for row in promoted.orderBy("finished_at").collect()}
    rows = []
    for name, variants in _by_name(settings).items():
        one = variants[0]
        networks = ", ".join(task.network for task in variants) + (f"; one per {', '.join(one.by)}" if one.by else "")
        row = champions.get(name)
        champion = (f"{row['run']} ({row['network']})", row["monitor"], row["score"], row["baseline"]) if row else ()
        rows.append((name, one.table, one.where, networks, _baseline(one), *(champion or ("", "", None, None))))
    heads = ("task", "table", "rows that it is about", "networks", "baseline is")
    show((*heads, "champion", "judged by", "score, validation", "baseline"), rows)


@click.command()
@click.argument("task")
@click.option("--network", metavar="NAME", help="Train this one of the task's networks.  [default: its first]")
@_where
@click.option("--resume", metavar="RUN", help="Go on with a run that did not finish.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Begin with the weights in this file, which Keras wrote of the network.",
)
@with_settings
def train(
    settings: Settings,
    verbose: bool,
    task: str,
    network: str | None,
    where: str,
    resume: str | None,
    weights: str | None,
) -> None:
    """Train TASK, see `brazada tasks`: register the model, and promote it if it beats its baseline and the champion."""
    from brazada.training import train as library
    from brazada.training.task import variant

    known = domains.tasks(settings.of)
    chosen = variant(known, task, network)

    def work(job: Job) -> None:
        begun = library.unfinished(job, resume).network if resume and not network else network
        library.train(job, variant(known, chosen.name, begun), where, resume=resume, weights=weights)

    start("train", settings, verbose, work, ("warehouse", "training"))


@click.command()
@click.argument("name", metavar="RUN|TASK")
@click.option(
    "--folds",
    type=click.IntRange(2),
    metavar="N",
    help="Cut TASK's groups of rows into N folds, and score each by models that did not learn from it.",
)
@click.option(
    "--repeats", type=click.IntRange(1), default=1, show_default=True, help="Cut the folds anew so many times."
)
@click.option(
    "--model", "models", multiple=True, metavar="NAME", help="With --folds, score only these models; can be repeated."
)
@with_settings
def evaluate(
    settings: Settings, verbose: bool, name: str, folds: int | None, repeats: int, models: tuple[str, ...]
) -> None:
    """Score RUN's model, or the champion of TASK, once, on the test rows it was held back from, beside the baseline.

    With --folds, score every model of TASK on whole groups (recordings, swimmers) that it did not learn from, and,
    as a warning, on single rows drawn at random.
    """
    from brazada.training import evaluate as library
    from brazada.training.folds import evaluate_folds
    from brazada.training.registry.runs import load
    from brazada.training.task import variant

    known = domains.tasks(settings.of)
    of_task = [task for task in known if task.name == name]

    if folds:
        variant(known, name)
        repeat = partial(evaluate_folds, variants=of_task, folds=folds, repeats=repeats, models=models)
        _print_folds(start("evaluate", settings, verbose, repeat, ("warehouse",)))
        return

    def by_run(job: Job) -> Mapping[str, Mapping[str, float]]:
        return library.evaluate(job, load(job, of_task, None) if of_task else load(job, known, name))

    _print_figures(start("evaluate", settings, verbose, by_run, ("warehouse",)))


@click.command()
@click.argument("task")
@click.option("--run", metavar="RUN", help="Predict with this run's model.  [default: the champion's]")
@_where
@with_settings
def predict(settings: Settings, verbose: bool, task: str, run: str | None, where: str) -> None:
    """Predict the rows of TASK's table, into ml.predictions or the task's own table."""
    from brazada.training import predict as library
    from brazada.training.registry.runs import load
    from brazada.training.task import variant

    variant(domains.tasks(settings.of), task)
    of_task = _by_name(settings)[task]
    start(
        "predict", settings, verbose, lambda job: library.predict(job, load(job, of_task, run), where), ("warehouse",)
    )


@click.command()
@click.option("--task", metavar="TASK", help="List only runs of this task.")
@with_settings
def runs(settings: Settings, verbose: bool, task: str | None) -> None:
    """List the training runs, the newest first: their figure, its baseline, and why they were promoted or not."""
    from pyspark.sql import functions as F

    from brazada.cli.inspect import warehouse
    from brazada.training.registry.runs import known_runs

    found = known_runs(warehouse(settings, verbose)).orderBy(F.desc("finished_at"))
    rows = [
        (
            *(row[name] for name in ("run", "task", "network", "finished_at")),
            f"{row['table']} v{row['version']}",
            f"{row['best_epoch']} of {row['epochs']}",
            *(row[name] for name in ("monitor", "score", "baseline", "promoted", "reason")),
        )
        for row in (found if task is None else found.where(F.col("task") == task)).collect()
    ]
    heads = ("run", "task", "network", "finished, UTC", "data", "best epoch", "judged by", "score", "baseline")
    show((*heads, "promoted", "reason"), rows)


def _by_name(settings: Settings) -> dict[str, list[Task]]:
    found: dict[str, list[Task]] = {}
    for task in domains.tasks(settings.of):
        found.setdefault(task.name, []).append(task)
    return found


def _baseline(task: Task) -> str:
    """What the baseline is, by the first sentence of its function."""
    if callable(task.baseline):
        return (task.baseline.__doc__ or task.baseline.__name__).strip().splitlines()[0].rstrip(".")
    return "none" if task.baseline is None else f"{task.monitor} {task.baseline:g}"


def _print_figures(found: Mapping[str, Mapping[str, float]]) -> None:
    """Print single figures beside the baseline's; then those of classes, and who was taken for whom, by the model."""
    (who, model), *others = found.items()
    bounds = {name for name in model if name.endswith(("_low", "_high"))}
    bounded = (f"{who}, low", f"{who}, high") if bounds else ()
    rows = []
    for name in model:
        if not name.startswith(("class.", "confusion.")) and name not in bounds:
            own = (model.get(f"{name}_low"), model.get(f"{name}_high")) if bounds else ()
            rows.append((name, model[name], *own, *(of.get(name) for _, of in others)))
    show(("figure on the test rows", who, *bounded, *(other for other, _ in others)), rows)
    if classes := [name.removeprefix("class.support.") for name in model if name.startswith("class.support.")]:
        figures = ("precision", "recall", "f1", "support")
        rows = [
            (
                one,
                *(model[f"class.{figure}.{one}"] for figure in figures[:-1]),
                int(model[f"class.support.{one}"]),
                *(int(model.get(f"confusion.{one}>{told}", 0)) for told in classes),
            )
            for one in classes
        ]
        title = "By class, and how many of it were told to be which"
        show(("class", *figures, *(f"told {name}" for name in classes)), rows, title)


def _print_folds(found: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]) -> None:
    """Print each model's figures over all left-out rows: means over repeats, and their spread."""
    from statistics import mean, stdev

    single = [name for name in next(iter(found.values()))[0] if not name.startswith(("class.", "confusion."))]
    repeated = len(next(iter(found.values()))) > 1
    rows = []
    for split in dict.fromkeys(split for _, split in found):
        for model in (model for model, of in found if of == split):
            figures = [[of[name] for of in found[model, split]] for name in single]
            spread = [(stdev(values),) if repeated else () for values in figures]
            cells = [(mean(values), *by) for values, by in zip(figures, spread, strict=True)]
            rows.append((split, model, *(value for pair in cells for value in pair)))
    heads = [head for name in single for head in ((name, f"± {name}") if repeated else (name,))]
    show(("rows left out", "model", *heads), rows)
    stdout().print("Rows at random leave out rows whose like was learned from: those figures are too good.")
