"""Networks trained, models judged and forecasts made on a small market: what must hold whatever the figures."""

import datetime as dt
import json
import math
import sys
from dataclasses import replace

import numpy as np
import pytest
from pyspark.sql import functions as F
from rich.console import Console

from brazada.errors import ModelError
from brazada.prices import backtest, forecast, scoring, series, windows
from brazada.prices.model_forecasts import model_forecasts
from brazada.prices.origins import forecast_request
from brazada.prices.results import BACKTEST, FORECASTS, SCORES, SERVED, SERVING
from brazada.prices.tables import OBSERVATIONS, SERIES, WINDOWS
from brazada.prices.tasks import local_task
from brazada.prices.training import train_global
from brazada.prices.views import VIEWS
from brazada.report import Job
from brazada.settings import load
from brazada.tables import Store
from brazada.training.train import train

DAYS, GOODS, WINDOW, HORIZON = 60, 5, 6, 2
SMALL = (
    *(f"prices.sources.kalimati.{setting}" for setting in (f"window={WINDOW}", f"horizon={HORIZON}", "epochs=2")),
    "prices.sources.kalimati.season=5",
    "prices.networks.global_model={members: 2, units: 4, dense: 4, batch: 64}",
    "prices.networks.local_models={units: [4, 3], epochs: 1, batch: 64}",
    "prices.trees={rounds: 5, leaves: 4, rows_per_leaf: 5}",
    "prices.judging={bootstrap: 50, prior_origins: 5}",
    "prices.shards=2",
    "training.launch=process",
    "training.ranks=1",
)


def prices(days=DAYS):
    """Noise around a level; the last good is not published on every day."""
    generator = np.random.default_rng(3)
    for good in range(GOODS):
        for day in range(days):
            if good < GOODS - 1 or day % 6:
                yield good, day, round(50 + 10 * good + 5 * math.sin(day) + generator.normal(), 2)


def observations(spark, rows):
    values = []
    for good, day, price in rows:
        key = ("kalimati", dt.date(2024, 1, 1) + dt.timedelta(days=day), "", f"Good {good}", "", "", "KG")
        values.append((*key, "kg", 1.0, price, price, price, price, "NPR", None, "batch"))
    return spark.createDataFrame(values, OBSERVATIONS.columns)


