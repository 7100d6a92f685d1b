"""Statements of SQL over the tables and views: told apart, run, and what they give printed."""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table as Grid
from rich.text import Text

from brazada import domains
from brazada.cli.inspect import check_there
from brazada.errors import UsageError
from brazada.output import asked, plain, printable, stdout
from brazada.prices.settings import Prices
from brazada.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.tables import Store
    from brazada.tables.readonly import Named

Rows = Iterator[tuple[Any, ...]]

_JOBS = "ops.job_runs"  # which every warehouse has
_NUMBERS = ("tinyint", "smallint", "int", "bigint", "float", "double", "decimal")
_MOST_ROWS = 10_000  # of a table for people
# A text, a name in quotes or a comment, whole or to the end of what there is: a semicolon in one ends nothing.
_TOKEN = re.compile(r"""'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*"|`[^`]*`|--[^\n]*|/\*.*?\*/|['"`].*|/\*.*|;""", re.DOTALL)


def split(text: str, *, unfinished: bool = True) -> list[str]:
    """The statements in a text, without their semicolons; the last one may lack it, unless `unfinished` is false."""
    found, start = [], 0
    for token in _TOKEN.finditer(text):
        if token[0] == ";":
            found.append(text[start : token.start()])
            start = token.end()
    rest = [text[start:]] if unfinished else []
    return [each.strip() for each in [*found, *rest] if _TOKEN.sub(_without_comments, each).strip()]


def _without_comments(token: re.Match[str]) -> str:
    return " " if token[0].startswith(("--", "/*")) else token[0]


class Statements:
    """Runs statements over one warehouse, and prints what they give."""

    def __init__(self, settings: Settings, store: Store, style: str | None, allow_files: bool) -> None:
        self.settings, self.store, self.style, self.allow_files = settings, store, style, allow_files
        self.views = domains.views()

    def run(self, text: str) -> None:
        """Run one statement, and print its rows.

        Raises UsageError for one that does more than read, TableError for a name that is not there.
        """
        began = time.perf_counter()
        named = self._named(text)
        frame = _with_intervals_as_text(self._analysed(text, named))
        if self.style in ("csv", "json"):
            {"csv": _as_csv, "json": _as_json}[self.style](frame.columns, map(_values, frame.toLocalIterator()))
            return
        rows = [_values(row) for row in frame.limit(_MOST_ROWS + 1).collect()]
        shown, more = rows[:_MOST_ROWS], len(rows) > _MOST_ROWS
        heads = self._heads(frame.columns, named, shown)
        numbers = [kind.startswith(_NUMBERS) for _, kind in frame.dtypes]
        _print(heads, numbers, shown, self.style)
        count = f"{len(shown):,} row{'' if len(shown) == 1 else 's'}"
        also = ", the first of more: --format csv prints all" if more else ""
        if not asked().quiet:
            click.echo(f"{count}{also} in {time.perf_counter() - began:.2f} s", err=True)
        if named.everything and not shown:
            schemas = sorted({name.partition(".")[0] for name in self.store.names()})
            click.echo(f"schemas: {', '.join(schemas)}; list one by SHOW TABLES IN it", err=True)

    def warm_up(self) -> None:
        """Do once what the first statement would else wait for: have Spark load what answers one, and Delta a table."""
        if self.store.exists(_JOBS):
            text = f"SELECT job, count(*) FROM {_JOBS} GROUP BY job ORDER BY job"  # noqa: S608 - a constant
            self._analysed(text, self._named(text)).limit(1).collect()

    def names(self) -> list[str]:
        """The names that a statement may use: tables, and views whose tables are all there."""
        return sorted({*self.store.names(), *(view.name for view in self.store.present(self.views))})

    def columns(self, name: str) -> list[str]:
        """The columns of a table or view."""
        self.store.attach(self.views, {name})
        return list(self.store.spark.table(name).columns)

    def _named(self, text: str) -> Named:
        from brazada.tables.readonly import refuse_changes

        return refuse_changes(self.store.spark, text, allow_files=self.allow_files)

    def _analysed(self, text: str, named: Named) -> DataFrame:
        from pyspark.errors import AnalysisException

        self.store.attach_for(named, self.views)
        try:
            return self.store.spark.sql(text)
        except AnalysisException as error:
            if error.getErrorClass() == "TABLE_OR_VIEW_NOT_FOUND":
                for name in sorted(named.relations):
                    if f"`{name.replace('.', '`.`')}`" in str(error).lower():
                        check_there(name, self.store.names(), self.settings)
            raise

    def _heads(self, columns: Sequence[str], named: Named, rows: list[tuple[Any, ...]]) -> list[str]:
        """The columns' names, with the unit where one is declared and all rows have it in common."""
        units = {name: unit for view in self.views if view.name in named.relations for name, unit in view.units.items()}
        common = {name: str(rows[0][at]) for at, name in enumerate(columns) if len({str(row[at]) for row in rows}) == 1}
        if units and (source := self.settings.of(Prices).sources.get(common.get("source", ""))):
            common["currency"] = source.currency
        heads = []
        for name in columns:
            parts = re.findall(r"{(\w+)}", units.get(name, ""))
            known = name in units and all(part in common for part in parts)
            heads.append(f"{name} ({units[name].format_map(common)})" if known else name)
        return heads


