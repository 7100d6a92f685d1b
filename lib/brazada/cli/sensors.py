"""The jobs on sensor series: each command starts a job and calls the library."""

from __future__ import annotations

import click

from brazada.cli.options import Group, again_option, with_settings
from brazada.cli.steps import look_first, start
from brazada.sensors.settings import Sensors
from brazada.settings import Settings

_SECTIONS = ("warehouse", "sensors")


@click.group(cls=Group)
def sensors() -> None:
    """Turn sensor series into tables and lengths of swimmers; `brazada train`, `evaluate` and `predict` lie between."""


@sensors.command()
@again_option
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest_strokes(settings: Settings, verbose: bool, again: bool, paths: tuple[str, ...]) -> None:
    """Take in recordings of swimmers' watches, <swimmer>/<recording>.csv, plain or .gz: files, folders, globs."""
    from brazada.ingest.files import check_local
    from brazada.sensors.strokes.ingest import SUFFIXES, ingest

    look_first(settings, lambda: check_local(paths, SUFFIXES))
    start("sensors ingest-strokes", settings, verbose, lambda job: ingest(job, paths, again), _SECTIONS)


@sensors.command()
@again_option
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest_surfaces(settings: Settings, verbose: bool, again: bool, paths: tuple[str, ...]) -> None:
    """Take in series of a robot and their labels, X_<name>.csv and y_<name>.csv, plain or .gz: files or folders."""
    from brazada.ingest.files import check_local
    from brazada.sensors.surfaces.ingest import SUFFIXES, ingest

    look_first(settings, lambda: check_local(paths, SUFFIXES))
    start("sensors ingest-surfaces", settings, verbose, lambda job: ingest(job, paths, again), _SECTIONS)


@sensors.command()
@click.option("--run", metavar="RUN", help="Use this run's predictions.  [default: the champion's]")
@with_settings
def laps(settings: Settings, verbose: bool, run: str | None) -> None:
    """Tell lengths and stroke rates from the predictions of strokes, and from the labels, into sensors.laps."""
    from brazada.sensors.strokes.laps import laps as library

    options = settings.of(Sensors).laps
    start("sensors laps", settings, verbose, lambda job: library(job, options, run), _SECTIONS)
