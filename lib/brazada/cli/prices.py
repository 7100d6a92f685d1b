"""The price jobs: each command starts a job and calls the library."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from brazada.cli.options import Group, again_option, with_settings
from brazada.cli.steps import Work, chosen, look_first, start, start_all
from brazada.errors import InputError, UsageError
from brazada.prices.settings import Prices
from brazada.settings import Settings, load

_JOBS = ("ingest", "series", "windows", "train", "backtest", "forecast")
_STEPS = (*_JOBS, "summary")


@click.group(cls=Group)
def prices() -> None:
    """Turn files of food prices into series, models, backtests and forecasts."""


_source = click.option(
    "--source",
    metavar="NAME",
    help="Take only this source.  [default: every one; files say theirs by their header]",
)


_READING: tuple[str, ...] = ("warehouse", "prices")
_LEARNING = (*_READING, "training")


@prices.command()
@_source
@again_option
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest(settings: Settings, verbose: bool, source: str | None, again: bool, paths: tuple[str, ...]) -> None:
    """Take published price files (files, folders, globs, .gz) into prices.observations."""
    from brazada.prices import ingest as library

    look_first(settings, lambda: library.check(settings.of(Prices), source, paths))
    start("prices ingest", settings, verbose, lambda job: library.ingest(job, source, paths, again), _READING)


@prices.command()
@_source
@with_settings
def series(settings: Settings, verbose: bool, source: str | None) -> None:
    """Build prices.series: the mean price over markets on each source's own calendar."""
    from brazada.prices import series as library

    start("prices series", settings, verbose, lambda job: library.series(job, source), _READING)


@prices.command()
@_source
@with_settings
def windows(settings: Settings, verbose: bool, source: str | None) -> None:
    """Build prices.windows: one training example per series and origin, split by date."""
    from brazada.prices import windows as library

    start("prices windows", settings, verbose, lambda job: library.windows(job, source), _READING)


@prices.command()
@_source
@with_settings
def backtest(settings: Settings, verbose: bool, source: str | None) -> None:
    """Judge the networks beside the baselines at rolling origins; choose what serves each series."""
    from brazada.prices import backtest as library

    start("prices backtest", settings, verbose, lambda job: library.backtest(job, source), _LEARNING)


@prices.command()
@_source
@with_settings
def forecast(settings: Settings, verbose: bool, source: str | None) -> None:
    """Forecast every series with the model that serves it, with 80 % and 95 % bounds."""
    from brazada.prices import forecast as library

    start("prices forecast", settings, verbose, lambda job: library.forecast(job, source), _LEARNING)


@prices.command()
@_source
@click.option(
    "--steps", default=",".join(_JOBS), show_default=True, help="Run some of these, and summary, separated by commas."
)
@click.argument("paths", nargs=-1)
@with_settings
def run(settings: Settings, verbose: bool, source: str | None, steps: str, paths: tuple[str, ...]) -> None:
    """Do all of it, or the named steps, for one source or all, in one Spark session."""
    wanted = chosen(steps, _STEPS)
    if "ingest" in wanted and not paths:
        raise UsageError("files to ingest", found="no path", todo="name one, or leave out ingest by --steps")
    from brazada.prices import backtest, forecast, ingest, series, windows
    from brazada.prices.training import train_global

    if "ingest" in wanted:
        look_first(settings, lambda: ingest.check(settings.of(Prices), source, paths))
    work: dict[str, Work] = {
        "ingest": lambda job: ingest.ingest(job, source, paths),
        "series": lambda job: series.series(job, source),
        "windows": lambda job: windows.windows(job, source),
        "train": lambda job: train_global(job, source),
        "backtest": lambda job: backtest.backtest(job, source),
        "forecast": lambda job: forecast.forecast(job, source),
    }
    start_all("prices", {step: [work[step]] for step in _JOBS if step in wanted}, settings, verbose, _LEARNING)
    if "summary" in wanted:
        _show(settings, verbose)


@prices.command()
@with_settings
def summary(settings: Settings, verbose: bool) -> None:
    """Print what the tables say: rows by source, the backtest beside its baselines, forecasts, a query to try."""
    _show(settings, verbose)


_file = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


@prices.command()
@_file
@with_settings
def layout(settings: Settings, verbose: bool, file: Path) -> None:
    """Look at a price file and print the settings of its layout, with what it could not tell. Starts no Spark."""
    from brazada.prices.guess import guess, look
    from brazada.prices.layouts import known_as
    from brazada.prices.new_source import layout_yaml

    own, sample = settings.of(Prices), look(file)
    name = file.name.partition(".")[0]
    click.echo(
        layout_yaml(sample, guess(sample, own.units), name, known_as(sample.head, own.sources, file.name)), nl=False
    )


@prices.group()
def source() -> None:
    """Settings of sources of prices."""


@source.command()
@click.argument("name")
@_file
@click.option("--currency", metavar="CODE", help="ISO 4217 code of the prices, as CLP.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="File to write.  [default: NAME.yaml]")
@with_settings
def new(settings: Settings, verbose: bool, name: str, file: Path, currency: str | None, out: Path | None) -> None:
    """Write the settings of source NAME, guessed from FILE, with the reasons in comments. Starts no Spark."""
    from brazada.prices import new_source as library
    from brazada.prices.guess import guess, look

    path = out or Path(f"{name}.yaml")
    if name != library.slug(name):
        raise UsageError("a name of lower-case letters, digits and _", found=name, todo=f"take {library.slug(name)}")
    if name in settings.of(Prices).sources:
        raise UsageError("the name of a new source", found=f"{name}, which the settings have", todo="take another")
    if path.exists():
        raise UsageError("a file to be written", found=f"{path}, which is there", todo="remove it, or name --out FILE")
    sample = look(file)
    found = guess(sample, settings.of(Prices).units)
    path.write_text(library.source_yaml(sample, found, name, currency), encoding="utf-8")
    for remark in found.remarks:
        click.echo(f"{file.name}: {remark}")
    if found.untold:
        raise InputError(
            "a file that tells all settings of its layout",
            found=f"{path} written with {', '.join(found.untold)} not told",
            todo="write them there; the comments say what is in doubt",
        )
    load(conf=path)
    click.echo(
        f"{path} written; read it, then: brazada prices run {shlex.quote(str(file))} --source {name} --conf {path}"
    )


def _show(settings: Settings, verbose: bool) -> None:
    from brazada.cli.inspect import warehouse
    from brazada.prices import summary as library

    library.show_summary(warehouse(settings, verbose))
