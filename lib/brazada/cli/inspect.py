"""Commands that look and change nothing: the machine, the tables, SQL over them."""

from __future__ import annotations

import json
import math
import re
import sys
from collections.abc import Iterator
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from rich.markup import escape
from rich.table import Table as Grid
from rich.text import Text

from brazada import domains
from brazada.cli.options import with_settings
from brazada.errors import TableError, UsageError
from brazada.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.tables import Store


format_option = click.option(
    "--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)


@click.command()
@with_settings
def doctor(settings: Settings, verbose: bool) -> None:
    """Check this machine in seconds; each failure says what to do."""
    from brazada.doctor import examine

    checks = list(examine(settings))
    for check in checks:
        mark = "ok  " if check.passed else ("FAIL" if check.needed else "skip")
        click.echo(f"{mark}  {check.name}: {check.found}" + ("" if check.passed else f" -> {check.todo}"))
    failed = [check.name for check in checks if check.needed and not check.passed]
    click.echo(f"{len(failed)} of {len(checks)} checks failed" if failed else "nothing that is needed is missing")
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("name", required=False)
@click.option("--ddl", is_flag=True, help="Print CREATE TABLE statements, for a Thrift server or another Spark.")
@with_settings
def tables(settings: Settings, verbose: bool, name: str | None, ddl: bool) -> None:
    """List the tables with rows, version and size, or show one: columns, constraints, history."""
    from brazada.report import stdout
    from brazada.tables import literal

    store = warehouse(settings, verbose)
    if ddl:
        for each in [name] if name else store.names():
            store.version(each)
            schema = each.partition(".")[0]
            click.echo(f"CREATE SCHEMA IF NOT EXISTS {schema};")
            click.echo(f"CREATE TABLE IF NOT EXISTS {each} USING delta LOCATION {literal(store.location(each) or '')};")
    elif view := next((view for view in store.present(domains.views()) if view.name == name), None):
        store.attach(domains.views(), naming=view.name)
        stdout().print(f"[bold]{name}[/bold], a view: {view.comment}")
        stdout().print(_columns(store.spark.table(view.name)))
    elif name:
        _describe(store, name)
    else:
        _list(store)


@click.command()
@click.argument("query")
@format_option
@click.option("--allow-files", is_flag=True, help="Read files too, as text.`/a/file`.")
@with_settings
def sql(settings: Settings, verbose: bool, query: str, style: str, allow_files: bool) -> None:
    """Query the tables and views by name in Spark SQL, time travel included. It changes nothing."""
    from pyspark.errors import AnalysisException

    from brazada.tables.readonly import refuse_changes

    store = warehouse(settings, verbose)
    refuse_changes(store.spark, query, allow_files=allow_files)
    store.attach(domains.views(), naming=None if re.search(r"\bshow\b", query, re.IGNORECASE) else query)
    try:
        frame = store.spark.sql(query)
    except AnalysisException as error:
        if error.getErrorClass() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        _explain_missing(store, query)
        raise
    if style == "json" and len(set(frame.columns)) < len(frame.columns):
        raise UsageError("column names that differ", found=", ".join(frame.columns), todo="rename with AS")
    show(frame, style)


def show(frame: DataFrame, style: str) -> None:
    """Print rows as a table, csv or json."""
    frame = _with_intervals_as_text(frame)
    rows = (tuple(_plain(value) for value in row) for row in frame.toLocalIterator())
    {"table": _as_table, "csv": _as_csv, "json": _as_json}[style](frame.columns, rows)


def _with_intervals_as_text(frame: DataFrame) -> DataFrame:
    """Intervals as SQL writes them: of months Python would have a number."""
    if not any("interval" in kind for _, kind in frame.dtypes):
        return frame
    places = [f"_{place}" for place in range(len(frame.columns))]  # names may come twice
    cast = [
        f"CAST({at} AS STRING)" if "interval" in kind else at
        for at, (_, kind) in zip(places, frame.dtypes, strict=True)
    ]
    return frame.toDF(*places).selectExpr(*cast).toDF(*frame.columns)


def _explain_missing(store: Store, query: str) -> None:
    """Raise TableError if the query names a view whose tables are not all there."""
    present = {view.name for view in store.present(domains.views())}
    for view in domains.views():
        if view.name not in present and re.search(rf"\b{re.escape(view.name)}\b", query, re.IGNORECASE):
            missing = [name for name in view.tables if not store.exists(name)]
            raise TableError(
                f"what {view.name} is a view of: {', '.join(view.tables)}",
                found=f"no {', '.join(missing)} in {store.warehouse.path or store.warehouse.catalog}",
                todo="run the jobs that write them first, or check --warehouse",
            )


def warehouse(settings: Settings, verbose: bool) -> Store:
    """The tables, for a command that is no job."""
    from brazada import session
    from brazada.tables import Store

    return Store(session.start(settings, verbose), settings.warehouse, schemas=settings.schemas)


def _list(store: Store) -> None:
    from brazada.report import stdout

    grid = Grid("table", "rows", "version", "size", "written", "what a row is")
    for name in store.names():
        of = store.figures(name)
        size, written = f"{of.size_bytes / 2**20:.2f} MiB", f"{of.written:%Y-%m-%d %H:%M}"
        grid.add_row(name, f"{of.rows:,}", str(of.version), size, written, of.comment)
    stdout().print(grid)
    grid = Grid("view", "what it shows")
    for view in store.present(domains.views()):
        grid.add_row(view.name, view.comment)
    if grid.row_count:
        stdout().print(grid)


def _describe(store: Store, name: str) -> None:
    from brazada.report import stdout

    snapshot = store.read(name)
    detail, console = store.detail(name), stdout()
    console.print(
        f"[bold]{name}[/bold] version {snapshot.version}, {snapshot.frame.count():,} rows: {detail['description']}"
    )
    console.print(_columns(snapshot.frame))
    grid = Grid("constraint", "condition")
    for key, condition in sorted(detail["properties"].items()):
        if key.startswith("delta.constraints."):
            grid.add_row(key.removeprefix("delta.constraints."), condition)
    console.print(grid)
    grid = Grid("version", "at", "operation", "rows written")
    for row in store.history(name):
        rows = (row["operationMetrics"] or {}).get("numOutputRows", "")
        grid.add_row(str(row["version"]), f"{row['timestamp']:%Y-%m-%d %H:%M:%S}", row["operation"], rows)
    console.print(grid)


def _columns(frame: DataFrame) -> Grid:
    grid = Grid("column", "type", "null", "comment")
    for field in frame.schema:
        kind, null = field.dataType.simpleString(), "null" if field.nullable else "not null"
        grid.add_row(field.name, kind, null, field.metadata.get("comment", ""))
    return grid


def _as_table(columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    from brazada.report import stdout

    grid, count = Grid(*map(escape, columns)), 0
    for row in rows:
        grid.add_row(*(Text(_printable(_text(value))) for value in row))
        count += 1
    stdout().print(grid)
    click.echo(f"{count} row{'s' if count != 1 else ''}", err=True)


def _as_csv(columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    """Lines with LF at their ends; null is an empty cell, an empty text a quoted one."""
    for row in chain([columns], rows):
        click.echo(",".join("" if value is None else _cell(_text(value)) for value in row))


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if not text or re.search('[",\r\n]', text) else text


def _as_json(columns: list[str], rows: Iterator[tuple[Any, ...]]) -> None:
    click.echo("[")
    before = ""
    for row in rows:
        click.echo(before + json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False), nl=False)
        before = ",\n"
    click.echo("\n]")


def _plain(value: Any) -> Any:
    """A value in JSON's terms: structs and maps as objects, dates as text, bytes as hex, no NaN or infinity."""
    if isinstance(value, dict):
        return {str(_plain(key)): _plain(part) for key, part in value.items()}
    if hasattr(value, "asDict"):
        return {key: _plain(part) for key, part in zip(value.__fields__, value, strict=True)}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.15g}"  # of 0.1 + 0.2 no more than is meant
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _printable(text: str) -> str:
    """Without signs that would command the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
