"""Windows never cross a series or an open gap, training never sees past its end, shards are equal and complete."""

import datetime as dt
import math
from collections import Counter
from dataclasses import replace
from itertools import pairwise

import pytest

from brazada.errors import InputError
from brazada.prices.calendars import calendar
from brazada.prices.tables import SERIES, WINDOWS
from brazada.prices.windows import STATISTICS, steps, windows, windows_of

START = dt.date(2024, 1, 1)
STEPS, LENGTH, HORIZON = 40, 4, 3
TRAIN, VALIDATE = 28, 34  # first step after training, after validation


def day(step):
    return START + dt.timedelta(days=step)


def price_at(name, step):
    return {"a": 100.0, "b": 1000.0, "c": 7.0}[name[0]] * (1 + 0.3 * math.sin(step) + 0.01 * step)


def points(name, missing=(), filled=(), change=None, frozen=()):
    """A series' rows: price null where missing, not observed where filled."""
    for step in range(STEPS):
        value = (change or price_at)(name, step)
        price = None if step in missing else value
        observed = price is not None and step not in filled
        yield (
            name,
            "kalimati",
            name,
            "",
            "",
            "KG",
            "kg",
            day(step),
            step,
            price,
            observed,
            int(observed),
            step in frozen,
        )


@pytest.fixture
def settings(settings):
    change = {"window": LENGTH, "horizon": HORIZON, "min_observed_share": 0.7}
    sources = {"kalimati": settings.prices.sources["kalimati"].model_copy(update=change)}
    return settings.model_copy(update={"prices": settings.prices.model_copy(update={"sources": sources, "shards": 3})})


@pytest.fixture
def cut(spark, settings):
    source = settings.prices.sources["kalimati"]

    def made(*series):
        rows = [row for one in series for row in one]
        frame = spark.createDataFrame(rows, SERIES.columns)
        calendar_of = steps(spark, calendar([day(step) for step in range(STEPS)], source), source)
        found = windows_of(frame, calendar_of, source).collect()
        return {(row["series"], row["step"]): row for row in found}

    return made


def test_a_window_is_a_run_of_one_series_without_open_gaps(cut):
    examples = cut(points("a"), points("b", missing={0, 1, 20, 21}, filled={10, 11}))
    assert {step for name, step in examples if name == "a"} == set(range(LENGTH - 1, STEPS))
    assert {step for name, step in examples if name == "b"} == {*range(5, 20), *range(25, STEPS)}
    for (name, step), row in examples.items():
        assert row["prices"] == [price_at(name, step - back) for back in reversed(range(LENGTH))]
        assert row["observed"] == [name == "a" or at not in {10, 11} for at in range(step - LENGTH + 1, step + 1)]
        assert row["origin"] == day(step)


def test_targets_stay_within_their_split_and_are_observed(cut):
    examples = cut(points("a", filled={15}), points("b", missing={20}))
    for (name, step), row in examples.items():
        first = step + 1
        split, end = next(
            (split, end)
            for split, end in [("train", TRAIN), ("validate", VALIDATE), ("test", STEPS), ("live", STEPS)]
            if first < end or split == "live"
        )
        assert row["split"] == split
        hidden = {15} if name == "a" else {20}
        known = [at for at in range(first, first + HORIZON) if at < end and at not in hidden]
        assert row["target"] == [price_at(name, at) if at in known else None for at in range(first, first + HORIZON)]
        assert row["target_dates"] == [day(at) for at in range(first, first + HORIZON)]


def test_training_is_blind_to_what_comes_after_it(cut):
    def later_differs(name, step):
        return price_at(name, step) * (1 if step < TRAIN else 3)

    plain = cut(points("a"), points("b"))
    changed = cut(points("a", change=later_differs), points("b", change=later_differs))
    training = {key for key, row in plain.items() if row["split"] == "train"}
    assert training == {(name, step) for name in "ab" for step in range(LENGTH - 1, TRAIN - 1)}
    assert all(plain[key] == changed[key] for key in training)
    assert all([plain[key][s] for s in STATISTICS] == [changed[key][s] for s in STATISTICS] for key in plain)


def test_statistics_are_those_of_the_training_part(cut):
    (row,) = (row for key, row in cut(points("a")).items() if key == ("a", 30))
    prices = [price_at("a", step) for step in range(TRAIN)]
    moves = [after - before for before, after in pairwise(prices)]
    logs = [math.log(after / before) for before, after in pairwise(prices)]
    expected = {
        "scale_min": min(prices),
        "scale_max": max(prices),
        "naive_error": sum(map(abs, moves)) / len(moves),
        "log_scale": sum(map(abs, logs)) / len(logs),
        "log_mean": sum(map(math.log, prices)) / len(prices),
        "share_unchanged": 0.0,
    }
    assert {name: row[name] for name in STATISTICS} == pytest.approx(expected)


def test_a_constant_series_is_kept_with_scales_of_nothing(cut):
    row = cut(points("a", change=lambda _, __: 5.0))["a", 10]
    assert (row["naive_error"], row["log_scale"], row["share_unchanged"]) == (0.0, 0.0, 1.0)
    assert row["window"][0] == 0
    assert row["target_drift"] == [None] * HORIZON


