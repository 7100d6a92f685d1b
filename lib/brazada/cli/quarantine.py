"""What ingests refused: which rows there are, judging their files again, and leaving them be."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from brazada import domains
from brazada.cli.inspect import warehouse
from brazada.cli.options import Group, with_settings
from brazada.cli.steps import start
from brazada.errors import InputError, UsageError
from brazada.output import show
from brazada.settings import Settings

if TYPE_CHECKING:
    from brazada.report import Job

_SECTIONS = ("warehouse",)
_WHICH = (
    click.option("--job", default="", metavar="TEXT", help="Refused by a job with this in its name, as prices ingest."),
    click.option("--file", default="", metavar="TEXT", help="From files with this in their URI."),
    click.option("--reason", default="", metavar="TEXT", help="With this in the reason, as unknown unit."),
)


def _chosen(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that say which refused rows it is about, and hand it `which` in their place."""

    @functools.wraps(command)
    def run(*, job: str, file: str, reason: str, **rest: Any) -> None:
        from brazada.ingest.quarantine import Which

        command(which=Which(job, file, reason), **rest)

    for option in reversed(_WHICH):
        run = option(run)
    return run


@click.group(cls=Group)
def quarantine() -> None:
    """Rows and files that ingests refused, of every domain."""


@quarantine.command("list")
@_chosen
@click.option("--rows", is_flag=True, help="Each row with its place and content.  [default: counts by reason]")
@with_settings
def list_(settings: Settings, verbose: bool, which: Any, rows: bool) -> None:
    """Show what was refused, and why."""
    from brazada.ingest import quarantine as library

    store = warehouse(settings, verbose)
    found = library.counted(store, which)
    if rows:
        refused = library.refused(store, which)
        found = refused.select("job", "file", "unit", "place", "reason", "raw").orderBy("job", "file", "place")
    show(found.columns, [tuple(row) for row in found.toLocalIterator()])


@quarantine.command()
@_chosen
@with_settings
def retry(settings: Settings, verbose: bool, which: Any) -> None:
    """Judge the files again that have such rows, by the settings of now: what is good leaves the quarantine."""
    from brazada.ingest import quarantine as library

    found, known = library.files_of(warehouse(settings, verbose), which), domains.ingests()
    if strange := sorted(found.keys() - known.keys()):
        raise UsageError(
            f"rows refused by {', '.join(sorted(known))}",
            found=f"some by {', '.join(strange)}",
            todo="leave them out by --job, or dismiss them",
        )
    read: list[str] = []
    for name, files in found.items():
        domain, ingest = known[name]

        def again(job: Job, files: list[str] = files, ingest: Callable[..., None] = ingest) -> None:
            read.extend(library.judge_again(job, files, ingest))

        start(name, settings, verbose, again, (*_SECTIONS, domain))
    if not read:
        raise InputError("a file with refused rows where it was", found="none", todo="ingest it again where it is now")


@quarantine.command()
@_chosen
@click.option("--all", "everything", is_flag=True, help="All refused rows of all jobs.")
@with_settings
def dismiss(settings: Settings, verbose: bool, which: Any, everything: bool) -> None:
    """Delete refused rows that are right to be refused. They come back where their file is judged again."""
    from brazada.ingest import quarantine as library

    if everything == (which != library.Which()):
        raise UsageError("--all, or one of --job, --file, --reason", found="both or none", todo="say which rows")
    start("quarantine dismiss", settings, verbose, lambda job: library.dismiss(job, which), _SECTIONS)
