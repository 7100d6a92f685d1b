"""Facts about scores, ratios to Naive and the choice of who serves."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from brazada.errors import InputError
from brazada.prices import scoring
from brazada.prices.scoring import Promotion

RULE = Promotion(networks=("net",), baselines=("naive", "ses"), prior_origins=10)
DAYS = pd.date_range("2024-01-01", periods=10)


def rows_of(series, model, errors, naive_error=2.0):
    """Forecasts that miss an actual of 10 by `errors`, one per origin, with bounds 1 and 2 beyond the forecast."""
    forecast = 10.0 + np.asarray(errors, dtype=float)
    return pd.DataFrame(
        {
            "series": series,
            "origin": DAYS[: len(forecast)],
            "horizon": 1,
            "model": model,
            "forecast": forecast,
            "actual": 10.0,
            "observed": True,
            "lower_80": forecast - 1,
            "upper_80": forecast + 1,
            "lower_95": forecast - 2,
            "upper_95": forecast + 2,
            "naive_error": naive_error,
        }
    )


def backtest(*parts):
    return pd.concat([rows_of(*part) for part in parts], ignore_index=True)


def test_metrics_known_by_hand():
    scores = scoring.metrics(backtest(("a", "m", [0.0, -4.0]))).iloc[0]
    assert (scores["rows"], scores["mae"], scores["mase"]) == (2, 2.0, 1.0)
    assert scores["rmse"] == pytest.approx(8**0.5)
    assert scores["rmsse"] == pytest.approx(2**0.5)
    assert scores["smape"] == pytest.approx((0 + 200 * 4 / 16) / 2)
    assert (scores["coverage_80"], scores["coverage_95"]) == (0.5, 0.5)
    # errors: the quantiles are 8, 9, 10, 11, 12 and 4, 5, 6, 7, 8 against an actual of 10
    first = (0.025 * 2 + 0.1 * 1 + 0 + 0.1 * 1 + 0.025 * 2) / 5
    second = (0.025 * 6 + 0.1 * 5 + 0.5 * 4 + 0.9 * 3 + 0.975 * 2) / 5
    assert scores["pinball"] == pytest.approx((first + second) / 2 / 2.0)


def test_unobserved_prices_do_not_count():
    frame = backtest(("a", "m", [1.0, 100.0]))
    frame.loc[1, "observed"] = False
    assert scoring.metrics(frame)["mae"].tolist() == [1.0]


def test_bounds_that_are_missing_leave_coverage_and_pinball_unknown():
    frame = backtest(("a", "m", [1.0]))
    frame["lower_80"] = np.nan
    scores = scoring.metrics(frame).iloc[0]
    assert np.isnan(scores["coverage_80"])
    assert np.isnan(scores["pinball"])
    assert scores["coverage_95"] == 1.0


def test_missing_columns_are_named_beside_those_present():
    with pytest.raises(InputError, match="no naive_error among series"):
        scoring.metrics(backtest(("a", "m", [1.0])).drop(columns="naive_error"))


def test_ratios_compare_on_the_same_rows_only():
    frame = backtest(("a", "naive", [1.0, 2.0, 50.0]), ("a", "net", [1.0, 1.0]), ("b", "net", [9.0]))
    ratio = scoring.ratios(frame).set_index("model")
    assert ratio.loc["net", "rows"] == 2
    assert ratio.loc["net", "mae_ratio"] == pytest.approx(2 / 3)
    assert ratio.loc["naive", ["mae_ratio", "mae_low", "mae_high", "pinball_ratio"]].tolist() == [1.0] * 4


def test_the_bootstrap_holds_the_ratio_and_repeats_with_its_seed():
    generator = np.random.default_rng(0)
    parts = []
    for series in "abcdefgh":
        naive = generator.normal(0, 2, 10)
        parts += [(series, "naive", naive), (series, "net", naive * generator.uniform(0.6, 1.1))]
    frame = backtest(*parts)
    first, again, other = (scoring.ratios(frame, 200, seed).set_index("model").loc["net"] for seed in (1, 1, 2))
    assert first["mae_low"] < first["mae_ratio"] < first["mae_high"]
    pd.testing.assert_series_equal(first, again)
    assert first["mae_low"] != other["mae_low"]


def test_a_network_serves_only_where_it_beat_naive_and_else_the_best_baseline():
    frame = backtest(
        *[(series, "naive", [2.0] * 10) for series in "abc"],
        *[("a", "net", [1.0] * 10), ("b", "net", [2.1] * 10), ("c", "net", [2.0] * 10)],
        *[("a", "ses", [1.9] * 10), ("b", "ses", [1.0] * 10), ("c", "ses", [2.4] * 10)],
    )
    serving = scoring.promote(frame, RULE).set_index("series")
    assert serving["model"].to_dict() == {"a": "net", "b": "ses", "c": "naive"}
    assert "net did not beat Naive" in serving.loc["b", "reason"]
    assert serving.loc["a", "ratio"] == 0.5


def test_one_lucky_series_does_not_promote_a_network_that_is_worse_overall():
    parts = [(str(number), model, [size] * 10) for number in range(9) for model, size in (("naive", 2.0), ("net", 3.0))]
    lucky = [("lucky", "naive", [2.0] * 10), ("lucky", "net", [1.9] * 10)]
    serving = scoring.promote(backtest(*parts, *lucky), RULE).set_index("series")
    assert serving.loc["lucky", "model"] == "naive"
    assert "not expected to do enough better" in serving.loc["lucky", "reason"]


def test_a_baseline_that_is_worse_than_naive_over_all_series_serves_none():
    sizes = {"a": 1.0, "b": 4.0, "c": 4.0}
    parts = [
        (series, model, [size] * 10) for series, own in sizes.items() for model, size in (("naive", 2.0), ("ses", own))
    ]
    assert set(scoring.promote(backtest(*parts), RULE)["model"]) == {"naive"}


def test_a_gain_too_small_to_count_leaves_naive():
    frame = backtest(("a", "naive", [2.0] * 10), ("a", "net", [1.99] * 10), ("a", "ses", [1.99] * 10))
    assert scoring.promote(frame, RULE)["model"].tolist() == ["naive"]


def test_ties_go_to_the_baseline():
    frame = backtest(("a", "naive", [2.0] * 4), ("a", "net", [1.0] * 4), ("a", "ses", [1.0] * 4))
    assert scoring.promote(frame, RULE)["model"].tolist() == ["ses"]


def test_naive_without_error_is_never_beaten():
    frame = backtest(("a", "naive", [0.0] * 3), ("a", "net", [0.1] * 3), ("b", "naive", [2.0]), ("b", "net", [1.0]))
    assert scoring.promote(frame, RULE).set_index("series")["model"].to_dict() == {"a": "naive", "b": "net"}


def test_naive_serves_a_series_that_was_not_seen_on_validation():
    frame = backtest(("a", "naive", [1.0]), ("b", "naive", [1.0]), ("b", "net", [0.0]))
    frame.loc[frame["series"] == "b", "observed"] = False
    served = scoring.promote(frame, RULE).set_index("series")
    assert served.loc["b", "model"] == "naive"
    assert "no price was observed" in served.loc["b", "reason"]