@pytest.fixture(scope="module")
def market(spark_session, tmp_path_factory):
    """The whole chain, run once: observations to forecasts."""
    warehouse = tmp_path_factory.mktemp("market")
    settings = load(overrides=[*SMALL, f"warehouse.path={warehouse}"], variables={})
    job = Job(
        "test",
        "run-1",
        settings,
        spark_session,
        Store(spark_session, settings.warehouse),
        Console(quiet=True, file=sys.stderr),
    )
    job.store.insert(OBSERVATIONS, observations(spark_session, prices()))
    series.series(job)
    windows.windows(job)
    train_global(job)
    train(job, local_task(job.settings.prices, "kalimati", "lstm_attention"), "series LIKE '%Good 0%'")
    backtest.backtest(job)
    forecast.forecast(job)
    yield job
    for schema in ("prices", "ops", "ml"):
        spark_session.sql(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def read(job, table):
    return job.store.read(table.name).frame.toPandas()


def test_every_model_stands_beside_the_baselines_on_the_same_rows(market):
    rows = read(market, BACKTEST)
    everywhere = {
        "naive",
        "seasonal_naive",
        "ses",
        "theta",
        "dynamic_theta",
        "auto_ets",
        "lightgbm",
        "global",
        "combination",
    }
    assert set(rows["model"]) == {*everywhere, "lstm_attention", SERVED}
    expected = market.store.read(WINDOWS.name).frame.where(F.col("split").isin("validate", "test")).count() * HORIZON
    counts = rows["model"].value_counts()
    assert {name: counts[name] for name in everywhere} == dict.fromkeys(everywhere, expected)
    assert set(rows.loc[rows["model"] == "lstm_attention", "series"]) == {"kalimati|Good 0|||KG"}


def test_only_published_prices_are_scored_and_naive_repeats_the_last(market):
    rows, known = read(market, BACKTEST), read(market, SERIES)
    published = known[known["observed"]].set_index(["series", "date"])["price"]
    scored = rows[rows["observed"]]
    found = published.loc[list(zip(scored["series"], scored["target_date"], strict=True))].to_numpy()
    np.testing.assert_allclose(scored["actual"].to_numpy(float), found)
    assert rows.loc[~rows["observed"], "scaled_error"].isna().all()
    filled = known.set_index(["series", "date"])["price"]
    naive = rows[rows["model"] == "naive"]
    last = filled.loc[list(zip(naive["series"], naive["origin"], strict=True))].to_numpy()
    np.testing.assert_allclose(naive["forecast"].to_numpy(float), last)


def test_no_validation_target_lies_in_the_test_part(market):
    rows = read(market, BACKTEST)
    first_test = rows.loc[rows["split"] == "test", "target_date"].min()
    validated = rows[(rows["split"] == "validate") & rows["observed"]]
    assert validated["target_date"].max() < first_test


def test_a_network_serves_only_where_it_beat_naive_on_validation(market):
    rows, serving = read(market, BACKTEST), read(market, SERVING)
    assert sorted(serving["series"]) == sorted(rows["series"].unique())
    ratios = scoring.series_ratios(rows[rows["split"] == "validate"].astype({"actual": float})).set_index(
        ["model", "series"]
    )
    for row in serving.itertuples():
        if row.model in ("global", "combination", "lstm_attention"):
            assert ratios.loc[(row.model, row.series), "ratio"] < 1


def test_served_rows_are_those_of_the_model_that_serves(market):
    rows, serving = read(market, BACKTEST), read(market, SERVING).set_index("series")["model"]
    served = rows[rows["model"] == SERVED]
    assert set(served["split"]) == {"test"}
    key = ["series", "origin", "horizon"]
    chosen = rows[rows["model"] == rows["series"].map(serving)]
    both = served.merge(chosen, on=key, suffixes=("", "_own"), validate="one_to_one")
    assert len(both) == len(served) > 0
    np.testing.assert_allclose(both["forecast"].astype(float), both["forecast_own"].astype(float))


def test_the_views_agree_with_the_scores(market):
    market.store.attach(VIEWS)
    rows = read(market, BACKTEST).astype({"actual": float})
    by_hand = (
        scoring.metrics(rows, by=("split", "series", "model")).set_index(["split", "series", "model"]).sort_index()
    )
    view = market.spark.table("prices.series_scores").toPandas().set_index(["split", "series", "model"]).sort_index()
    assert list(view.index) == list(by_hand.index)
    for name in ("rows", "mae", "rmse", "smape", "mase", "rmsse", "pinball", "coverage_80", "coverage_95"):
        np.testing.assert_allclose(view[name].astype(float), by_hand[name].astype(float), rtol=1e-9, err_msg=name)
    overall = read(market, SCORES).set_index(["split", "model"])
    assert overall.loc[("test", "naive"), "mae_ratio"] == 1
    worst = market.spark.table("prices.worst_series").toPandas()
    assert sorted(worst["series"]) == sorted(rows["series"].unique())
    assert market.spark.table("prices.coverage").where("model = 'served'").count() == HORIZON


def test_every_series_is_forecast_from_its_newest_price(market):
    rows, known = read(market, FORECASTS), read(market, SERIES)
    assert len(rows) == GOODS * HORIZON
    assert set(rows["origin"]) == {known["date"].max()}
    assert (rows["target_date"] > rows["origin"]).all()
    assert set(rows["data_version"]) == {market.store.version(WINDOWS.name)}
    served = read(market, SERVING).set_index("series")["model"]
    assert (rows["model"] == rows["series"].map(served)).all()


def test_what_a_global_forecast_looked_at_can_be_read_back(market):
    everything = market.spark.createDataFrame(
        [
            row | {"model": "global", "bounds": "global", "calibration": json.dumps({"widths": [1.0] * 5})}
            for row in read(market, SERVING).to_dict("records")
        ],
        SERVING.columns,
    )
    asked = forecast_request(market.store.read(WINDOWS.name), "kalimati", "live")
    rows = forecast.forecasts(market, asked, everything.toPandas())
    for weights in rows["attention"]:
        assert len(weights) == WINDOW
        assert sum(weights) == pytest.approx(1, abs=1e-5)


def test_the_fits_to_single_series_can_be_read_back(market):
    market.store.attach(VIEWS)
    (fit,) = market.spark.table("prices.fits").collect()
    assert (fit["source"], fit["network"], fit["status"]) == ("kalimati", "lstm_attention", "done")
    assert "Good 0" in fit["series"]
    assert fit["data_version"] == market.store.version(WINDOWS.name)
    assert fit["mae"] > 0 < fit["naive_mae"]


def test_judging_and_forecasting_again_change_nothing(market):
    tables = BACKTEST, SCORES, SERVING, FORECASTS
    before = [sorted(map(repr, market.store.read(table.name).frame.collect())) for table in tables]
    backtest.backtest(market)
    forecast.forecast(market)
    assert before == [sorted(map(repr, market.store.read(table.name).frame.collect())) for table in tables]


def test_a_forecast_does_not_know_what_comes_after_its_origin(market):
    """The last day's prices tripled: what was forecast at every earlier origin stays as it was."""
    names = ("naive", "ses", "auto_ets", "lightgbm")
    asked = forecast_request(market.store.read(WINDOWS.name), "kalimati", "validate", "test")
    before = model_forecasts(market, asked, names)
    tripled = [(good, day, price * 3 if day == DAYS - 1 else price) for good, day, price in prices()]
    market.store.replace(OBSERVATIONS, observations(market.spark, tripled), "true")
    series.series(market)
    windows.windows(market)
    asked = forecast_request(market.store.read(WINDOWS.name), "kalimati", "validate", "test")
    after = model_forecasts(market, asked, names)
    for name in names:
        np.testing.assert_allclose(after[name].points, before[name].points, rtol=1e-6, atol=1e-9, err_msg=name)


def test_three_weeks_of_new_prices_are_forecast_by_what_was_judged_last(market):
    """Prices come and are forecast; the network is trained and judged anew in the third week alone."""

    def week(number):
        market.store.replace(OBSERVATIONS, observations(market.spark, prices(DAYS + 7 * number)), "true")
        series.series(market)
        windows.windows(market)

    serving = read(market, SERVING)  # by the global network in every series
    everywhere = serving.assign(model="global", bounds="global", calibration=json.dumps({"widths": [1.0] * 5}))

    def newest_forecasts():
        rows = [tuple(row) for row in everywhere[SERVING.columns.names].itertuples(index=False)]
        market.store.replace(SERVING, rows, "true")
        market.report.notes.clear()
        forecast.forecast(market)
        rows = read(market, FORECASTS)
        return rows[rows["origin"] == rows["origin"].max()]

    runs = []
    for number in (1, 2):
        week(number)
        rows = newest_forecasts()
        assert rows["origin"].max() == dt.date(2024, 1, 1) + dt.timedelta(days=DAYS + 7 * number - 1)
        assert set(rows["data_version"]) == {market.store.version(WINDOWS.name)}
        assert any("networks learned from prices.windows v" in note for note in market.report.notes)
        runs += set(rows["run"])
    assert len(runs) == 2
    assert runs[0] == runs[1]
    week(3)
    train_global(market)
    backtest.backtest(market)
    (run,) = set(newest_forecasts()["run"])
    assert run != runs[0]
    assert not any("learned from" in note for note in market.report.notes)


def test_forecasts_are_compared_with_the_prices_that_came(market):
    """By now there are forecasts from before each of the three weeks."""
    market.store.attach(VIEWS)
    made, came = read(market, FORECASTS), read(market, SERIES)
    both = made.merge(came[came["observed"]], left_on=["series", "target_date"], right_on=["series", "date"])
    by_hand = both.assign(
        week=[day - dt.timedelta(days=day.weekday()) for day in both["target_date"]],
        mae=(both["forecast"] - both["price"]).abs(),
        naive_mae=(both["last_price"] - both["price"]).abs(),
        coverage_80=both["price"].between(both["lower_80"], both["upper_80"]).astype(float),
    )
    key, figures = ["series", "model", "horizon", "week"], ["mae", "naive_mae", "coverage_80"]
    by_hand = by_hand.groupby(key)[figures].mean()
    view = market.spark.table("prices.accuracy").toPandas().set_index(key).sort_index()
    assert list(view.index) == list(by_hand.index)
    assert len(view.groupby("week")) >= 3
    np.testing.assert_allclose(view[figures].astype(float), by_hand, rtol=1e-9)
    np.testing.assert_allclose((view["mae_ratio"] * view["naive_mae"]).astype(float), view["mae"].astype(float))


def test_a_model_worse_than_naive_on_what_came_stops_serving(market):
    settings = load(
        overrides=[*SMALL, "prices.judging.live_origins=2", f"warehouse.path={market.settings.warehouse.path}"],
        variables={},
    )
    job = Job("test", "run-2", settings, market.spark, market.store, market.console)
    newest = F.col("origin") == read(job, FORECASTS)["origin"].max()

    def models_where_forecasts_were_off_by(amount):
        off = job.store.read(FORECASTS.name).frame.where("model = 'global'")
        for bound in ("lower_80", "upper_80", "lower_95", "upper_95"):
            off = off.withColumn(bound, F.lit(None).cast("double"))
        off = off.withColumn("forecast", F.col("last_price") + amount)
        job.store.replace(FORECASTS, [tuple(row) for row in off.collect()], "true")
        job.report.notes.clear()
        forecast.forecast(job)
        return {row["model"] for row in job.store.read(FORECASTS.name).frame.where(newest).collect()}

    served = read(job, SERVING)
    assert models_where_forecasts_were_off_by(0.0) == {"global"}  # as Naive
    assert models_where_forecasts_were_off_by(1000.0) == {"naive"}
    assert sum("global stops serving" in note for note in job.report.notes) == GOODS
    assert set(read(job, SERVING)["model"]) == {"naive"}
    job.store.replace(SERVING, [tuple(row) for row in served[SERVING.columns.names].itertuples(index=False)], "true")


def test_windows_of_another_shape_are_refused_by_name(market):
    narrow = ("prices.sources.kalimati.window=8", f"warehouse.path={market.settings.warehouse.path}")
    settings = load(overrides=[*SMALL, *narrow], variables={})
    job = Job("test", "run-2", settings, market.spark, market.store, market.console)
    windows.windows(job)
    with pytest.raises(ModelError, match="inputs"):
        forecast.forecast(job)


def test_a_frozen_series_is_neither_learned_from_nor_judged_and_its_forecast_says_so(job):
    stuck = f"kalimati|Good {GOODS}|||KG"
    warehouse = f"warehouse.path={job.settings.warehouse.path}"
    settings = load(overrides=[*SMALL, "prices.sources.kalimati.frozen_limit=40", warehouse], variables={})
    job = replace(job, settings=settings)
    rows = [*prices(), *((GOODS, day, 42.0) for day in range(DAYS))]
    job.store.insert(OBSERVATIONS, observations(job.spark, rows))
    series.series(job)
    windows.windows(job)
    examples = read(job, WINDOWS).query("series == @stuck")
    assert set(examples["split"]) == {"validate", "test", "live"}
    assert np.isnan(np.array(examples["target"].to_list(), dtype=float)).all()
    backtest.backtest(job)
    judged = read(job, BACKTEST)
    assert not judged.loc[judged["series"] == stuck, "observed"].any()
    forecast.forecast(job)
    made = read(job, FORECASTS)
    assert made["series"].nunique() == GOODS + 1
    assert set(made.loc[made["frozen"], "series"]) == {stuck}
    assert made.loc[made["series"] == stuck, "forecast"].to_list() == pytest.approx([42.0] * HORIZON)
    assert any("1 of them from a frozen price" in note for note in job.report.notes)
