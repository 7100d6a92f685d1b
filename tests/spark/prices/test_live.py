"""A model that was worse than Naive on the prices that came gives way to Naive, in the table that says who serves."""

import datetime as dt
import json

import numpy as np
import pytest

from brazada.prices.intervals import Bounds, apply_bounds
from brazada.prices.live import stop_serving
from brazada.prices.results import BACKTEST, FORECASTS, SERVING
from brazada.prices.settings import Judging
from brazada.prices.tables import SERIES

FIRST, DAYS, RULE = dt.date(2024, 1, 1), 12, Judging(live_origins=4)
WIDE = json.dumps({"widths": [9.0, 9.0, 1.0, 9.0, 9.0]})


def day(number):
    return FIRST + dt.timedelta(days=number)


@pytest.fixture
def served(job, another):
    """Two series served by the global network, which is off by `by`; `since`: the windows it was chosen on."""

    def run(off, since=5):
        known, made, judged, serving = [], [], [], []
        for series, by in off.items():
            row = ("kalimati", series, "global", "global", WIDE, 0.8, 0.9, "global: 0.8 of Naive's error", "run", since)
            serving.append(row)
            for at in range(DAYS):
                price = 100.0 + at % 2
                known.append((series, "kalimati", "Rice", "", "", "KG", "kg", day(at), at, price, True, 1, False))
                ahead = (day(at), 1, day(at + 1))
                last = (price, False, 201.0 - price + by, *[None] * 4, "global", None, "run", 5)
                made.append(("kalimati", series, "Rice", "kg", *ahead, "global", *last))
                error = 2.0 * (at - DAYS / 2)  # of Naive in the backtest, whose scale is 4
                told = ("naive", "validate", 100.0, 100.0 + error, True, 4.0, abs(error) / 4, *[None] * 4, None, 5)
                judged.append(("kalimati", series, *ahead, *told))
        for table, rows in ((SERVING, serving), (SERIES, known), (FORECASTS, made), (BACKTEST, judged)):
            job.store.replace(table, rows, "true")
        again = another(2)
        stop_serving(again, "kalimati", RULE)
        rows = again.store.read(SERVING.name).frame.collect()
        return again, {row["series"]: row for row in rows}

    return run


def test_the_worse_model_stops_and_the_table_says_why(served):
    job, rows = served({"bad": 5.0, "good": 0.5})
    assert rows["good"]["model"] == "global"
    bad = rows["bad"]
    assert (bad["model"], bad["run"], bad["ratio"], bad["data_version"]) == ("naive", None, 1.0, 5)
    assert bad["reason"].startswith("global stops serving, its error was 5, Naive's 1, at the 11 last origins")
    assert job.report.notes == [f"bad: {bad['reason']}"]
    version = job.store.version(SERVING.name)
    stop_serving(job, "kalimati", RULE)
    assert job.store.version(SERVING.name) == version


def test_bounds_are_those_of_naives_own_errors(served):
    _, rows = served({"bad": 5.0})
    assert rows["bad"]["bounds"] == "conformal"
    said = {name: np.asarray(values) for name, values in json.loads(rows["bad"]["calibration"]).items()}
    ((low_95, low_80, middle, high_80, high_95),) = apply_bounds(Bounds(**said), np.zeros((1, 1)))[0]
    # Scaled by 4, the errors of validation are from -3 to 2.5 in steps of a half.
    assert middle == 0
    assert -3.0 <= low_80 <= -2.0
    assert 1.5 <= high_80 <= 2.5
    assert low_95 < low_80
    assert high_80 < high_95


@pytest.mark.parametrize("why", ["no forecast since it was chosen", "as Naive"])
def test_a_model_goes_on_that_was_not_seen_to_be_worse(served, why):
    job, rows = served({"one": 5.0}, since=6) if why != "as Naive" else served({"one": 1.0})
    assert rows["one"]["model"] == "global"
    assert job.report.notes == []
