"""Which layout a price file has, by the names in its header."""

from __future__ import annotations

import codecs
import csv
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from brazada.errors import InputError
from brazada.prices.settings import Layout, Source

SEPARATOR_LINE = '^\ufeff?"?sep=.?"?$'  # what Excel writes before a header
_MARKS = {codecs.BOM_UTF8: "UTF-8", codecs.BOM_UTF16_LE: "UTF-16LE", codecs.BOM_UTF16_BE: "UTF-16BE"}

_MOST_COLUMNS = 200  # Spark compiles code for each of them


@dataclass(frozen=True)
class Columns:
    """The layout of one header: its name in the settings, its rules, and the header's names, folded, in their order.

    `encoding` is the file's, `line` that of its header, from 1.
    """

    name: str
    layout: Layout
    names: tuple[str, ...]
    encoding: str
    line: int = 1

    def place(self, column: str) -> int:
        """Position from 0 of a column that the layout names."""
        return self.names.index(fold(column))


def fold(name: str) -> str:
    """A column's name without accents, upper case, quotes, byte order mark and surplus blanks."""
    plain = unicodedata.normalize("NFKD", name.replace("\ufeff", ""))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(letters.replace('"', " ").casefold().split())


def layouts_of(sources: Mapping[str, Source]) -> dict[str, Layout]:
    """The layouts of sources, by source/layout."""
    return {f"{name}/{layout}": rules for name, source in sources.items() for layout, rules in source.layouts.items()}


def known_as(head: bytes, sources: Mapping[str, Source], file: str) -> str | None:
    """The layout, as source/layout, that reads a file which begins so; None if none does."""
    try:
        return recognise(head, layouts_of(sources), file).name
    except InputError:
        return None


def recognise(head: bytes, layouts: Mapping[str, Layout], file: str) -> Columns:
    """The layout whose columns all stand in the header, once each; of several the one with the most columns.

    `head` is the beginning of the file. A byte order mark tells its encoding, else the layout does. Raises InputError
    if there is none, if two fit equally well, if it has more columns than Spark can read, or if a date that should
    stand in the file's name does not.
    """
    fitting = [columns for name, layout in layouts.items() if (columns := _read(head, name, layout))]
    # A file with a byte order mark may be of a layout of another encoding, but rather is of one of its own.
    fitting = [columns for columns in fitting if columns.encoding == columns.layout.encoding] or fitting
    best = max((len(columns.layout.header) for columns in fitting), default=0)
    chosen = [columns for columns in fitting if len(columns.layout.header) == best]
    if len(chosen) == 1:
        if (found_columns := len(chosen[0].names)) > _MOST_COLUMNS:
            raise InputError(
                f"a header of at most {_MOST_COLUMNS} columns",
                found=f"{found_columns:,} in {file}",
                todo=f"keep the columns {', '.join(chosen[0].layout.header)} alone",
            )
        return _with_date(chosen[0], file)
    header = shown(head)
    if chosen:
        raise InputError(
            "a header of one layout",
            found=f"{header} in {file}, which is {' and '.join(columns.name for columns in chosen)}",
            todo="name its source with --source, or more columns in the header of one of them under prices.sources",
        )
    known = "; ".join(f"{name}: {layout.separator.join(layout.header)}" for name, layout in layouts.items())
    raise InputError(
        f"a header of a known layout ({known})",
        found=f"{header} in {file}",
        todo="leave the file out, or write its layout: brazada prices layout FILE prints it as far as it can be told",
    )


def beginning(head: bytes, encoding: str) -> tuple[str, int]:
    """The header's line, and its number, of a file that begins so; one before it that says `sep=` is passed over."""
    text = head.decode(mark_of(head) or encoding, errors="replace").removeprefix("\ufeff")
    lines = re.split("\r\n|\r|\n", text, maxsplit=2)
    return (lines[1], 2) if len(lines) > 1 and re.search(SEPARATOR_LINE, lines[0]) else (lines[0], 1)


def mark_of(head: bytes) -> str | None:
    """The encoding that a byte order mark tells; None without one."""
    return next((encoding for mark, encoding in _MARKS.items() if head.startswith(mark)), None)


def shown(head: bytes) -> str:
    """A header as it may stand in a message."""
    text = beginning(head, "UTF-8")[0][:500].strip()
    return "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text) or "an empty line"


def _read(head: bytes, name: str, layout: Layout) -> Columns | None:
    """The header by a layout, None if it is not of it."""
    text, line = beginning(head, layout.encoding)
    names = tuple(map(fold, next(csv.reader([text], delimiter=layout.separator), [])))
    fits = all(names.count(fold(column)) == 1 for column in layout.header)
    return Columns(name, layout, names, mark_of(head) or layout.encoding, line) if fits else None


def _with_date(columns: Columns, file: str) -> Columns:
    """The same columns. Raises InputError if the date should stand in the file's name and does not."""
    name = unquote(file.rpartition("/")[2])
    if columns.layout.date or columns.layout.date_in_name(name):
        return columns
    raise InputError(
        f"one date as {' or '.join(columns.layout.date_format)} in the name of a file of {columns.name}",
        found=file,
        todo="rename it, or name the column of the date in the layout",
    )
