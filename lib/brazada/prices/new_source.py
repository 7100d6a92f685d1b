"""The settings of a source that is new, guessed from one of its files and written as YAML that says why."""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import yaml

from brazada.prices.forms import date_of, number_of
from brazada.prices.guess import Guess, Sample
from brazada.prices.settings import Layout

_NONE = "XXX"  # ISO 4217's code for no currency
_SHARES = (0.96, 0.9, 0.8, 0.6, 0.4, 0.2)
_ORDER = ("header", "separator", "encoding", "date", "date_format", "decimal", "thousands", "prefix", "market",
          "category", "product", "variety", "quality", "unit", "every_unit", "price_min", "price_max",
          "price_mean")  # fmt: skip


@dataclass(frozen=True)
class _Facts:
    """What a file says of its source: its dates, and by series the prices by date."""

    dates: list[dt.date]
    series: dict[tuple[str, ...], dict[dt.date, float]]


def layout_yaml(sample: Sample, guess: Guess, name: str, known: str | None) -> str:
    """The entry for a file's layout under `prices.sources.<source>.layouts`, with what could not be told."""
    lines = [f"# {sample.path.name}: {len(sample.rows):,} rows of {len(sample.header)} columns, {sample.encoding}"]
    if known:
        lines.append(f"# Known already: {known} reads it.")
    lines.append("# An entry for prices.sources.<source>.layouts, in a file of settings that --conf names.")
    return "\n".join([*lines, *_layout(guess, slug(name), "")]) + "\n"


def source_yaml(sample: Sample, guess: Guess, name: str, currency: str | None) -> str:
    """Settings of a source: layout, calendar, limits, window and horizon, each with its reason."""
    lines = [
        f"# Prices of {name}, as {sample.path.name} has them. What stands here is a guess: read it once.",
        f"#   brazada prices run FILES --source {name} --conf THIS_FILE",
        "prices:",
        "  sources:",
        f"    {name}:",
    ]
    why = "" if currency else f"not told by a file; {_NONE} is ISO 4217's code for none: write that of the prices"
    lines += _entry("currency", (currency or _NONE).upper(), why, " " * 6)
    for key, value, reason in _source(_facts(sample, guess), sample.whole):
        lines += _entry(key, value, reason, " " * 6)
    lines += [
        "      # units: what the source's own units hold, before the rules of all sources in conf/base.yaml, as in",
        "      # units: [{pattern: 'crate (\\d+) kg', base: kg}, {pattern: bunch, base: piece}]",
        "      layouts:",
        *_layout(guess, "first", " " * 8),
    ]
    return "\n".join(lines) + "\n"


def slug(text: str) -> str:
    """A text as the name of a layout or source."""
    plain = re.sub(r"[^a-z0-9]+", "_", text.casefold()).strip("_")
    return plain if plain[:1].isalpha() else f"layout_{plain}".rstrip("_")


def _layout(guess: Guess, name: str, indent: str) -> list[str]:
    lines = [f"{indent}{name}:"]
    for key in _ORDER:
        if key in guess.settings:
            lines += _entry(key, guess.settings[key], guess.why.get(key, ""), f"{indent}  ")
    return [*lines, *(f"{indent}  # {remark}" for remark in guess.remarks)]


def _entry(key: str, value: Any, why: str, indent: str) -> list[str]:
    text = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=10**6).removesuffix("...\n").strip()
    return [*([f"{indent}# {why}"] if why else []), f"{indent}{key}: {text}"]


def _facts(sample: Sample, guess: Guess) -> _Facts:
    if guess.untold or not guess.settings.get("date"):
        return _Facts([], {})
    layout = Layout.model_validate(guess.settings)
    names = (layout.product, layout.variety, layout.quality, layout.unit)
    keys = list(zip(*(sample.column(name) for name in names if name), strict=True))
    dates = {text: date_of(text, layout) for text in {*sample.column(str(layout.date))}}
    prices = {text: number_of(text, layout) for text in {*sample.column(layout.price_mean)}}
    found: dict[tuple[str, ...], dict[dt.date, list[float]]] = defaultdict(lambda: defaultdict(list))
    for key, date, price in zip(keys, sample.column(str(layout.date)), sample.column(layout.price_mean), strict=True):
        if (day := dates[date]) and (value := prices[price]) is not None:
            found[key][day].append(value)
    series = {key: {day: sum(given) / len(given) for day, given in by_day.items()} for key, by_day in found.items()}
    return _Facts(sorted({day for by_day in series.values() for day in by_day}), series)


def _source(facts: _Facts, whole: bool) -> Iterator[tuple[str, Any, str]]:
    """Each setting of a source, its value, and why it is so."""
    dates, weeks = facts.dates, 0.0
    if len(dates) > 1:
        weeks = (dates[-1] - dates[0]).days / 7 + 1
    weekly = len(dates) > 2 and len(dates) <= 1.5 * weeks
    steps = round(weeks) if weekly else len(dates)
    part = "" if whole else " of its first 64 MiB"
    said = f"{len(dates):,} dates from {dates[0]} to {dates[-1]}{part}" if dates else "one file does not tell its dates"
    if weekly and len(dates) < 0.5 * weeks:
        said += "; they are rarer than weekly, which no calendar here is made for: most weeks will be empty"
    yield "calendar", "weekly" if weekly else "daily", f"weekly or daily: {said}"
    yield "fill_limit", 2 if weekly else 5, "steps that a missing price is filled forward"
    open_days = Counter(day.weekday() for day in dates)
    week = sum(2 * count >= max(open_days.values()) for count in open_days.values()) or 7
    window, horizon, season = (12, 4, 52) if weekly else (30, week, week)
    if steps:
        window, horizon = max(1, min(window, steps * 35 // 100)), max(1, min(horizon, steps // 10))
    few = f"; there are {steps} steps, of which 70 % are to learn from" if steps else ""
    yield "window", window, f"steps a model looks back{few}"
    yield "horizon", horizon, f"steps it looks ahead{'' if weekly else f'; a week has {week} days of prices'}"
    yield "season", season, f"steps of a season, a {'year' if weekly else 'week'}, for the seasonal naive forecast"
    yield "epochs", 12, "of the global network, at most"
    yield "min_observed_share", *_share(facts, steps)
    yield "frozen_limit", 26 if weekly else 180, _frozen(facts)
    yield "train_until", None, "dates; both null: 70 / 15 / 15 % of the calendar"
    yield "validate_until", None, ""


def _share(facts: _Facts, steps: int) -> tuple[float, str]:
    """The highest share of steps with a price that leaves half of the series."""
    shares = [len(by_day) / steps for by_day in facts.series.values()] if steps else []
    for least in _SHARES:
        kept = sum(share >= least for share in shares)
        if kept and 2 * kept >= len(shares):
            return least, f"of steps with a price, for a series to be learned from: {kept:,} of {len(shares):,} have it"
    return _SHARES[2], "of steps with a price, for a series to be learned from"


def _frozen(facts: _Facts) -> str:
    why = "equal prices on end; a longer run is a feed that is stuck, and not learned from"
    runs = [(_longest([by_day[day] for day in sorted(by_day)]), key) for key, by_day in facts.series.items()]
    if not runs:
        return why
    longest, key = max(runs)
    return f"{why}; the longest in the file is {longest}, of {key[0]}"


def _longest(values: Sequence[float]) -> int:
    return max(len(list(run)) for _, run in groupby(values))
