"""SQL over the tables and views: one statement, those of a file, or a shell for them. It changes nothing."""

from __future__ import annotations

import sys
from typing import Any

import click

from brazada.cli.inspect import warehouse
from brazada.cli.options import with_settings
from brazada.cli.statements import Statements, split
from brazada.errors import UsageError
from brazada.output import asked
from brazada.settings import Settings


@click.command()
@click.argument("query", required=False)
@click.option("-f", "--file", type=click.File(encoding="utf-8"), help="Run the statements of this file; - is stdin.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "vertical", "csv", "json"]),
    help="Print rows in this form.  [default: table, or vertical where columns do not fit]",
)
@click.option("--allow-files", is_flag=True, help="Read files too, as text.`/a/file`.")
@with_settings
def sql(settings: Settings, verbose: bool, query: str | None, file: Any, style: str | None, allow_files: bool) -> None:
    """Query the tables and views by name in Spark SQL, time travel included. It changes nothing.

    Without QUERY and FILE a shell opens on a terminal: statements end in a semicolon, and Tab completes names.
    """
    if query and file:
        raise UsageError("a QUERY or a --file", found="both", todo="leave one out")
    if asked().as_json and style not in (None, "json"):
        raise UsageError("one form of rows", found=f"--json and --format {style}", todo="leave one out")
    style = "json" if asked().as_json else style
    if query is None and file is None and sys.stdin.isatty():
        from brazada.cli.shell import Shell

        Shell(settings, verbose, style, allow_files).run()
        return
    texts = split((file or sys.stdin).read() if query is None else query)
    if not texts:
        raise UsageError("a statement of SQL", found="none", todo="give one as QUERY, or a file of them by --file")
    session = Statements(settings, warehouse(settings, verbose), style, allow_files)
    for text in texts:
        session.run(text)
