"""The command that makes pages for people."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from brazada import domains
from brazada.cli.inspect import warehouse
from brazada.cli.options import with_settings
from brazada.output import asked, show_json
from brazada.settings import Settings


@click.command()
@click.argument("names", metavar="[PAGE]...", nargs=-1, type=click.Choice([*domains.reports(), "all"]))
@click.option(
    "--out", type=click.Path(file_okay=False), default="report", show_default=True, help="Write to this folder."
)
@click.option("--open", "show", is_flag=True, help="Open the first page in the browser.")
@with_settings
def report(settings: Settings, verbose: bool, names: tuple[str, ...], out: str, show: bool) -> None:
    """Make HTML pages from the tables: all, or the named ones. Each is one file and needs no network."""
    from brazada.pages import Reader
    from brazada.pages.write import write

    reader = Reader(warehouse(settings, verbose), domains.views())
    chosen = domains.reports() if not names or "all" in names else tuple(dict.fromkeys(names))
    files = write([domains.report(name)(reader) for name in chosen], Path(out))
    if asked().as_json:
        show_json({"files": [str(file.resolve()) for file in files]})
    else:
        for file in files[1:]:
            click.echo(f"{file}  {file.stat().st_size / 2**20:.2f} MiB")
        click.echo(f"look at {files[0].resolve()}")
    if show:
        webbrowser.open(files[0].resolve().as_uri())