def _values(row: Sequence[Any]) -> tuple[Any, ...]:
    return tuple(map(plain, row))


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


def _print(heads: Sequence[str], numbers: Sequence[bool], rows: list[tuple[Any, ...]], style: str | None) -> None:
    """Print rows as a table, or one below the other where the columns do not fit; on a terminal by a pager if long."""
    console, grid = stdout(), Grid()
    for head, number in zip(heads, numbers, strict=True):
        grid.add_column(Text(head), justify="right" if number else "left")
    for row in rows:
        grid.add_row(*(Text(printable(_text(value))) for value in row))
    wide = Measurement.get(console, console.options.update(width=10**6), grid).maximum > console.width
    if style == "vertical" or (style is None and rows and wide):
        write: Callable[[Console], None] = lambda to: _vertical(to, heads, rows)  # noqa: E731
        length = len(rows) * (len(heads) + 1)
    else:
        write, length = (lambda to: to.print(grid)), len(rows) + 4
    if console.is_terminal and length > console.height - 2:
        with console.capture() as kept:
            write(console)
        os.environ.setdefault("LESS", "-FRSX")
        click.echo_via_pager(kept.get(), color=True)
    else:
        write(console)


def _vertical(console: Console, heads: Sequence[str], rows: list[tuple[Any, ...]]) -> None:
    most = max(map(len, heads))
    for number, row in enumerate(rows, 1):
        console.rule(f"row {number:,}", align="left", style="dim")
        for head, value in zip(heads, row, strict=True):
            console.print(f"{head:<{most}}  {printable(_text(value))}", markup=False, soft_wrap=True)


def _as_csv(columns: list[str], rows: Rows) -> None:
    """Lines with LF at their ends; null is an empty cell, an empty text a quoted one."""
    for row in chain([columns], rows):
        click.echo(",".join("" if value is None else _cell(_text(value)) for value in row))


def _cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if not text or re.search('[",\r\n]', text) else text


def _as_json(columns: list[str], rows: Rows) -> None:
    if len(set(columns)) < len(columns):
        raise UsageError("column names that differ", found=", ".join(columns), todo="rename with AS")
    click.echo("[")
    before = ""
    for row in rows:
        click.echo(before + json.dumps(dict(zip(columns, row, strict=True)), ensure_ascii=False), nl=False)
        before = ",\n"
    click.echo("\n]")


def _text(value: Any) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, float):
        return f"{value:.15g}"  # of 0.1 + 0.2 no more than is meant
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)
