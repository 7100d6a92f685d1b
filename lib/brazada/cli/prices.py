"""The price jobs: each command starts a job and calls the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from brazada.cli.options import with_settings
from brazada.cli.steps import Work, chosen, start, start_all
from brazada.errors import UsageError
from brazada.settings import Settings

if TYPE_CHECKING:
    from brazada.report import Job

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
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest(settings: Settings, verbose: bool, source: str | None, paths: tuple[str, ...]) -> None:
    """Take published price files (files, folders, globs, .gz) into prices.observations."""
    from brazada.prices import ingest as library

    start("prices ingest", settings, verbose, lambda job: library.ingest(job, source, paths), _READING)


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
@click.option("--scope", type=click.Choice(["product", "global"]), default="global", show_default=True)
@_source
@click.option(
    "--network", type=click.Choice(["lstm", "bilstm"]), default="bilstm", show_default=True, help="Per product."
)
@click.option("--attention/--no-attention", default=True, show_default=True, help="Per product.")
@click.option("--series", "pattern", default="%", metavar="LIKE", help="Per product: only series named LIKE this.")
@click.option("--resume", metavar="RUN", help="Go on with a run that was stopped.")
@with_settings
def train(
    settings: Settings,
    verbose: bool,
    scope: str,
    source: str | None,
    network: str,
    attention: bool,
    pattern: str,
    resume: str | None,
) -> None:
    """Train one network over all products (global), or one for each (product)."""
    from brazada.prices import training as library

    def work(job: Job) -> None:
        if scope == "global":
            library.train_global(job, source, resume)
        else:
            library.train_products(job, source, f"{network}{'_attention' if attention else ''}", pattern, resume)

    start("prices train", settings, verbose, work, _LEARNING)


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
    from brazada.prices import backtest, forecast, ingest, series, training, windows

    work: dict[str, Work] = {
        "ingest": lambda job: ingest.ingest(job, source, paths),
        "series": lambda job: series.series(job, source),
        "windows": lambda job: windows.windows(job, source),
        "train": lambda job: training.train_global(job, source, None),
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

    library.show(Store(session.start(settings, verbose), settings.warehouse))
