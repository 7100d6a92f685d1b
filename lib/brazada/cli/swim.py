"""The swim jobs: each command starts a job and calls the library."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import cast, get_args

import click

from brazada.cli.options import Group, again_option, with_settings
from brazada.cli.steps import Work, chosen, look_first, start, start_all
from brazada.errors import UsageError
from brazada.settings import Settings
from brazada.swim.settings import MethodName

_JOBS = ("ingest", "sessions", "laps", "fit", "score", "alerts")
_STEPS = (*_JOBS, "summary")


@click.group(cls=Group)
def swim() -> None:
    """Turn logs of swimmers' positions into readings, sessions, styles, laps and alerts."""


_KINDS = click.Choice(get_args(MethodName))
_method = click.option("--method", type=_KINDS, help="Tell styles by this method.  [default: swim.method]")
_truth = click.option(
    "--truth",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with true styles in the summary: a CSV DrillID,style,stroke as `brazada simulate swim` writes it.",
)


_SECTIONS: tuple[str, ...] = ("warehouse", "swim")


@swim.command()
@again_option
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest(settings: Settings, verbose: bool, again: bool, paths: tuple[str, ...]) -> None:
    """Take logs (files, folders, globs, .gz, .zst) into swim.readings."""
    from brazada.swim import ingest as library

    look_first(settings, lambda: library.check(paths))
    start("swim ingest", settings, verbose, lambda job: library.ingest(job, paths, again), _SECTIONS)


@swim.command()
@click.option("--relearn", is_flag=True, help="Learn the limits of the filter anew, and make all sessions again.")
@with_settings
def sessions(settings: Settings, verbose: bool, relearn: bool) -> None:
    """Aggregate readings per tag and drill into swim.sessions, by the published method's filters."""
    from brazada.swim import sessions as library

    start("swim sessions", settings, verbose, lambda job: library.sessions(job, relearn), _SECTIONS)


@swim.command()
@click.option("--again", is_flag=True, help="Measure every drill again, by the pools and thresholds as they now are.")
@with_settings
def laps(settings: Settings, verbose: bool, again: bool) -> None:
    """Find the lengths that were swum, and how, into swim.laps and swim.motions."""
    from brazada.swim import laps as library

    start("swim laps", settings, verbose, lambda job: library.laps(job, again), _SECTIONS)


@swim.command()
@_method
@with_settings
def fit(settings: Settings, verbose: bool, method: str | None) -> None:
    """Learn clusters of drills and their styles into swim.models."""
    from brazada.swim import fit as library

    start("swim fit", settings, verbose, lambda job: library.fit(job, cast("MethodName | None", method)), _SECTIONS)


@swim.command()
@_method
@with_settings
def score(settings: Settings, verbose: bool, method: str | None) -> None:
    """Give every drill a style into swim.styles, by the model as it was learned."""
    from brazada.swim import score as library

    start("swim score", settings, verbose, lambda job: library.score(job, cast("MethodName | None", method)), _SECTIONS)


@swim.command()
@_method
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@with_settings
def export(settings: Settings, verbose: bool, method: str | None, target: Path) -> None:
    """Write the styles as the published CSV: TagID,DrillID,Predicted_Style."""
    from brazada.swim import score as library

    start(
        "swim export",
        settings,
        verbose,
        lambda job: library.export(job, target, cast("MethodName | None", method)),
        _SECTIONS,
    )


@swim.command()
@click.option("--continuous", is_flag=True, help="Go on for new files until stopped, instead of ending with the last.")
@click.argument("paths", nargs=-1, required=True)
@with_settings
def alerts(settings: Settings, verbose: bool, continuous: bool, paths: tuple[str, ...]) -> None:
    """Watch logs (files, folders, globs) for tags that fall silent while their drill goes on, into swim.alerts."""
    from brazada.swim import alerts as library

    look_first(settings, lambda: library.check(paths))
    start("swim alerts", settings, verbose, lambda job: library.alerts(job, paths, continuous), _SECTIONS)


@swim.command()
@click.option("--tag", metavar="TAG", help="A drill of this tag.")
@click.option("--drill", metavar="DRILL", help="This drill.  [default: of ten lengths, or nearly so]")
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@with_settings
def path(settings: Settings, verbose: bool, tag: str | None, drill: str | None, target: Path) -> None:
    """Draw a drill's path with its lengths and turns, as TARGET's ending says: .svg, .png or .pdf."""
    from brazada.cli.inspect import warehouse
    from brazada.plots import swim as plots
    from brazada.swim.path import of_drill

    if target.suffix.lower() not in plots.ENDINGS:
        raise UsageError(f"a file that ends in {', '.join(plots.ENDINGS)}", found=str(target), todo="rename it")
    plots.save(plots.path(*of_drill(warehouse(settings, verbose), tag, drill)), target)
    click.echo(f"look at {target.resolve()}")


@swim.command()
@click.option(
    "--steps", default=",".join(_JOBS), show_default=True, help="Run some of these, and summary, separated by commas."
)
@click.option(
    "--method",
    "methods",
    type=_KINDS,
    multiple=True,
    help="Fit and score by this method; can be repeated.  [default: swim.method]",
)
@_truth
@click.argument("paths", nargs=-1)
@with_settings
def run(
    settings: Settings,
    verbose: bool,
    steps: str,
    methods: tuple[MethodName, ...],
    truth: Path | None,
    paths: tuple[str, ...],
) -> None:
    """Do all of it, or the named steps, in one Spark session; PATHS are for ingest and alerts."""
    wanted = chosen(steps, _STEPS)
    if wanted & {"ingest", "alerts"} and not paths:
        raise UsageError("logs to ingest and watch", found="no path", todo="name them, or leave out ingest and alerts")
    if "alerts" in wanted and (packed := [path for path in paths if path.lower().endswith(".zst")]):
        raise UsageError(
            "logs that alerts can stream", found=packed[0], todo="unpack it, or leave out alerts by --steps"
        )
    if truth and "summary" not in wanted:
        raise UsageError("--truth with the step summary, which uses it", found=steps, todo="add summary to --steps")
    from brazada.swim import alerts, fit, ingest, laps, score, sessions

    for step, look in {"ingest": ingest.check, "alerts": alerts.check}.items():
        if step in wanted:
            look_first(settings, partial(look, paths))
    asked: tuple[MethodName | None, ...] = methods or (None,)
    work: dict[str, list[Work]] = {
        "ingest": [lambda job: ingest.ingest(job, paths)],
        "sessions": [sessions.sessions],
        "laps": [laps.laps],
        "fit": [partial(fit.fit, method=method) for method in asked],
        "score": [partial(score.score, method=method) for method in asked],
        "alerts": [lambda job: alerts.alerts(job, paths)],
    }
    start_all("swim", {step: work[step] for step in _JOBS if step in wanted}, settings, verbose, _SECTIONS)
    if "summary" in wanted:
        _show(settings, verbose, truth)


@swim.command()
@_truth
@with_settings
def summary(settings: Settings, verbose: bool, truth: Path | None) -> None:
    """Print what the tables say: rows, steps, styles and how far to trust them, best laps, a query to try."""
    _show(settings, verbose, truth)


def _show(settings: Settings, verbose: bool, truth: Path | None) -> None:
    from brazada.cli.inspect import warehouse
    from brazada.swim import summary as library

    library.show_summary(warehouse(settings, verbose), truth)
