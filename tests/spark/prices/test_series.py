"""A series stands on its source's own calendar: means over markets, short gaps filled and marked, long ones open."""

import datetime as dt

import pytest

from brazada.errors import InputError
from brazada.prices.ingest import ingest
from brazada.prices.series import series, series_of
from brazada.prices.tables import SERIES

from .conftest import price, write

START = dt.date(2024, 1, 1)
COLUMNS = (
    "source string, date date, market string, product string, variety string, quality string, unit string,"
    " unit_base string, price_per_unit double"
)


def day(number):
    return START + dt.timedelta(days=number)


def seen(number, product, value, market="", variety="", quality=""):
    return ("odepa", day(number), market, product, variety, quality, "$/kilo", "kg", float(value))


def result(spark, rows, kind, fill_limit, *names):
    frame = series_of(spark.createDataFrame(rows, COLUMNS), kind, fill_limit)
    return [tuple(row) for row in frame.orderBy("series", "step").select("series", *names).collect()]


def test_a_price_is_the_mean_over_markets_and_says_of_how_many(spark):
    rows = [seen(0, "Pan", 10, "a"), seen(0, "Pan", 20, "b"), seen(0, "Pan", 60, "c"), seen(1, "Pan", 10, "a")]
    found = result(spark, rows, "daily", 0, "date", "price", "markets", "unit_base")
    assert found == [("odepa|Pan|||$/kilo", day(0), 30.0, 3, "kg"), ("odepa|Pan|||$/kilo", day(1), 10.0, 1, "kg")]


def test_a_gap_is_filled_up_to_the_limit_and_marked(spark):
    every_day = [seen(number, "Sal", 1) for number in range(8)]
    gappy = [seen(number, "Pan", 10 + number) for number in (1, 5, 7)]
    found = result(spark, every_day + gappy, "daily", 2, "step", "price", "observed", "markets")
    name = "odepa|Pan|||$/kilo"
    assert [row for row in found if row[0] == name] == [
        (name, 0, None, False, 0),  # nothing before to fill from
        (name, 1, 11.0, True, 1),
        (name, 2, 11.0, False, 0),
        (name, 3, 11.0, False, 0),
        (name, 4, None, False, 0),
        (name, 5, 15.0, True, 1),
        (name, 6, 15.0, False, 0),
        (name, 7, 17.0, True, 1),
    ]


def test_a_run_of_equal_prices_longer_than_the_limit_is_frozen(spark):
    prices = {"Pan": [1, 2, 2, 2, None, 2, 3, 3], "Sal": [5, 5, 5, 6, 5, 5, 5, 6], "Uva": [7] * 8}
    rows = [seen(at, name, value) for name, all_ in prices.items() for at, value in enumerate(all_) if value]
    frame = series_of(spark.createDataFrame(rows, COLUMNS), "daily", 1, frozen_limit=3)
    found = {name: [] for name in prices}
    for row in frame.orderBy("step").collect():
        found[row["product"]].append(row["frozen"])
    assert found == {
        "Pan": [False, *[True] * 5, False, False],  # the filled step is of the run, and does not count in it
        "Sal": [False] * 8,
        "Uva": [True] * 8,
    }
    unlimited = series_of(spark.createDataFrame(rows, COLUMNS), "daily", 1)
    assert unlimited.columns == frame.columns == SERIES.columns.names
    assert unlimited.where("frozen").isEmpty()


def test_a_daily_calendar_is_the_days_the_source_traded(spark):
    rows = [seen(0, "Pan", 1), seen(3, "Sal", 1), seen(9, "Pan", 2)]
    found = result(spark, rows, "daily", 0, "step", "date")
    assert {row[1:] for row in found} == {(0, day(0)), (1, day(3)), (2, day(9))}


def test_a_weekly_calendar_has_every_week_and_takes_a_late_date_into_its_own(spark):
    rows = [seen(0, "Pan", 1), seen(8, "Pan", 2, "a"), seen(7, "Pan", 4, "b"), seen(28, "Pan", 5)]
    found = result(spark, rows, "weekly", 1, "step", "date", "price", "observed")
    assert [row[1:] for row in found] == [
        (0, day(0), 1.0, True),
        (1, day(7), 3.0, True),
        (2, day(14), 3.0, False),
        (3, day(21), None, False),
        (4, day(28), 5.0, True),
    ]


def test_varieties_qualities_and_units_are_series_of_their_own(spark):
    rows = [seen(0, "Uva|Roja", 1), seen(0, "Uva", 2, variety="Roja"), seen(0, "Uva", 3, quality="Roja|1")]
    assert {row[0] for row in result(spark, rows, "daily", 0)} == {
        "odepa|Uva|Roja|||$/kilo",
        "odepa|Uva|Roja||$/kilo",
        "odepa|Uva||Roja\\|1|$/kilo",
    }


def test_the_job_replaces_the_series_of_its_sources_alone(job, another, tmp_path):
    ingest(job, "kalimati", [write(tmp_path / "a.csv", price(date="1/1/2024"), price(date="1/3/2024"))])
    other = another(2)
    other.store.replace(SERIES, _odepa_series(job.spark), "source = 'odepa'")
    for run in (job, other):
        series(run, "kalimati")
    found = job.store.read(SERIES.name).frame.groupBy("source").count().collect()
    assert {row["source"]: row["count"] for row in found} == {"kalimati": 2, "odepa": 1}
    with pytest.raises(InputError, match="rows of odepa"):
        series(other, "odepa")


def _odepa_series(spark):
    return series_of(spark.createDataFrame([seen(0, "Pan", 1)], COLUMNS), "weekly", 0)
