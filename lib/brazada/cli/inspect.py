"""Commands that look and change nothing: the machine, the tables."""

from __future__ import annotations

import sys
from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from brazada import domains
from brazada.cli.options import with_settings
from brazada.errors import TableError
from brazada.output import asked, show, show_json, stdout
from brazada.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.tables import Store

_WRITTEN = "numOutputRows"  # as Delta names it in a commit's metrics


@click.command()
@with_settings
def doctor(settings: Settings, verbose: bool) -> None:
    """Check this machine in seconds; each failure says what to do."""
    from brazada.doctor import examine

    checks = list(examine(settings))
    if asked().as_json:
        for check in checks:
            show_json(asdict(check))
    for check in checks if not asked().as_json else ():
        mark = "ok  " if check.passed else ("FAIL" if check.needed else "skip")
        click.echo(f"{mark}  {check.name}: {check.found}" + ("" if check.passed else f" -> {check.todo}"))
    failed = [check.name for check in checks if check.needed and not check.passed]
    click.echo(
        f"{len(failed)} of {len(checks)} checks failed" if failed else "nothing that is needed is missing",
        err=asked().as_json,
    )
    sys.exit(1 if failed else 0)


@click.command()
@click.argument("name", required=False)
@click.option("--ddl", is_flag=True, help="Print CREATE TABLE statements, for a Thrift server or another Spark.")
@with_settings
def tables(settings: Settings, verbose: bool, name: str | None, ddl: bool) -> None:
    """List the tables with rows, version and size, or show one: columns, constraints, history."""
    from brazada.tables import local

    if ddl:
        for each, location in _located(settings, verbose, name):
            schema = each.partition(".")[0]
            click.echo(f"CREATE SCHEMA IF NOT EXISTS {schema};")
            click.echo(f"CREATE TABLE IF NOT EXISTS {each} USING delta LOCATION {location};")
        return
    if name and settings.warehouse.is_local:  # told before Spark is started
        check_there(name, local.names(str(settings.warehouse.path)), settings)
    store = warehouse(settings, verbose)
    if name is None:
        _list(store)
    elif view := next((view for view in store.present(domains.views()) if view.name == name), None):
        store.attach(domains.views(), {view.name})
        stdout().print(f"[bold]{name}[/bold], a view: {view.comment}")
        _columns(store.spark.table(view.name))
    else:
        _describe(store, name)


def _located(settings: Settings, verbose: bool, name: str | None) -> list[tuple[str, str]]:
    """Names of the tables, or one of them, and where they lie, as SQL writes it."""
    from brazada.tables import literal, local

    if settings.warehouse.is_local:
        base = str(Path(str(settings.warehouse.path)).resolve())
        names = local.names(base)
        where = {each: f"{base}/{each.replace('.', '/')}" for each in names}
    else:
        store = warehouse(settings, verbose)
        names = store.names()
        where = {each: store.location(each) or "" for each in names}
    if name and name not in where:
        raise local.missing(name, names, settings.warehouse)
    return [(each, literal(where[each])) for each in ([name] if name else names)]


def check_there(name: str, tables: Collection[str], settings: Settings) -> None:
    """Raise TableError for a name of neither one of these tables nor a view of them."""
    from brazada.tables import local

    if name in tables:
        return
    views = domains.views()
    lacking = {
        view.name: [table for table in view.tables if table not in tables]
        for view in sorted(views, key=lambda view: -len(view.tables))  # of a name that comes twice the one of fewer
    }
    if name not in lacking:
        there = {view for view, none in lacking.items() if not none}
        raise local.missing(name, {*tables, *there}, settings.warehouse)
    if not lacking[name]:
        return
    error = TableError(
        f"the tables that {name} is a view of",
        found=f"no {', '.join(lacking[name])} in {settings.warehouse.shown}",
        todo="run the jobs that write them first, or check --warehouse",
    )
    error.table, error.warehouse = lacking[name][0], settings.warehouse.path
    raise error


def warehouse(settings: Settings, verbose: bool) -> Store:
    """The tables, for a command that is no job."""
    from brazada import session
    from brazada.tables import Store

    return Store(session.start(settings, verbose), settings.warehouse, schemas=settings.schemas)


def _list(store: Store) -> None:
    rows = []
    for name in store.names():
        of = store.figures(name)
        rows.append((name, of.rows, of.version, of.size_bytes / 2**20, of.written, of.comment))
    show(("table", "rows", "version", "size, MiB", "written, UTC", "what a row is"), rows, "Tables")
    if views := [(view.name, view.comment) for view in store.present(domains.views())]:
        show(("view", "what it shows"), views, "Views")


def _describe(store: Store, name: str) -> None:
    snapshot = store.read(name)
    detail = store.detail(name)
    stdout().print(
        f"[bold]{name}[/bold] version {snapshot.version}, {snapshot.frame.count():,} rows: {detail['description']}"
    )
    _columns(snapshot.frame)
    prefix, properties = "delta.constraints.", sorted(detail["properties"].items())
    show(
        ("constraint", "condition"),
        [(key.removeprefix(prefix), condition) for key, condition in properties if key.startswith(prefix)],
        "Constraints",
    )
    commits = [
        (row["version"], row["timestamp"], row["operation"], int((row["operationMetrics"] or {}).get(_WRITTEN, 0)))
        for row in store.history(name)
    ]
    show(("version", "at, UTC", "operation", "rows written"), commits, "History")


def _columns(frame: DataFrame) -> None:
    show(
        ("column", "type", "null", "comment"),
        [
            (field.name, field.dataType.simpleString(), field.nullable, field.metadata.get("comment", ""))
            for field in frame.schema
        ],
        "Columns",
    )
