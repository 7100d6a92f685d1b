"""The learning problems of all domains: what there is, training, scoring, predicting, what was trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click
from rich.table import Table as Grid

from brazada import domains
from brazada.cli.options import with_settings
from brazada.cli.steps import start
from brazada.settings import Settings

if TYPE_CHECKING:
    from brazada.report import Job
    from brazada.training.task import Task

_where = click.option("--where", default="true", show_default=True, metavar="SQL", help="Only rows that meet this.")


@click.command()
@with_settings
def tasks(settings: Settings, verbose: bool) -> None:
    """List the tasks: their table, networks, baseline, and the champion with its figure."""
    from brazada.cli.inspect import warehouse
    from brazada.report import stdout
    from brazada.training.registry.runs import known_runs

    promoted = known_runs(warehouse(settings, verbose)).where("promoted AND refit_of IS NULL")
    champions = {row["task"]: row for row in promoted.orderBy("finished_at").collect()}
    grid = Grid("task", "table", "rows that it is about", "networks", "baseline", "champion", "its validation figure")
    for name, variants in _by_name(settings).items():
        one = variants[0]
        networks = ", ".join(task.network for task in variants) + (f"; one per {', '.join(one.by)}" if one.by else "")
        row = champions.get(name)
        figure = f"{row['monitor']} {row['score']:.4g}, baseline {row['baseline']:.4g}" if row else ""
        grid.add_row(
            name,
            one.table,
            one.where,
            networks,
            _baseline(one),
            f"{row['run']} ({row['network']})" if row else "",
            figure,
        )
    stdout().print(grid)


@click.command()
@click.argument("task")
@click.option("--network", metavar="NAME", help="One of the task's networks.  [default: its first]")
@_where
@click.option("--resume", metavar="RUN", help="Go on with a run that did not finish.")
@click.option(
    "--weights",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="Begin with these, a file that Keras wrote of the network.",
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
@click.option("--folds", type=click.IntRange(2), metavar="N", help="Score TASK's models on groups left out, N times.")
@click.option("--repeats", type=click.IntRange(1), default=1, show_default=True, help="Of the folds, dealt out anew.")
@click.option("--model", "models", multiple=True, metavar="NAME", help="With --folds: only these models.")
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

    def by_folds(job: Job) -> None:
        variant(known, name)
        _print_folds(evaluate_folds(job, of_task, folds or 0, repeats, models))

    def by_run(job: Job) -> None:
        _print_figures(library.evaluate(job, load(job, of_task, None) if of_task else load(job, known, name)))

    start("evaluate", settings, verbose, by_folds if folds else by_run, ("warehouse",))


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
@click.option("--task", metavar="TASK", help="Only runs of this task.")
@with_settings
def runs(settings: Settings, verbose: bool, task: str | None) -> None:
    """List the training runs, the newest first: their figure, its baseline, and why they were promoted or not."""
    from pyspark.sql import functions as F

    from brazada.cli.inspect import warehouse
    from brazada.report import stdout
    from brazada.training.registry.runs import known_runs

    found = known_runs(warehouse(settings, verbose)).orderBy(F.desc("finished_at"))
    grid = Grid(
        "run", "task", "network", "finished", "data", "epochs", "monitor", "score", "baseline", "promoted", "reason"
    )
    grid.columns[0].no_wrap = True  # to be copied
    for row in (found if task is None else found.where(F.col("task") == task)).collect():
        figures = ("" if row[name] is None else f"{row[name]:.4g}" for name in ("score", "baseline"))
        epochs, promoted = f"{row['best_epoch']} of {row['epochs']}", "yes" if row["promoted"] else "no"
        made = f"{row['finished_at']:%Y-%m-%d %H:%M}", f"{row['table']} v{row['version']}", epochs, row["monitor"]
        grid.add_row(row["run"], row["task"], row["network"], *made, *figures, promoted, row["reason"])
    stdout().print(grid)


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
    from brazada.report import stdout

    who, model = list(found), next(iter(found.values()))
    single = Grid("figure on the test rows", *who)
    bounds = {name for name in model if name.endswith(("_low", "_high"))}
    for name in model:
        if not name.startswith(("class.", "confusion.")) and name not in bounds:
            own = f" [{model[f'{name}_low']:.4g}, {model[f'{name}_high']:.4g}]" if f"{name}_low" in bounds else ""
            single.add_row(name, _number(model[name]) + own, *(_number(found[one].get(name)) for one in who[1:]))
    stdout().print(single)
    if classes := [name.removeprefix("class.support.") for name in model if name.startswith("class.support.")]:
        figures = "precision", "recall", "f1", "support"
        report = Grid("class", *figures, *classes, title="by class, and how many of it were told to be which")
        for one in classes:
            cells = (f"{model.get(f'confusion.{one}>{told}', 0):g}" for told in classes)
            report.add_row(one, *(_number(model[f"class.{figure}.{one}"]) for figure in figures), *cells)
        stdout().print(report)


def _print_folds(found: Mapping[tuple[str, str], Sequence[Mapping[str, float]]]) -> None:
    """Print each model's figures over all left-out rows: means over repeats, and their spread."""
    from statistics import mean, stdev

    from brazada.report import stdout

    single = [name for name in next(iter(found.values()))[0] if not name.startswith(("class.", "confusion."))]
    grid = Grid("rows left out", "model", *single)
    for split in dict.fromkeys(split for _, split in found):
        for model in (model for model, of in found if of == split):
            figures = [[of[name] for of in found[model, split]] for name in single]
            spread = (f" ± {stdev(values):.3f}" if len(values) > 1 else "" for values in figures)
            grid.add_row(split, model, *(f"{mean(values):.3f}{by}" for values, by in zip(figures, spread, strict=True)))
    stdout().print(grid)
    stdout().print("Rows at random leave out rows whose like was learned from: those figures are too good.")


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"
