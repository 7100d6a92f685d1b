"""Settings of the swim jobs."""

from __future__ import annotations

import datetime as dt
import re
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveFloat, SecretStr, field_validator, model_validator

from brazada.section import Section

MethodName = Literal["published", "kinematic"]


class Pool(Section):
    """A pool: the height at which its positions are reported, and its length."""

    name: str
    z_m: float
    length_m: PositiveFloat


class Records(Section):
    """What a reading must keep to, in the published method: no swimmer is faster than the record."""

    max_speed_m_s: PositiveFloat = 1.56  # of a reading, at most
    max_accel_m_s2: PositiveFloat = 0.03  # dx / dt² of a reading, at most
    deviations: PositiveFloat = 3.0  # from the mean, at most


class Motion(Section):
    """Thresholds of `motion.measure`."""

    spike_m: float = 0.5  # a position farther from the median of the five around it is wild
    silence_s: float = 5.0  # without a new position for longer, a length ends; keep it above pause_s
    direction_s: float = 1.6  # span over which direction is judged: above a breaststroke cycle, below a turn's approach
    rest_m_s: float = 0.2  # slower over that span is rest, not swimming
    fastest_m_s: float = 3.0  # faster over that span is no swimmer (sprint records stay below 2.5) but a broken clock
    pause_s: float = 2.0  # a slow stretch no longer than this neither ends a length nor parts a turn from the next
    still_m: float = 0.03  # a swimmer at rest seems to move by no more: three times the noise of a position
    shortest_length_m: float = 2.0  # less than this one way is drifting at rest
    wall_m: float = 3.0  # so near a wall it is turn and glide: left out of speed and stroke
    shortest_stretch_s: float = 5.0  # clean swimming in one length that holds three cycles of a slow breaststroke
    slowest_stroke_hz: float = 0.3  # strokes per second of a lazy breaststroke: below all that were measured
    fastest_stroke_hz: float = 2.6  # arm strokes per second of a sprint in front crawl, and some
    peak_share: float = 5.0  # a stroke's power over that of the noise at one frequency, at least

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for low, high in (("pause_s", "silence_s"), ("slowest_stroke_hz", "fastest_stroke_hz")):
            if getattr(self, low) >= getattr(self, high):
                raise ValueError(f"{low} below {high}")
        return self

    @model_validator(mode="after")
    def _positive(self) -> Self:
        if bad := [name for name, value in self if value <= 0]:
            raise ValueError(f"thresholds above 0, not {', '.join(bad)}")
        return self


class Delivery(Section):
    """Who is told of alerts beside the table, and how patiently."""

    webhook: SecretStr | None = None  # address that takes each alert as JSON by POST
    file: str | None = None  # file that gets a JSON object a line
    retries: NonNegativeInt = 5  # of a receiver that takes none, before a job that is to end fails
    wait_s: PositiveFloat = 1.0  # before the first retry; then twice as long each time, 60 s at most
    timeout_s: PositiveFloat = 10.0  # of one POST

    @field_validator("webhook")
    @classmethod
    def _address(cls, webhook: SecretStr | None) -> SecretStr | None:
        if webhook and not re.match(r"https?://[^/\s]+", webhook.get_secret_value()):
            raise ValueError("an address that begins with http:// or https://")
        return webhook


class Swim(Section):
    """The swim jobs' settings."""

    first_date: dt.date
    last_date: dt.date  # a time after it is a misprint
    max_position_m: PositiveFloat
    pools: Annotated[tuple[Pool, ...], Field(min_length=1)]
    pool_tolerance_m: PositiveFloat  # of the height that tells a pool
    records: Records
    method: MethodName
    clusters: dict[MethodName, Annotated[int, Field(ge=2)]]  # of KMeans, for each method
    compare_swimmers: bool
    motion: Motion
    silence_s: PositiveFloat
    drill_ends_after_h: Annotated[float, Field(gt=0, le=24 * 366)]
    delivery: Delivery = Delivery()
    files_per_trigger: Annotated[int, Field(ge=1, le=2**31 - 1)]

    @model_validator(mode="after")
    def _thirteen_digits(self) -> Self:
        # A time is told from other numbers by its 13 digits of milliseconds.
        if not dt.date(2001, 9, 10) <= self.first_date < self.last_date <= dt.date(2286, 11, 19):
            raise ValueError("first_date before last_date, both between 2001-09-10 and 2286-11-19")
        return self

    @model_validator(mode="after")
    def _pools_apart(self) -> Self:
        names = [pool.name for pool in self.pools]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a name for each pool, not {', '.join(twice)} twice")
        heights = sorted(pool.z_m for pool in self.pools)
        if any(above - below <= 2 * self.pool_tolerance_m for below, above in pairwise(heights)):
            raise ValueError(f"pools whose heights differ by more than twice pool_tolerance_m, not {heights}")
        return self

    @cached_property
    def millis(self) -> tuple[int, int]:
        """First and last plausible time, milliseconds since 1970."""
        ends = (self.first_date, self.last_date + dt.timedelta(days=1))
        return tuple(int(dt.datetime.combine(day, dt.time(), dt.UTC).timestamp() * 1000) for day in ends)  # type: ignore[return-value]
