"""How dates and numbers are written, told from examples; and both read by a layout, as the ingest does it in Spark."""

from __future__ import annotations

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from brazada.prices.settings import Layout

DATE = re.compile(r"(\d{1,4})(\D)(\d{1,2})\2(\d{1,4})(?:([ T])(\d{1,2}):\d{2}(:\d{2})?)?")
DIGITS = re.compile(r"(19|20)\d{6}")  # a date without separators
NUMBER = re.compile(r"(.*?)(-?\d[\d.,' ]*)")

_CURRENCIES = {"rs", "npr", "inr", "clp", "usd", "us$", "eur", "kes", "रु", "रू"}
_EXAMPLES = 3


@dataclass(frozen=True)
class Signs:
    """How numbers are written: `decimal` is None where that cannot be told, `why` says it; `odd` are no numbers."""

    decimal: str | None
    thousands: str
    prefixes: tuple[str, ...]
    why: str
    odd: tuple[str, ...]


def date_format(texts: Sequence[str]) -> tuple[str | None, str]:
    """The form of dates in Spark's letters and what tells it, or None and why it cannot be told."""
    if all(DIGITS.fullmatch(text) for text in texts):
        return "yyyyMMdd", f"as {texts[0]}"
    matches = [match for text in texts if (match := DATE.fullmatch(text))]
    if not matches:
        return None, f"not told: no date is read from {some(texts)}"
    form, _ = Counter(map(_form, matches)).most_common(1)[0]
    alike = [match for match in matches if _form(match) == form]
    example = alike[0][0]
    if (len(alike[0][1]) == 4) == (len(alike[0][4]) == 4):
        return None, f"not told: the year is not of four digits in {some([match[0] for match in alike])}"
    order, why = _order([(match[1], match[3], match[4]) for match in alike], alike[0][2])
    if order is None:
        return None, f"not told: {why}, as in {example}"
    hours = "HH" if all(len(match[6] or "") == 2 for match in alike) else "H"
    time = f"{alike[0][5]}{hours}:mm{':ss' if alike[0][7] else ''}" if alike[0][5] else ""
    odd = [text for text in texts if not (match := DATE.fullmatch(text)) or _form(match) != form]
    return order + time, f"as {example}{why}" + (f"; not read: {some(odd)}" if odd else "")


def signs(texts: Sequence[str]) -> Signs:
    """What stands before numbers and in them."""
    parts = [(match[1].strip(), match[2].strip()) for text in texts if (match := NUMBER.fullmatch(text))]
    before = Counter(prefix for prefix, _ in parts)
    prefixes = tuple(sorted(sign for sign, n in before.items() if sign and (2 * n >= len(parts) or _is_currency(sign))))
    read = [number for prefix, number in parts if prefix in ("", *prefixes)]
    odd = tuple(text for text in texts if not (m := NUMBER.fullmatch(text)) or m[1].strip() not in ("", *prefixes))
    decimals, groups, unclear = _separators(read)
    if unclear and not ({*re.sub(r"[\d-]", "", unclear)} & (decimals | groups)):
        return Signs(None, "", prefixes, f"not told: {unclear} may be thousands or have three decimals", odd)
    if not read or len(decimals) > 1 or len(groups) > 1 or decimals & groups:
        return Signs(None, "", prefixes, f"not told: the signs in {some(texts)} mean more than one thing", odd)
    thousands = next(iter(groups), "")
    decimal = next(iter(decimals), "," if thousands == "." else ".")
    return Signs(decimal, thousands, prefixes, "" if decimals else "no number has decimals", odd)


def number_of(text: str, layout: Layout) -> float | None:
    """A number by the layout's signs; None for any other text."""
    bare = re.sub(f"^(?:{'|'.join(map(re.escape, layout.prefixes))})\\s*", "", text)
    decimal, thousands = re.escape(layout.decimal), re.escape(layout.thousands)
    grouped = rf"|\d{{1,3}}(?:{thousands}\d{{3}}){{1,4}}" if thousands else ""
    if not re.fullmatch(rf"-?(?:\d{{1,15}}{grouped})(?:{decimal}\d+)?", bare):
        return None
    return float(bare.translate({ord(sign): None for sign in layout.thousands} | {ord(layout.decimal): "."}))


def date_of(text: str, layout: Layout) -> dt.date | None:
    """A date by the layout's forms; None for any other text and for days that no calendar has."""
    for pattern, order in layout.date_patterns():
        if match := re.fullmatch(pattern, text):
            parts = dict(zip(order, map(int, match.groups()), strict=True))
            with suppress(ValueError):
                return dt.date(parts["y"], parts["M"], parts["d"])
    return None


def some(texts: Sequence[str]) -> str:
    """A few of these texts, for a remark."""
    return ", ".join([*dict.fromkeys(map(repr, texts))][:_EXAMPLES])


def _form(match: re.Match[str]) -> tuple[str, bool, str, bool, bool]:
    return match[2], len(match[1]) == 4, match[5] or "", bool(match[7]), len(match[4]) == 4


def _order(dates: Sequence[tuple[str, str, str]], separator: str) -> tuple[str | None, str]:
    """Year, month and day in their order and what tells it, or None and what is in doubt."""
    year_first = len(dates[0][0]) == 4
    pairs = [date[1:] if year_first else date[:2] for date in dates]
    texts = [text for pair in pairs for text in pair]
    padded = all(len(text) == 2 for text in texts) and any(text[0] == "0" for text in texts)
    day, month = ("dd", "MM") if padded else ("d", "M")
    if year_first:
        return separator.join(("yyyy", month, day)), ""
    first, second = (max(int(pair[place]) for pair in pairs) for place in (0, 1))
    orders = [separator.join((*pair, "yyyy")) for pair in ((day, month), (month, day))]
    if (first > 12) == (second > 12):
        return None, f"{' or '.join(orders)}, for no day above 12 tells days from months"
    return orders[first <= 12], f"; {max(first, second)} is no month"


def _separators(numbers: Sequence[str]) -> tuple[set[str], set[str], str]:
    """Signs before decimals, signs between thousands, and a number of which it is not clear which it has."""
    decimals, groups, unclear = set[str](), set[str](), ""
    for number in numbers:
        found = re.sub(r"[\d-]", "", number)
        if not found:
            continue
        whole, _, tail = number.lstrip("-").rpartition(found[-1])
        if len({*found}) > 1:
            decimals.add(found[-1])
            groups |= {*found[:-1]}
        elif len(found) > 1 or found in " '":
            groups.add(found[-1])
        elif len(tail) != 3 or len(whole) > 3 or whole == "0":
            decimals.add(found)
        else:
            unclear = number
    return decimals, groups, unclear


def _is_currency(prefix: str) -> bool:
    letters = prefix.strip(". ").casefold()
    return letters in _CURRENCIES or any(unicodedata.category(sign) == "Sc" for sign in prefix)
