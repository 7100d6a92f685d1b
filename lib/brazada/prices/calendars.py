"""A source's calendar: which split a step belongs to, and how the calendar would go on."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from brazada.errors import InputError
from brazada.prices.settings import Source

TRAIN, VALIDATE, TEST, LIVE = "train", "validate", "test", "live"
TRAIN_PERCENT, VALIDATE_PERCENT = 70, 85  # of the calendar's steps, where the settings name no dates


@dataclass(frozen=True)
class Calendar:
    """The dates of a source, step by step, and where its training and validation parts end (both inclusive)."""

    dates: tuple[dt.date, ...]
    train_until: dt.date
    validate_until: dt.date

    def part(self, step: int) -> str:
        """The split that a price at this step belongs to; live after the last one."""
        if step >= len(self.dates):
            return LIVE
        date = self.dates[step]
        return TRAIN if date <= self.train_until else VALIDATE if date <= self.validate_until else TEST


def calendar(dates: Sequence[dt.date], source: Source) -> Calendar:
    """The calendar of a source by its settings. Raises InputError if it is too short to be split."""
    steps = len(dates)
    train, validate = steps * TRAIN_PERCENT // 100, steps * VALIDATE_PERCENT // 100
    if not 0 < train < validate < steps:
        raise InputError("a calendar of 7 steps or more", found=f"{steps} steps", todo="ingest more dates")
    if source.train_until and source.validate_until:
        return Calendar(tuple(dates), source.train_until, source.validate_until)
    return Calendar(tuple(dates), dates[train - 1], dates[validate - 1])


def continued(dates: Sequence[dt.date], kind: str, steps: int) -> list[dt.date]:
    """The dates and `steps` more: every 7 days, or on the weekdays that the source trades on.

    It trades on the weekdays that occur at least half as often as the commonest: a single odd Saturday does not count.
    """
    going = list(dates)
    counts = Counter(date.weekday() for date in dates)
    open_days = {day for day, count in counts.items() if 2 * count >= max(counts.values())}
    while len(going) < len(dates) + steps:
        following = going[-1] + dt.timedelta(days=7 if kind == "weekly" else 1)
        while kind == "daily" and following.weekday() not in open_days:
            following += dt.timedelta(days=1)
        going.append(following)
    return going
