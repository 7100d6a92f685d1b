"""Facts about statistical forecasts, trees and combinations."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from brazada.errors import InputError
from brazada.prices import baselines
from brazada.prices.features import MEDIAN, QUANTILES

STEPS, FIRST, HORIZON = 40, 34, 3
FIRST_DAY = pd.Timestamp("2024-01-01")


def frame_of(**series):
    parts = [
        pd.DataFrame(
            {
                "series": name,
                "step": np.arange(STEPS),
                "date": FIRST_DAY + pd.to_timedelta(np.arange(STEPS), unit="D"),
                "price": values,
            }
        )
        for name, values in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def weekly_pattern():
    return np.tile([10.0, 11, 12, 13, 14, 15, 16], 6)[:STEPS]


@pytest.fixture(scope="module")
def forecasts():
    noise = np.random.default_rng(0).normal(0, 1, STEPS).cumsum() + 50
    prices = frame_of(pattern=weekly_pattern(), still=np.full(STEPS, 5.0), noise=noise)
    plan = baselines.Statistical(horizon=HORIZON, first_step=FIRST, season=7)
    return prices, baselines.statistical_forecasts(prices, plan)


def test_every_origin_horizon_and_model_is_forecast_once_up_to_the_last_price(forecasts):
    _, table = forecasts
    assert not table.duplicated(["series", "origin", "horizon", "model"]).any()
    origins = FIRST_DAY + pd.to_timedelta(np.arange(FIRST, STEPS), unit="D")
    assert set(table["origin"]) == set(origins)
    assert len(table) == 3 * len(origins) * HORIZON * table["model"].nunique()
    assert set(table["model"]) == {"naive", "seasonal_naive", "ses", "theta", "dynamic_theta", "auto_ets"}
    assert table["forecast"].notna().all()


def test_naive_is_the_last_price_at_every_horizon(forecasts):
    prices, table = forecasts
    naive = table[table["model"] == "naive"]
    last = naive.merge(prices, left_on=["series", "origin"], right_on=["series", "date"], validate="many_to_one")
    np.testing.assert_allclose(last["forecast"], last["price"], rtol=1e-6)


def test_seasonal_naive_continues_a_weekly_pattern_and_still_prices_stay(forecasts):
    _, table = forecasts
    seasonal = table[(table["model"] == "seasonal_naive") & (table["series"] == "pattern")]
    step = (seasonal["origin"] - FIRST_DAY).dt.days + seasonal["horizon"]
    np.testing.assert_allclose(seasonal["forecast"], 10 + step % 7, rtol=1e-6)
    np.testing.assert_allclose(table.loc[table["series"] == "still", "forecast"], 5.0, rtol=1e-3)


def test_no_forecast_knows_a_later_price(forecasts):
    prices, table = forecasts
    cut = STEPS - 4
    past = prices[prices["step"] < cut]
    plan = baselines.Statistical(horizon=HORIZON, first_step=FIRST, season=7)
    keys = ["series", "origin", "horizon", "model"]
    both = baselines.statistical_forecasts(past, plan).merge(table, on=keys, validate="one_to_one")
    assert len(both) == 3 * (cut - FIRST) * HORIZON * 6
    np.testing.assert_allclose(both["forecast_x"], both["forecast_y"], rtol=1e-6)


def test_gaps_are_refused_with_the_series_named():
    prices = frame_of(holed=weekly_pattern()).drop(index=20)
    with pytest.raises(InputError, match="holed"):
        baselines.statistical_forecasts(prices, baselines.Statistical(horizon=2, first_step=FIRST))


def test_a_series_that_begins_too_late_has_no_forecast():
    late = frame_of(late=weekly_pattern()).query("step >= @FIRST")
    assert baselines.statistical_forecasts(late, baselines.Statistical(horizon=2, first_step=FIRST)).empty


def tree_batch(rows=600, seed=0):
    """Prices that fall back to 100: what trees must find out and Naive does not know."""
    generator = np.random.default_rng(seed)
    prices = 100 * np.exp(generator.normal(0, 0.05, (rows, 8)))
    statistics = {"naive_error": 5.0, "log_scale": 0.05, "log_mean": np.log(100.0), "share_unchanged": 0.0}
    return {
        "prices": prices,
        "observed": np.ones((rows, 8), bool),
        "market_change": np.zeros((rows, 8)),
        "target": 100 + generator.normal(0, 1, (rows, 2)),
        "target_drift": np.zeros((rows, 2)),
        **{name: np.full(rows, value) for name, value in statistics.items()},
    }


@pytest.fixture(scope="module")
def trees():
    return baselines.train_trees(tree_batch(), baselines.Trees(rounds=25, learning_rate=0.2))


def test_trees_are_text_and_one_per_horizon_and_quantile(trees):
    assert set(trees) == {f"h{horizon}_q{quantile}" for horizon in (1, 2) for quantile in QUANTILES}
    assert all(text.startswith("tree\n") for text in trees.values())


def test_trees_beat_naive_where_prices_revert_and_their_quantiles_never_cross(trees):
    batch = tree_batch(seed=1)
    quantiles = baselines.tree_forecasts(trees, batch)
    change = (batch["target"] - batch["prices"][:, -1:]) / 5.0
    assert np.abs(change - quantiles[..., MEDIAN]).mean() < 0.5 * np.abs(change).mean()
    assert (np.diff(quantiles, axis=-1) >= 0).all()


def test_the_same_seed_grows_the_same_trees():
    plan = baselines.Trees(rounds=3)
    assert baselines.train_trees(tree_batch(200), plan) == baselines.train_trees(tree_batch(200), plan)


def test_trees_without_a_single_target_at_a_horizon_are_refused():
    batch = tree_batch(50)
    batch["target"][:, 1] = np.nan
    with pytest.raises(InputError, match="horizon 2"):
        baselines.train_trees(batch, baselines.Trees(rounds=1))
