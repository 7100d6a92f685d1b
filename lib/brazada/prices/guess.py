"""A price file looked at, without Spark: which layout it seems to have, and what cannot be told."""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from brazada.errors import InputError
from brazada.prices.forms import DATE, DIGITS, NUMBER, date_format, signs, some
from brazada.prices.layouts import SEPARATOR_LINE, fold, mark_of, shown
from brazada.prices.settings import UnitRule
from brazada.prices.texts import plain

_REQUIRED = ("product", "price_min", "price_max", "price_mean", "date_format", "decimal", "separator")
_SEPARATORS = (",", ";", "\t", "|")

_HEAD = 2**16  # bytes, a header among them
_MOST = 64 * 2**20  # bytes that are looked at
_ROWS = 20_000  # of a file, by which its layout is told
_MOSTLY = 0.9  # share of values that tells what a column holds
_OPENERS: dict[str, Callable[..., Any]] = {".gz": gzip.open, ".bz2": bz2.open}
_WORDS = {
    "date": "date day fecha dia data datum jour मिति",
    "product": "product producto commodity crop item name article especie nombre produto उपज",
    "variety": "variety variedad",
    "quality": "quality calidad grade",
    "unit": "unit units unidad unidade uom ईकाइ इकाई एकाइ",
    "category": "category group grupo subsector",
    "market": "market mercado region sector state district city province punto origen origin",
    "price_min": "min minimum minimo low lowest न्यूनतम",
    "price_max": "max maximum maximo high highest अधिकतम",
    "price_mean": "avg average mean promedio modal media औसत",
    "price": "price precio preco rate मूल्य",
    "code": "id code codigo",
}
_ROLES = {role: {fold(word) for word in words.split()} for role, words in _WORDS.items()}
_NAME_DATE = re.compile(r"(?<!\d)(\d{1,4}([-_.])\d{1,2}\2\d{1,4}|\d{8})(?!\d)")


@dataclass(frozen=True)
class Sample:
    """The texts of a file: its header's names as they stand, and rows of as many fields; `broken` counts the others."""

    path: Path
    head: bytes
    encoding: str
    separator: str
    header: tuple[str, ...]
    rows: list[list[str]]
    broken: int = 0
    whole: bool = True

    def column(self, name: str) -> list[str]:
        """The texts of a column in one spelling, with plain digits."""
        place = self.header.index(name)
        return [plain(row[place]) for row in self.rows]


@dataclass
class Guess:
    """The settings of a layout, null where they cannot be told, and by setting why they are so."""

    settings: dict[str, Any] = field(default_factory=dict)
    why: dict[str, str] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)

    def say(self, name: str, value: Any, why: str = "") -> None:
        """Take a value for a setting, and note the reason."""
        self.settings[name] = list(value) if isinstance(value, tuple) else value
        if why:
            self.why[name] = why

    @property
    def untold(self) -> list[str]:
        """The settings that a layout needs and that could not be told."""
        missing = [name for name in _REQUIRED if self.settings.get(name) is None]
        return missing + ([] if self.settings.get("unit") or self.settings.get("every_unit") else ["unit"])


def look(path: Path) -> Sample:
    """Read a file, at most its first 64 MiB. Raises InputError for one that is empty, unreadable or no table."""
    try:
        with _OPENERS.get(path.suffix.lower(), open)(path, "rb") as file:
            content = file.read(_MOST + 1)
    except (OSError, EOFError) as error:
        raise InputError("a readable file, plain, .gz or .bz2", found=f"{path}: {error}", todo="check it") from error
    if not content.strip():
        raise InputError("a file with a header line", found=f"an empty {path}", todo="fetch it again")
    whole, content = len(content) <= _MOST, content[:_MOST]
    encoding = mark_of(content) or ("UTF-8" if _is_utf8(content) else "ISO-8859-1")
    text = content.decode(encoding, errors="replace").removeprefix("\ufeff")
    lines = [line for line in re.split(r"\r\n|\r|\n", text) if line.strip()]
    if said := re.search(SEPARATOR_LINE, lines[0]):
        lines = lines[1:]
    if not whole:
        lines = lines[:-1]
    separator = said[0].strip('"')[-1] if said and said[0].strip('"')[-1] in _SEPARATORS else _separator(lines)
    read = csv.reader(io.StringIO("\n".join(lines)), delimiter=separator or ",")
    header, *rows = [*read] or [[]]
    if separator is None or len(header) < 3:
        raise InputError(
            "a header and rows of three columns or more, separated by , ; tab or |",
            found=f"{shown(content[:500])} in {path}",
            todo="export it as CSV",
        )
    sound = [row for row in rows if len(row) == len(header)]
    return Sample(path, content[:_HEAD], encoding, separator, tuple(header), sound, len(rows) - len(sound), whole)