def test_no_training_window_has_a_frozen_price_and_no_target_is_one(cut):
    def stuck(name, step):
        return 50.0 if 10 <= step < 18 or step >= 30 else price_at(name, step)

    examples = cut(points("a", change=stuck, frozen={*range(10, 18), *range(30, STEPS)}), points("b"))
    mine = {step: row for (name, step), row in examples.items() if name == "a"}
    training = {*range(LENGTH - 1, 10 - HORIZON), *range(18 + LENGTH - 1, TRAIN - HORIZON + 2)}
    assert {step for step, row in mine.items() if row["split"] == "train"} == training
    assert {step for step, row in mine.items() if row["split"] != "train"} == {*range(TRAIN - 1, STEPS)}
    assert all(target is None for step in range(30, STEPS) for target in mine[step]["target"])
    sound = [price_at("a", step) for step in range(TRAIN) if step not in range(10, 18)]
    assert (mine[STEPS - 1]["scale_min"], mine[STEPS - 1]["scale_max"]) == (min(sound), max(sound))
    assert mine[STEPS - 1]["share_unchanged"] == 0
    (change,) = {math.log(price_at("b", at) / price_at("b", at - 1)) for at in [12]}
    assert examples["b", 12]["market_change"][-1] == pytest.approx(change)


def test_a_series_that_is_frozen_throughout_is_scaled_by_what_there_is(cut):
    examples = cut(points("a", change=lambda _, __: 5.0, frozen=range(STEPS)), points("b"))
    found = [row for (name, _), row in examples.items() if name == "a"]
    assert {row["split"] for row in found} == {"validate", "test", "live"}
    assert {(row["scale_min"], row["naive_error"], row["share_unchanged"]) for row in found} == {(5.0, 0.0, 1.0)}


def test_sparse_series_have_no_windows_but_move_the_market(cut):
    sparse = points("c", filled=set(range(13)))
    examples = cut(points("a"), sparse)
    assert {name for name, _ in examples} == {"a"}
    row = examples["a", 10]
    changes = [[math.log(price_at(n, at) / price_at(n, at - 1)) for n in "ac"] for at in range(7, 11)]
    assert row["market_change"] == pytest.approx([sum(both) / 2 for both in changes])
    assert examples["a", LENGTH - 1]["market_change"][0] == 0


def test_the_drift_is_the_median_of_scaled_changes_over_series(cut):
    examples = cut(points("a"), points("b"), points("c", change=lambda _, step: 7.0 + step % 5))
    for step in (10, TRAIN - 2, STEPS - 1):
        rows = [examples[name, step] for name in "abc"]
        for ahead in range(HORIZON):
            changes = [
                (row["target"][ahead] - row["prices"][-1]) / row["naive_error"]
                for row in rows
                if row["target"][ahead] is not None
            ]
            (drift,) = {row["target_drift"][ahead] for row in rows}
            assert drift == (pytest.approx(sorted(changes)[1]) if changes else None)


def test_the_networks_input_is_scaled_prices_and_seasons(cut):
    row = cut(points("a"))["a", 10]
    for index in range(LENGTH):
        date = day(10 - LENGTH + 1 + index)
        month, week = 2 * math.pi * date.month / 12, 2 * math.pi * date.isocalendar().week / 52.18
        season = [math.sin(month), math.cos(month), math.sin(week), math.cos(week)]
        scaled = (row["prices"][index] - row["scale_min"]) / (row["scale_max"] - row["scale_min"])
        assert row["window"][5 * index : 5 * index + 5] == pytest.approx([scaled, *season])


def test_the_season_of_the_targets_is_known_ahead(cut):
    row = cut(points("a"))["a", 10]
    for index, date in enumerate(row["target_dates"]):
        month, week = 2 * math.pi * date.month / 12, 2 * math.pi * date.isocalendar().week / 52.18
        season = [math.sin(month), math.cos(month), math.sin(week), math.cos(week)]
        assert row["target_calendar"][4 * index : 4 * index + 4] == pytest.approx(season)


def test_the_job_writes_equal_shards_once_each(job, another):
    rows = [row for name in ("a", "b", "c") for row in points(name, missing={20} if name == "c" else ())]
    job.store.replace(SERIES, job.spark.createDataFrame(rows, SERIES.columns), "source = 'kalimati'")
    windows(job)
    first = sorted(job.store.read(WINDOWS.name).frame.collect())
    again = another(2)
    windows(again, "kalimati")
    snapshot = again.store.read(WINDOWS.name)
    assert sorted(snapshot.frame.collect()) == first
    assert len({(row["series"], row["origin"]) for row in first}) == len(first)
    sizes = Counter((row["split"], row["shard"]) for row in first)
    for split in ("train", "validate", "test", "live"):
        of_split = [size for (name, _), size in sizes.items() if name == split]
        assert max(of_split) - min(of_split) <= 1
        assert split == "live" or len(of_split) == job.settings.prices.shards
    assert len(snapshot.files()) == len(sizes)


def test_dates_too_few_for_a_window_are_refused_with_what_to_lower(job):
    rows = [row for row in points("a") if row[8] < 8]
    job.store.replace(SERIES, job.spark.createDataFrame(rows, SERIES.columns), "source = 'kalimati'")
    narrow = {"kalimati": job.settings.prices.sources["kalimati"].model_copy(update={"window": 30})}
    prices = job.settings.prices.model_copy(update={"sources": narrow})
    with pytest.raises(InputError, match=r"30 prices on end.*found none.*lower window"):
        windows(replace(job, settings=job.settings.model_copy(update={"prices": prices})))
