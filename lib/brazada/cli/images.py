"""The jobs on pictures: each command starts a job and calls the library."""

from __future__ import annotations

import click

from brazada.cli.options import Group, again_option, with_settings
from brazada.cli.steps import look_first, start
from brazada.settings import Settings

_SECTIONS = ("warehouse", "images")


@click.group(cls=Group)
def images() -> None:
    """Turn files of pictures into tables; `brazada train`, `evaluate` and `predict` go on from there."""


@images.command()
@again_option
@click.argument("paths", nargs=-1, required=True)
@with_settings
def ingest_fashion(settings: Settings, verbose: bool, again: bool, paths: tuple[str, ...]) -> None:
    """Take in Fashion-MNIST's IDX files, or folders of them, plain or .gz."""
    from brazada.images.fashion.ingest import FILES, ingest
    from brazada.ingest.files import check_local

    look_first(settings, lambda: check_local(paths, FILES.suffixes))
    start("images ingest-fashion", settings, verbose, lambda job: ingest(job, paths, again), _SECTIONS)


@images.command()
@again_option
@click.argument("paths", nargs=-1)
@click.option(
    "--manifest",
    metavar="CSV",
    type=click.Path(exists=True, dir_okay=False),
    help="Name the files in a CSV with the columns path and label.",
)
@with_settings
def ingest_car_damage(
    settings: Settings, verbose: bool, again: bool, paths: tuple[str, ...], manifest: str | None
) -> None:
    """Take in photographs of damaged cars, and look for copies of one another among all that are there.

    PATHS are folders [train|val|test/]minor|moderate|severe/ of JPEG, PNG or WebP files; or --manifest names them.
    """
    from brazada.images.car_damage.ingest import ingest
    from brazada.images.car_damage.photos import SUFFIXES
    from brazada.ingest.files import check_local

    if not paths and not manifest:
        raise click.UsageError("name PATHS or a --manifest")
    look_first(settings, lambda: check_local(paths, SUFFIXES))
    start("images ingest-car-damage", settings, verbose, lambda job: ingest(job, paths, again, manifest), _SECTIONS)
