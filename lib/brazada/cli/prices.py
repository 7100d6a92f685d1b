"""The price jobs: each command starts a job and calls the library."""

from __future__ import annotations

import click

from brazada.cli.options import again_option, with_settings
from brazada.cli.steps import Work, chosen, start, start_all
from brazada.errors import UsageError
from brazada.settings import Settings

_JOBS = ("ingest", "series", "windows", "train", "backtest", "forecast")
_STEPS = (*_JOBS, "summary")


@click.group()
def prices() -> None:
    """Food prices: files to observations, series, windows; networks, backtests and forecasts."""


_source = click.option(
    "--source",
    metavar="odepa|kalimati",
    help="Only this source.  [default: every one; files say theirs by their header]",
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
@click.option("--steps", default=",".join(_JOBS), show_default=True, help="Some of these, and summary, by commas.")
@click.argument("paths", nargs=-1)
@with_settings
def run(settings: Settings, verbose: bool, source: str | None, steps: str, paths: tuple[str, ...]) -> None:
    """Do all of it, or the named steps, for one source or all, in one Spark session."""
    wanted = chosen(steps, _STEPS)
    if "ingest" in wanted and not paths:
        raise UsageError("files to ingest", found="no path", todo="name one, or leave out ingest by --steps")
    from brazada.prices import backtest, forecast, ingest, series, windows
    from brazada.prices.training import train_global

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


def _show(settings: Settings, verbose: bool) -> None:
    from brazada import session
    from brazada.prices import summary as library
    from brazada.tables import Store

    library.show(Store(session.start(settings, verbose), settings.warehouse, schemas=settings.schemas))
