"""Splits are by date; a calendar goes on as its source trades."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from brazada.errors import InputError, SettingsError
from brazada.prices.calendars import calendar, continued
from brazada.settings import load

MONDAY = dt.date(2024, 1, 1)
ORDER = ["train", "validate", "test", "live"]


def days(count, apart=1):
    return [MONDAY + dt.timedelta(days=apart * step) for step in range(count)]


@pytest.fixture(scope="module")
def source():
    return load(variables={}).prices.sources["odepa"]


@given(count=st.integers(min_value=7, max_value=400))
def test_every_part_has_steps_and_they_follow_in_order(count):
    source = load(variables={}).prices.sources["odepa"]
    parts = [calendar(days(count, 7), source).part(step) for step in range(count + 1)]
    assert sorted(set(parts), key=ORDER.index) == ORDER
    assert parts == sorted(parts, key=ORDER.index)
    assert abs(parts.count("train") - 0.7 * count) < 1
    assert parts.count("live") == 1


def test_dates_of_the_settings_are_inclusive(source):
    dated = source.model_copy(update={"train_until": MONDAY + dt.timedelta(days=3), "validate_until": days(10)[5]})
    parts = [calendar(days(10), dated).part(step) for step in range(10)]
    assert parts == ["train"] * 4 + ["validate"] * 2 + ["test"] * 4


def test_a_calendar_too_short_to_split_is_refused(source):
    with pytest.raises(InputError, match="2 steps"):
        calendar(days(2), source)


def test_dates_come_in_order_and_in_pairs():
    key = "prices.sources.odepa"
    for overrides in (["train_until=2024-06-01"], ["train_until=2024-06-01", "validate_until=2024-05-01"]):
        with pytest.raises(SettingsError, match="train_until"):
            load(overrides=[f"{key}.{pair}" for pair in overrides], variables={})


def test_a_week_goes_on_by_seven_days():
    assert continued(days(3, 7), "weekly", 2)[3:] == [dt.date(2024, 1, 22), dt.date(2024, 1, 29)]


def test_days_go_on_by_the_weekdays_the_source_trades_on():
    weekdays = [day for day in days(26) if day.weekday() < 5]  # ends on Friday 26 January
    assert continued(weekdays, "daily", 2)[-2:] == [dt.date(2024, 1, 29), dt.date(2024, 1, 30)]
    one_saturday = sorted([*weekdays, dt.date(2024, 1, 13)])
    assert continued(one_saturday, "daily", 1)[-1] == dt.date(2024, 1, 29)
    assert continued(days(27), "daily", 1)[-1] == dt.date(2024, 1, 28)
