"""Which layout a price file has, by the names in its header."""

from __future__ import annotations

import codecs
import csv
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from brazada.errors import InputError
from brazada.prices.settings import Layout

_MOST_COLUMNS = 200  # Spark compiles code for each of them


@dataclass(frozen=True)
class Columns:
    """The layout of one header: its name in the settings, its rules, and the header's names, folded, in their order."""

    name: str
    layout: Layout
    names: tuple[str, ...]

    def place(self, column: str) -> int:
        """Position from 0 of a column that the layout names."""
        return self.names.index(fold(column))


def fold(name: str) -> str:
    """A column's name without accents, upper case, quotes, byte order mark and surplus blanks."""
    plain = unicodedata.normalize("NFKD", name.replace("\ufeff", ""))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return " ".join(letters.replace('"', " ").casefold().split())


def recognise(first_line: bytes, layouts: Mapping[str, Layout], file: str) -> Columns:
    """The layout whose columns all stand in the header, once each; of several the one with the most columns.

    Raises InputError if there is none, if two fit equally well, or if it has more columns than Spark can read.
    """
    found = {name: _names(first_line, layout) for name, layout in layouts.items()}
    fitting = [Columns(name, layouts[name], names) for name, names in found.items() if _fits(names, layouts[name])]
    best = max((len(columns.layout.header) for columns in fitting), default=0)
    chosen = [columns for columns in fitting if len(columns.layout.header) == best]
    if len(chosen) == 1:
        if (found_columns := len(chosen[0].names)) > _MOST_COLUMNS:
            raise InputError(
                f"a header of at most {_MOST_COLUMNS} columns",
                found=f"{found_columns:,} in {file}",
                todo=f"keep the columns {', '.join(chosen[0].layout.header)} alone",
            )
        return chosen[0]
    text = first_line[:500].decode("utf-8-sig", errors="replace").strip()
    header = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text) or "an empty line"
    if chosen:
        raise InputError(
            "a header of one layout",
            found=f"{header} in {file}, which is {' and '.join(columns.name for columns in chosen)}",
            todo="name more columns in the header of one of them under prices.sources in the settings",
        )
    known = "; ".join(f"{name}: {layout.separator.join(layout.header)}" for name, layout in layouts.items())
    raise InputError(
        f"a header of a known layout ({known})",
        found=f"{header} in {file}",
        todo="leave the file out, or describe its layout under prices.sources in the settings",
    )


def _names(first_line: bytes, layout: Layout) -> tuple[str, ...]:
    if first_line.startswith(codecs.BOM_UTF8) and layout.encoding != "UTF-8":
        return ()
    text = first_line.decode(layout.encoding, errors="replace").removeprefix("\ufeff")
    return tuple(map(fold, next(csv.reader([text], delimiter=layout.separator), [])))


def _fits(names: tuple[str, ...], layout: Layout) -> bool:
    return all(names.count(fold(column)) == 1 for column in layout.header)
