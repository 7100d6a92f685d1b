"""Commands that look and change nothing: the machine, the tables, SQL over them."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click
from rich.table import Table as Grid

from brazada.cli.options import with_settings
from brazada.settings import Settings

if TYPE_CHECKING:
    from brazada.tables import Store


@click.command()
@with_settings
def doctor(settings: Settings, verbose: bool) -> None:  # noqa: ARG001
    """Check this machine in seconds; each failure says what to do."""
    from brazada.doctor import examine

    checks = list(examine(settings))
    for check in checks:
        mark = "ok  " if check.passed else ("FAIL" if check.needed else "skip")
        click.echo(f"{mark}  {check.name}: {check.found}" + ("" if check.passed else f" -> {check.todo}"))
    failed = [check.name for check in checks if check.needed and not check.passed]
    click.echo(
        f"{len(failed)} of {len(checks)} checks failed" if failed else f"all needed of {len(checks)} checks passed"
    )
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("name", required=False)
@click.option("--ddl", is_flag=True, help="Print CREATE TABLE statements, for a Thrift server or another Spark.")
@with_settings
def tables(settings: Settings, verbose: bool, name: str | None, ddl: bool) -> None:
    """List the tables with rows, version and size, or show one: columns, constraints, history."""
    from brazada.tables import literal

    with _warehouse(settings, verbose) as store:
        names = [name] if name else store.names()
        if ddl:
            for each in names:
                schema = each.partition(".")[0]
                click.echo(f"CREATE SCHEMA IF NOT EXISTS {schema};")
                click.echo(
                    f"CREATE TABLE IF NOT EXISTS {each} USING delta LOCATION {literal(store.location(each) or '')};"
                )
        elif name:
            _describe(store, name)
        else:
            _list(store, names)


@click.command()
@click.argument("query")
@click.option("--format", "style", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True)
@with_settings
def sql(settings: Settings, verbose: bool, query: str, style: str) -> None:
    """Run Spark SQL over the tables and views by name, time travel included."""
    with _warehouse(settings, verbose) as store:
        frame = store.spark.sql(query)
        rows = (row.asDict(recursive=True) for row in frame.toLocalIterator())
        {"table": _as_table, "csv": _as_csv, "json": _as_json}[style](frame.columns, rows)


@contextmanager
def _warehouse(settings: Settings, verbose: bool) -> Iterator[Store]:
    from brazada import session
    from brazada.prices.views import VIEWS
    from brazada.tables import Store

    store = Store(session.start(settings, verbose), settings.warehouse)
    store.attach(VIEWS)
    yield store


def _list(store: Store, names: Iterable[str]) -> None:
    from brazada.report import stdout

    grid = Grid("table", "rows", "version", "size", "written", "what a row is")
    for name in names:
        rows = store.spark.table(name).count()
        detail = store.detail(name)
        size, written = f"{detail['sizeInBytes'] / 2**20:.2f} MiB", f"{detail['lastModified']:%Y-%m-%d %H:%M}"
        grid.add_row(name, f"{rows:,}", str(store.version(name)), size, written, detail["description"] or "")
    stdout().print(grid)


def _describe(store: Store, name: str) -> None:
    from brazada.report import stdout

    snapshot = store.read(name)
    detail, console = store.detail(name), stdout()
    console.print(
        f"[bold]{name}[/bold] version {snapshot.version}, {snapshot.frame.count():,} rows: {detail['description']}"
    )
    grid = Grid("column", "type", "null", "comment")
    for field in store.spark.table(name).schema:
        kind, null = field.dataType.simpleString(), "null" if field.nullable else "not null"
        grid.add_row(field.name, kind, null, field.metadata.get("comment", ""))
    console.print(grid)
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


def _as_table(columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    from brazada.report import stdout

    grid, count = Grid(*columns), 0
    for row in rows:
        grid.add_row(*(_text(row[name]) for name in columns))
        count += 1
    stdout().print(grid)
    click.echo(f"{count} row{'s' if count != 1 else ''}", err=True)


def _as_csv(columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    writer = csv.writer(sys.stdout)
    writer.writerow(columns)
    writer.writerows([_text(row[name], null="") for name in columns] for row in rows)


def _as_json(columns: list[str], rows: Iterator[dict[str, Any]]) -> None:
    click.echo("[")
    before = ""
    for row in rows:
        click.echo(
            before + json.dumps({name: row[name] for name in columns}, default=str, ensure_ascii=False), nl=False
        )
        before = ",\n"
    click.echo("\n]")


def _text(value: Any, null: str = "NULL") -> str:
    if value is None:
        return null
    if isinstance(value, float):
        return f"{value:.6g}"
    return json.dumps(value, default=str, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
