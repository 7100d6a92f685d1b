"""The jobs on pictures: each command starts a job and calls the library."""

from __future__ import annotations

import click

from brazada.cli.options import with_settings
from brazada.cli.steps import start
from brazada.images.settings import Images
from brazada.settings import Settings

_SECTIONS = ("warehouse", "images")


@click.group()
def images() -> None:
    """Pictures: files to tables; `brazada train`, `evaluate` and `predict` go on from there."""


@images.command()
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest_fashion(settings: Settings, verbose: bool, paths: tuple[str, ...]) -> None:
    """Take in Fashion-MNIST's IDX files, or folders of them, plain or .gz."""
    from brazada.images.fashion.ingest import ingest

    options = settings.of(Images).fashion
    start("images ingest-fashion", settings, verbose, lambda job: ingest(job, paths, options), _SECTIONS)
