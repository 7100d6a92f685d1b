"""What a page is made of: charts with a picker, tables, matrices, pictures, and a sentence where a table is missing."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Chart = dict[str, Any]
NONE = "\N{EN DASH}"  # where there is no figure


@dataclass(frozen=True)
class Picture:
    """A chart, or one for each choice of a picker whose label is `pick`."""

    title: str
    text: str
    charts: Mapping[str, Chart]
    pick: str = "Show"

    kind = "picture"


@dataclass(frozen=True)
class Grid:
    """A table; the keys of its rows are the headings, with units where figures have them."""

    title: str
    text: str
    rows: Sequence[Mapping[str, Any]]

    kind = "grid"

    @property
    def cells(self) -> list[list[tuple[str, bool]]]:
        """The text of each cell, and whether its column is one of numbers."""
        columns = [
            [cell(value) for value in column] for column in zip(*(row.values() for row in self.rows), strict=True)
        ]
        numbers = [all(number for text, number in column if text != NONE) for column in columns]
        texts = zip(*([text for text, _ in column] for column in columns), strict=True)
        return [list(zip(row, numbers, strict=True)) for row in texts]


@dataclass(frozen=True)
class Matrix:
    """How many of each row's class are in each column's, shaded by the share of the row."""

    title: str
    text: str
    rows: Sequence[str]
    columns: Sequence[str]
    counts: Mapping[tuple[str, str], float]

    kind = "matrix"

    @property
    def cells(self) -> list[list[tuple[str, int]]]:
        """The text of each cell, and its share of the row in percent."""
        found = []
        for row in self.rows:
            counts = [self.counts.get((row, column), 0) for column in self.columns]
            found.append([(f"{count:,.0f}", round(100 * count / (sum(counts) or 1))) for count in counts])
        return found


@dataclass(frozen=True)
class Pictures:
    """Small pictures, each a `data:` address with what is said of it."""

    title: str
    text: str
    pictures: Sequence[tuple[str, str]]

    kind = "pictures"


@dataclass(frozen=True)
class Missing:
    """What cannot be shown yet, and which job makes it."""

    title: str
    text: str

    kind = "missing"


Block = Picture | Grid | Matrix | Pictures | Missing


@dataclass(frozen=True)
class Page:
    """A page: `name` is also that of its file."""

    name: str
    title: str
    text: str
    blocks: Sequence[Block]


def lines(x: str, y: str, *, time: bool = False, **parts: Sequence[Mapping[str, Any]]) -> Chart:
    """A chart over x: `lines` (name, x, y), `bands` (name, x, low, high), `spans` (from, to, text), `marks` (x, name).

    `x` and `y` are the titles of the axes, with units. Times and dates become UTC milliseconds where `time` is true.
    """
    return {"kind": "lines", "x": x, "y": y, "time": time, **{name: _plain(part) for name, part in parts.items()}}


def bars(x: str, rows: Sequence[Mapping[str, Any]], reference: float | None = None) -> Chart:
    """Bars along x, whose title with unit it is: each row has a `label` and `bars` (name, value, low, high)."""
    return {"kind": "bars", "x": x, "rows": _plain(rows), "reference": reference}


def percent(share: float | None) -> str:
    """A share in percent."""
    return NONE if share is None or math.isnan(share) else f"{100 * share:.1f} %"


def cell(value: Any) -> tuple[str, bool]:
    """A value as a table shows it, and whether it is a number."""
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return NONE, True
    if isinstance(value, bool):
        return ("yes" if value else "no"), False
    if isinstance(value, int):
        return f"{value:,}", True
    if isinstance(value, float):
        digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
        return f"{value:,.{min(digits, 4)}f}", True
    if isinstance(value, dt.datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}", False
    text = str(value)
    return text, text == NONE or text.endswith(" %")


def _plain(value: Any) -> Any:
    """A value in JSON's terms: times as UTC milliseconds, no NaN, figures of six digits."""
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(part) for part in value]
    if isinstance(value, dt.datetime):
        return round(value.replace(tzinfo=value.tzinfo or dt.UTC).timestamp() * 1000)
    if isinstance(value, dt.date):
        return round(dt.datetime(value.year, value.month, value.day, tzinfo=dt.UTC).timestamp() * 1000)
    if isinstance(value, float):
        return float(f"{value:.6g}") if math.isfinite(value) else None
    return value
