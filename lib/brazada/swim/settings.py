"""Settings of the swim jobs."""

from __future__ import annotations

import datetime as dt
from typing import Literal, Self

from pydantic import PositiveFloat, PositiveInt, model_validator

from brazada.section import Section
from brazada.swim.motion import Motion

Method = Literal["published", "kinematic"]


class Pool(Section):
    """A pool: the height at which its positions are reported, and its length."""

    name: str
    z_m: float
    length_m: PositiveFloat


class Records(Section):
    """What a reading must keep to, in the published method: no swimmer is faster than the record."""

    max_speed_m_s: PositiveFloat = 1.56
    max_accel_m_s2: PositiveFloat = 0.03
    deviations: PositiveFloat = 3.0


class Swim(Section):
    """The swim jobs' settings."""

    first_date: dt.date
    last_date: dt.date
    max_position_m: PositiveFloat
    pools: tuple[Pool, ...]
    pool_tolerance_m: PositiveFloat
    records: Records
    method: Method
    clusters: dict[Method, PositiveInt]
    motion: Motion
    silence_s: PositiveFloat
    drill_ends_after_h: PositiveFloat
    files_per_trigger: PositiveInt

    @model_validator(mode="after")
    def _thirteen_digits(self) -> Self:
        # A time is told from other numbers by its 13 digits of milliseconds.
        if not dt.date(2001, 9, 10) <= self.first_date < self.last_date <= dt.date(2286, 11, 19):
            raise ValueError("first_date before last_date, both between 2001-09-10 and 2286-11-19")
        return self

    @property
    def millis(self) -> tuple[int, int]:
        """First and last plausible time, milliseconds since 1970."""
        ends = (self.first_date, self.last_date + dt.timedelta(days=1))
        return tuple(int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1000) for day in ends)  # type: ignore[return-value]
