"""Facts about bounds around forecasts."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from brazada.errors import InputError
from brazada.prices import intervals
from brazada.prices.features import MEDIAN, QUANTILES

NORMAL = np.array([-1.96, -1.2816, 0.0, 1.2816, 1.96])


def normal(rows=4000, spread=1.0, seed=0):
    return np.random.default_rng(seed).normal(0, spread, (rows, 2))


def coverage(actuals, quantiles, low, high):
    return float(((actuals >= quantiles[..., low]) & (actuals <= quantiles[..., high])).mean())


def test_empirical_offsets_are_the_quantiles_of_the_errors_at_each_horizon():
    errors = normal()
    errors[:, 1] *= 3
    offsets = intervals.empirical_offsets(errors + 7, np.full(errors.shape, 7.0))
    np.testing.assert_allclose(offsets, [NORMAL, 3 * NORMAL], atol=0.25)
    assert offsets[:, MEDIAN].tolist() == [0.0, 0.0]


def test_empirical_bounds_cover_what_they_say_on_new_errors():
    bounds = intervals.Bounds(offsets=intervals.empirical_offsets(normal(), np.zeros((4000, 2))))
    fresh = normal(seed=1)
    quantiles = intervals.apply_bounds(bounds, np.zeros(fresh.shape))
    assert coverage(fresh, quantiles, 1, 3) == pytest.approx(0.8, abs=0.02)
    assert coverage(fresh, quantiles, 0, 4) == pytest.approx(0.95, abs=0.02)


def test_unobserved_actuals_do_not_count():
    errors = normal(200)
    holed = np.concatenate([errors, np.full((50, 2), np.nan)])
    points = np.zeros(holed.shape)
    expected = intervals.empirical_offsets(errors, points[:200])
    np.testing.assert_allclose(intervals.empirical_offsets(holed, points), expected)


@pytest.mark.parametrize("count", [1, 2, 5, 8, 20, 39, 300])
def test_few_errors_give_wider_bounds_not_equal_ones(count):
    errors = normal(count, seed=count)
    offsets = intervals.empirical_offsets(errors, np.zeros(errors.shape))
    farthest = np.abs(errors).max()
    if count > 1:
        assert (np.diff(offsets, axis=1) > 0).all()
    if 2 < count < 39:  # 95 % is beyond what so few can tell
        assert np.abs(offsets[:, [0, -1]]).max() > farthest
    inside = [coverage(normal(400, seed=seed), offsets[None], 0, 4) for seed in range(20)]
    if count >= 39:
        assert np.mean(inside) > 0.9


def test_errors_that_are_mostly_nothing_still_part_the_bounds():
    errors = np.zeros((100, 1))
    errors[:2] = [[5.0], [-5.0]]
    offsets = intervals.empirical_offsets(errors, np.zeros((100, 1)))
    assert (np.diff(offsets[0]) > 0).all()
    assert intervals.empirical_offsets(np.zeros((9, 1)), np.zeros((9, 1))).tolist() == [[0.0] * 5]


def test_a_horizon_without_actuals_is_refused():
    with pytest.raises(InputError, match="every horizon"):
        intervals.empirical_offsets(np.array([[1.0, np.nan]]), np.zeros((1, 2)))


@pytest.mark.parametrize("too_narrow", [0.6, 1.0, 1.5])
def test_calibration_stretches_quantiles_to_the_spread_seen(too_narrow):
    actuals = normal()
    quantiles = np.broadcast_to(NORMAL * too_narrow, (*actuals.shape, 5))
    widths = intervals.calibrated_widths(actuals, quantiles, trust=1.0)
    np.testing.assert_allclose(np.delete(widths, MEDIAN), 1 / too_narrow, rtol=0.1)
    half = intervals.calibrated_widths(actuals, quantiles, trust=0.5)
    np.testing.assert_allclose(half, np.sqrt(widths))


@given(st.lists(st.floats(-5, 5), min_size=5, max_size=5), st.floats(-5, 5))
def test_bounds_stay_in_order_around_any_point(levels, point):
    quantiles = np.sort(np.array(levels)).reshape(1, 1, 5)
    bounds = intervals.Bounds(widths=np.array([1.3, 0.7, 1.0, 0.6, 1.4]))
    made = intervals.apply_bounds(bounds, np.array([[point]]), quantiles)
    assert made[0, 0, MEDIAN] == point
    assert (np.diff(made, axis=-1) >= 0).all()


@given(st.integers(0, 10_000))
def test_bounds_never_narrow_with_the_horizon_and_levels_stay_apart(seed):
    generator = np.random.default_rng(seed)
    quantiles = np.sort(generator.normal(0, 1, (6, 4, 5)), axis=-1)
    points = generator.normal(0, 3, (6, 4))
    widths = intervals.Bounds(widths=intervals.calibrated_widths(generator.normal(0, 1, (6, 4)), quantiles))
    sides = np.sort(generator.uniform(0, 2, (2, 4, 2)), axis=-1)
    offsets = intervals.Bounds(offsets=np.concatenate([-sides[0, :, ::-1], np.zeros((4, 1)), sides[1]], axis=1))
    for bounds in (widths, offsets):
        away = intervals.apply_bounds(bounds, points, quantiles) - points[..., None]
        np.testing.assert_allclose(away[..., MEDIAN], 0, atol=1e-12)
        assert (np.diff(np.abs(away), axis=1) >= -1e-12).all()
    assert (np.diff(intervals.apply_bounds(widths, points, quantiles), axis=-1) > 0).all()


def test_pinball_loss_by_hand():
    actuals = np.array([[2.0, np.nan]])
    quantiles = np.zeros((1, 2, 5))
    loss = intervals.pinball(actuals, quantiles)
    assert loss[0, 0] == pytest.approx(2.0 * sum(QUANTILES) / 5)
    assert np.isnan(loss[0, 1])


def test_quantiles_that_know_the_spread_are_chosen_and_ones_that_do_not_are_not():
    generator = np.random.default_rng(3)
    spread = np.tile([0.2, 5.0], 500)[:, None] * np.ones((1, 2))
    actuals = generator.normal(0, 1, (1000, 2)) * spread
    points = np.zeros(actuals.shape)
    knowing = spread[..., None] * NORMAL
    wrong = knowing[::-1] * 1.0
    assert intervals.choose_bounds(actuals, points, {"network": knowing, "wrong": wrong})[0] == "network"
    name, bounds = intervals.choose_bounds(actuals, points, {"wrong": wrong})
    assert name == "conformal"
    assert bounds.offsets is not None


def test_bounds_that_were_never_fitted_are_refused():
    with pytest.raises(InputError, match="Fit the bounds"):
        intervals.apply_bounds(intervals.Bounds(), np.zeros((1, 1)))
