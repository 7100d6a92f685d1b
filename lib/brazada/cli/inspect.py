"""Commands that look and change nothing: the machine, the tables, SQL over them."""

from __future__ import annotations

import csv
import json
import math
import re
import sys
from collections.abc import Iterator
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

_QUERIES = ("select", "with", "from", "values", "table", "show", "describe", "desc", "explain")


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
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@with_settings
def sql(settings: Settings, verbose: bool, query: str, style: str) -> None:
    """Query the tables and views by name in Spark SQL, time travel included."""
    from pyspark.errors import AnalysisException

    store = warehouse(settings, verbose)
    _refuse_changes(store, query)
    store.attach(domains.views(), naming=None if _first_word(query) == "show" else query)
    try:
        frame = store.spark.sql(query)
    except AnalysisException as error:
        if error.getErrorClass() != "TABLE_OR_VIEW_NOT_FOUND":
            raise
        _explain_missing(store, query)
        raise
    if style == "json" and len(set(frame.columns)) < len(frame.columns):
        raise UsageError("column names that differ", found=", ".join(frame.columns), todo="rename with AS")
    rows = (tuple(_plain(value) for value in row) for row in frame.toLocalIterator())
    {"table": _as_table, "csv": _as_csv, "json": _as_json}[style](frame.columns, rows)


def _refuse_changes(store: Store, query: str) -> None:
    """Jobs write tables, this command reads them."""
    plan = store.spark._jsparkSession.sessionState().sqlParser().parsePlan(query).toString()
    if _first_word(query) not in _QUERIES or "InsertInto" in plan:
        todo = "let jobs change tables, or Spark's own shell"
        raise UsageError(f"a query ({', '.join(_QUERIES)})", found=query[:200], todo=todo)


def _first_word(query: str) -> str:
    """The first word of a statement behind its comments, in small letters."""
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", " ", query, flags=re.DOTALL)
    return str((re.findall(r"[a-z]+", bare.lower()) or [""])[0])


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
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows(["" if v is None else v if isinstance(v, float) else _text(v) for v in row] for row in rows)


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
        return f"{value:.6g}"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _printable(text: str) -> str:
    """Without signs that would command the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
