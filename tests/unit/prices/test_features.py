"""Facts about scaling, inputs and targets of price windows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from brazada.prices import features

N, WINDOW, HORIZON = 4, 12, 3
PRICES = arrays(np.float64, (N, WINDOW), elements=st.floats(0.5, 1e6))


def batch_of(prices, **changes):
    steps = np.abs(np.diff(prices, axis=1))
    batch = {
        "prices": prices,
        "observed": np.ones(prices.shape, bool),
        "market_change": np.zeros(prices.shape),
        "target": np.full((len(prices), HORIZON), 7.0),
        "target_drift": np.zeros((len(prices), HORIZON)),
        "scale_min": prices.min(axis=1),
        "scale_max": prices.max(axis=1),
        "naive_error": steps.mean(axis=1),
        "log_scale": np.abs(np.diff(np.log(prices), axis=1)).mean(axis=1),
        "log_mean": np.log(prices).mean(axis=1),
        "share_unchanged": (steps == 0).mean(axis=1),
    }
    return {**batch, **changes}


def walk(seed=0):
    moves = np.random.default_rng(seed).normal(0, 0.05, (N, WINDOW))
    return 100 * np.exp(moves.cumsum(axis=1))


@settings(max_examples=50)
@given(PRICES)
def test_unscaling_undoes_scaling_even_of_constant_series(prices):
    batch = batch_of(prices)
    back = features.unscale_prices(features.scale_prices(prices, batch), batch)
    np.testing.assert_allclose(back, prices, rtol=1e-6)


@settings(max_examples=50)
@given(PRICES, arrays(np.float64, (N, HORIZON), elements=st.floats(0.5, 1e6)))
def test_prices_from_changes_undoes_scaled_changes(prices, target):
    batch = batch_of(prices, target=target)
    back = features.prices_from_changes(features.scaled_changes(batch), batch)
    np.testing.assert_allclose(back, target, rtol=1e-6, atol=1e-6 * prices.max())


def test_training_range_becomes_zero_to_one():
    scaled = features.scale_prices(walk(), batch_of(walk()))
    np.testing.assert_allclose(scaled.min(axis=1), 0, atol=1e-6)
    np.testing.assert_allclose(scaled.max(axis=1), 1, atol=1e-6)


def test_published_target_is_the_next_scaled_price_and_masked_where_unobserved():
    prices = walk()
    target = np.full((N, HORIZON), np.nan)
    target[0] = prices[0].max()
    values = features.published_targets(batch_of(prices, target=target))
    assert values.shape == (N, 1, 2)
    assert values[0, 0].tolist() == [1.0, 1.0]
    assert values[1:].tolist() == [[[0.0, 0.0]]] * (N - 1)


@given(st.floats(0.01, 1000))
@settings(max_examples=25)
def test_global_inputs_do_not_know_the_currency(factor):
    one, other = (features.global_inputs(batch_of(walk() * rate)) for rate in (1.0, factor))
    np.testing.assert_allclose(one["sequence"][..., [0, 1, 3, 4]], other["sequence"][..., [0, 1, 3, 4]], atol=1e-4)
    np.testing.assert_allclose(one["statics"], other["statics"], atol=1e-4)


def test_global_inputs_are_finite_for_a_series_that_never_moved():
    inputs = features.global_inputs(batch_of(np.full((N, WINDOW), 40.0)))
    assert all(np.isfinite(values).all() for values in inputs.values())
    assert inputs["sequence"][..., 2].all()  # flag: no change


def test_training_targets_lose_the_market_and_keep_the_whole_change_beside_it():
    prices = walk()
    near = np.repeat(prices[:, -1:], HORIZON, axis=1) + 1.0
    batch = batch_of(prices, target=near, target_drift=np.full((N, HORIZON), 0.25))
    targets = features.training_targets(batch)
    np.testing.assert_allclose(targets[..., 1] - targets[..., 0], 0.25, rtol=1e-4)


def test_training_targets_are_clipped_and_free_of_nan():
    target = np.full((N, HORIZON), 1e9)
    target[1] = np.nan
    targets = features.training_targets(batch_of(walk(), target=target))
    assert targets[0, :, 1].tolist() == [features.LARGEST_CHANGE] * HORIZON
    assert targets[1].tolist() == [[0.0, 0.0, 0.0]] * HORIZON


def test_no_change_forecast_is_the_last_price_and_no_price_is_negative():
    prices = walk()
    batch = batch_of(prices)
    still = features.prices_from_changes(np.zeros((N, HORIZON)), batch)
    np.testing.assert_allclose(still, np.repeat(prices[:, -1:], HORIZON, axis=1))
    assert (features.prices_from_changes(np.full((N, HORIZON, 5), -1e9), batch) == 0).all()


@given(arrays(np.float64, (6, 5), elements=st.floats(-50, 50)))
def test_quantiles_around_the_median_never_cross_and_keep_it(quantiles):
    ordered = features.around_median(quantiles)
    assert (np.diff(ordered, axis=-1) >= 0).all()
    assert ordered[:, features.MEDIAN].tolist() == quantiles[:, features.MEDIAN].tolist()


def test_a_missing_column_is_named():
    with pytest.raises(KeyError, match="prices"):
        features.global_inputs({})
