"""Made-up inputs: commands that write them. None starts Spark."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from brazada.cli.options import Group


def _count(text: str) -> int:
    """A whole number, as 300000 or 3e5."""
    number = float(text)
    if not number.is_integer():
        raise ValueError(text)
    return int(number)


_seed = click.option(
    "--seed",
    type=_count,
    default=7,
    show_default=True,
    metavar="S",
    help="Draw by this seed; the same one gives the same bytes.",
)
_folder = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.group(cls=Group)
def simulate() -> None:
    """Make inputs in the published formats, of any size, with the truth beside them."""


@simulate.command()
@click.option(
    "--rows", type=_count, required=True, metavar="N", help="Write so many rows in all logs together, as 300000 or 3e5."
)
@_seed
@click.option(
    "--days", type=click.IntRange(1), default=1, show_default=True, help="Write one file for each of so many days."
)
@click.option(
    "--faults", type=click.FloatRange(0, 0.5), default=0.0, show_default=True, help="Break this share of the lines."
)
@click.option(
    "--silences",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Give this share of the drills a silence, which is to raise an alert.",
)
@click.option(
    "--positions",
    type=click.Choice(["held", "interpolated"]),
    default="held",
    show_default=True,
    help="Samples between two fixes repeat the first, or lie on the line to the next.",
)
@_folder
def swim(
    rows: int,
    seed: int,
    days: int,
    faults: float,
    silences: float,
    positions: Literal["held", "interpolated"],
    folder: Path,
) -> None:
    """Write swim logs (swim_YYYY-MM-DD.csv), every drill's true style and the silences (_*.csv) into DIR."""
    from brazada.simulate import swim as library

    done = library.simulate(folder, rows, seed, days, faults, silences, positions)
    for file in done.files:
        click.echo(f"{file}  {file.stat().st_size / 1e6:,.1f} MB")
    click.echo(f"{done.truth}  {done.drills:,} drills")
    broken = ", ".join(f"{kind} {count:,}" for kind, count in sorted(done.faults.items()))
    click.echo(f"{done.rows:,} rows" + (f", of them broken: {broken}" if broken else ""))


@simulate.command()
@click.option(
    "--pictures", type=_count, default=3000, show_default=True, metavar="N", help="Draw so many to train with."
)
@_seed
@_folder
def fashion(pictures: int, seed: int, folder: Path) -> None:
    """Write drawn pieces of clothing of ten classes, as Fashion-MNIST's IDX files, into DIR."""
    from brazada.simulate import fashion as library

    for file in library.simulate(folder, pictures, seed):
        click.echo(f"{file}  {file.stat().st_size / 1e6:,.1f} MB")


@simulate.command()
@click.option(
    "--recordings",
    type=_count,
    default=4,
    show_default=True,
    metavar="N",
    help="Write so many of each of nine surfaces.",
)
@_seed
@_folder
def surfaces(recordings: int, seed: int, folder: Path) -> None:
    """Write series of a robot's inertial unit (X_train.csv) and their surfaces (y_train.csv) into DIR."""
    from brazada.simulate import surfaces as library

    for file in library.simulate(folder, recordings, seed):
        click.echo(f"{file}  {file.stat().st_size / 1e6:,.1f} MB")


@simulate.command()
@click.option(
    "--swimmers",
    type=_count,
    default=8,
    show_default=True,
    metavar="N",
    help="Write two recordings of each of so many swimmers.",
)
@_seed
@_folder
def strokes(swimmers: int, seed: int, folder: Path) -> None:
    """Write recordings of watches (SWIMMER/STYLE_EPOCH.csv.gz) and the lengths swum (_lengths.csv) into DIR."""
    from brazada.simulate import strokes as library

    files = library.simulate(folder, swimmers, seed)
    click.echo(f"{len(files) - 1} recordings in {folder}  {sum(file.stat().st_size for file in files) / 1e6:,.1f} MB")
    click.echo(f"{files[-1]}")


@simulate.command()
@click.option("--photographs", type=_count, default=300, show_default=True, metavar="N", help="Draw so many.")
@click.option("--copies", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Copy this share of them.")
@click.option(
    "--broken",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Write this share of broken files more.",
)
@_seed
@_folder
def car_damage(photographs: int, copies: float, broken: float, seed: int, folder: Path) -> None:
    """Write drawn photographs of damaged cars, and which of them are copies (_copies.csv), into DIR."""
    from brazada.simulate import car_damage as library

    done = library.simulate(folder, photographs, seed, copies, broken)
    click.echo(f"{folder}  {done.photographs:,} photographs, {done.broken:,} broken files")
    click.echo(f"{done.copies}  which are copies")