def guess(sample: Sample, units: Sequence[UnitRule]) -> Guess:
    """The layout that a file seems to have, by 20,000 of its rows. What may be one thing or another is left untold."""
    found, step = Guess(), -(-len(sample.rows) // _ROWS) or 1
    looked_at = replace(sample, rows=sample.rows[::step])
    folded = [fold(name) for name in sample.header]
    once = [name for name, plainly in zip(sample.header, folded, strict=True) if plainly and folded.count(plainly) == 1]
    columns = {name.strip(): looked_at.column(name) for name in once}
    found.say("header", [*columns], "a file must have all of these, in any order; take out those that may be missing")
    found.say("separator", sample.separator)
    if sample.encoding == "ISO-8859-1":
        found.say("encoding", sample.encoding, "its bytes are not UTF-8; check the accents in prices.observations")
    roles = _roles(columns)
    _say_date(found, columns, roles["date"], sample.path.name)
    _say_text(found, "product", columns, roles["product"])
    for role in ("variety", "quality", "category"):
        if roles[role]:
            found.say(role, roles[role][0])
    if roles["market"]:
        found.say("market", roles["market"], "a price is the mean over markets; these columns make a market's name")
    _say_unit(found, columns, roles["unit"], units)
    _say_prices(found, columns, roles)
    used = {name for key, value in found.settings.items() if key != "header" for name in _listed(value)}
    if unused := [name for name in columns if name not in used]:
        found.remarks.append(f"not used: {', '.join(unused)}")
    if step > 1:
        found.remarks.append(f"told from {len(looked_at.rows):,} of {len(sample.rows):,} rows, evenly spread")
    if sample.broken:
        found.remarks.append(f"{sample.broken:,} lines have more or fewer fields than the header: they are quarantined")
    return found


def unknown_units(texts: Sequence[str], units: Sequence[UnitRule]) -> Counter[str]:
    """The units that no rule reads, with how often they occur."""
    counted = Counter(texts)
    return Counter({text: n for text, n in counted.items() if not any(re.search(rule.whole, text) for rule in units)})


def _is_utf8(content: bytes) -> bool:
    try:
        codecs.utf_8_decode(content, "strict", False)  # its last sign may be cut
    except UnicodeDecodeError:
        return False
    return True


def _separator(lines: Sequence[str]) -> str | None:
    """The separator that gives most fields, as many in nearly all lines as in the header; None if none does."""
    best, most = None, 1
    for separator in _SEPARATORS:
        counts = [len(row) for row in csv.reader(lines[:200], delimiter=separator)]
        if counts and counts[0] > most and counts.count(counts[0]) >= _MOSTLY * len(counts):
            best, most = separator, counts[0]
    return best


def _roles(columns: Iterable[str]) -> dict[str, list[str]]:
    """By role the columns whose names say it, those that say it most plainly first."""
    found: dict[str, list[tuple[float, str]]] = {role: [] for role in _ROLES}
    for name in columns:
        apart = re.sub("(?<=[a-z])(?=[A-Z])", " ", name)
        words = {word for word in re.split(r"[\s_/.,()\[\]-]+", fold(apart)) if word}
        if words & _ROLES["code"]:
            continue
        role = max(_ROLES, key=lambda role: len(words & _ROLES[role]))
        if share := len(words & _ROLES[role]) / max(len(words), 1):
            found[role].append((-share, name))
    return {role: [name for _, name in sorted(named, key=lambda one: one[0])] for role, named in found.items()}


def _say_text(found: Guess, role: str, columns: Mapping[str, Sequence[str]], named: Sequence[str]) -> None:
    if named:
        also = f"; also {', '.join(named[1:])}" if named[1:] else ""
        return found.say(role, named[0], f"by its name{also}")
    texts = [name for name, values in columns.items() if any(re.search(r"[^\W\d]", value) for value in values)]
    return found.say(role, None, f"not told: no column is named so; columns with text are {', '.join(texts) or 'none'}")


def _say_date(found: Guess, columns: Mapping[str, Sequence[str]], named: Sequence[str], file: str) -> None:
    by_content = [name for name, values in columns.items() if _share(DATE, values) >= _MOSTLY]
    dated = [name for name in named if _share(DATE, columns[name]) or _share(DIGITS, columns[name])]
    if dated := dated or by_content or [*named[:1]]:
        also = f"; {' and '.join(dated[1:])} could be it too" if dated[1:] else ""
        found.say("date", dated[0], f"by its {'name' if dated[0] in named else 'values'}{also}")
        return found.say("date_format", *date_format([value for value in columns[dated[0]] if value]))
    in_name = [match[0] for match in _NAME_DATE.finditer(file)]
    if len(in_name) == 1:
        found.say("date", None, f"no column of dates; the file's name has one, {in_name[0]}")
        form, why = date_format(in_name)
        loose = form if form in (None, "yyyyMMdd") else str(form).replace("MM", "M").replace("dd", "d")
        return found.say("date_format", loose, why)
    found.say("date", None, f"not told: no column of dates, and no date in the file's name {file}")
    return found.say("date_format", None, "not told")


def _say_unit(
    found: Guess, columns: Mapping[str, Sequence[str]], named: Sequence[str], rules: Sequence[UnitRule]
) -> None:
    by_content = [
        name
        for name, values in columns.items()
        if any(values) and unknown_units(values, rules).total() <= (1 - _MOSTLY) * len(values)
    ]
    if not (named or by_content):
        return found.say("every_unit", None, "not told: no column of units; write KG if each price is one kilo's")
    name = (named or by_content)[0]
    found.say("unit", name, "by its name" if named else "its values are units")
    if unknown := unknown_units(columns[name], rules):
        many = ", ".join(f"{text} ({count:,} rows)" for text, count in unknown.most_common(10))
        found.remarks.append(f"units without a rule, whose rows are quarantined until units has one: {many}")
    return None


def _say_prices(found: Guess, columns: Mapping[str, Sequence[str]], roles: Mapping[str, Sequence[str]]) -> None:
    numeric = [name for name, values in columns.items() if _share(NUMBER, values) >= _MOSTLY / 2]
    named = {role: next(iter(roles[role]), None) for role in ("price_min", "price_max", "price_mean")}
    alone = [*roles["price_mean"], *roles["price"]]
    if not (named["price_min"] or named["price_max"]) and len(alone) == 1:
        for role in named:
            found.say(role, alone[0])
        found.why["price_min"] = "there is one price: it is the lowest, the highest and the average"
    else:
        others = f"not told: no column is named so; columns with numbers are {', '.join(numeric) or 'none'}"
        for role, name in named.items():
            found.say(role, name, "" if name else others)
    prices = {name for role in named if (name := found.settings[role])}
    _say_signs(found, [value for name in prices for value in columns[name] if value])


def _say_signs(found: Guess, texts: Sequence[str]) -> None:
    told = signs(texts)
    found.say("decimal", told.decimal, told.why)
    if told.thousands:
        found.say("thousands", told.thousands)
    if told.prefixes:
        found.say("prefix", told.prefixes[0] if len(told.prefixes) == 1 else [*told.prefixes], "stands before numbers")
    if told.odd:
        found.remarks.append(f"no numbers, and their rows quarantined: {some(told.odd)}; {len(told.odd):,} values")


def _share(pattern: re.Pattern[str], values: Sequence[str]) -> float:
    return sum(bool(pattern.fullmatch(value)) for value in values) / len(values) if values else 0.0


def _listed(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value] if isinstance(value, str) else []
