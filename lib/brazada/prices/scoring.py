"""Scores of a backtest, ratios to Naive with their uncertainty, and the rule that decides which model serves a series.

A backtest frame has one row per series, origin, horizon and model with forecast, actual, observed, lower_80, upper_80,
lower_95, upper_95 and naive_error (the series' mean absolute one-step change in training, in price). Only rows with an
observed actual count. Errors that are averaged over series are scaled by naive_error first (MASE, Hyndman and Koehler
2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from brazada.errors import InputError

NAIVE = "naive"
KEY = ["series", "origin", "horizon"]
_BOUNDS = {"lower_95": 0.025, "lower_80": 0.1, "forecast": 0.5, "upper_80": 0.9, "upper_95": 0.975}
COLUMNS = frozenset([*KEY, *_BOUNDS, "model", "actual", "observed", "naive_error"])


def metrics(backtest: pd.DataFrame, by: Sequence[str] = ("model",)) -> pd.DataFrame:
    """One row per group: rows, mae, rmse (price), smape (percent), mase, rmsse, pinball, coverage_80, coverage_95.

    smape is 200 |e| / (|actual| + |forecast|) (M4). rmsse is the root of the mean squared error over naive_error, that
    is on MASE's scale, not on the root mean squared change of M5. pinball is the mean of the quantile loss (Koenker
    and Bassett 1978) over 0.025, 0.1, 0.5, 0.9, 0.975, over naive_error. coverage is the share of actuals on or within
    the bounds. pinball and coverage are NaN where the model has no bounds. Raises InputError on missing columns.
    """
    rows = scored(backtest)
    grouped = rows.groupby(list(by), sort=True)
    table = grouped.agg(
        rows=("abs_error", "size"),
        mae=("abs_error", "mean"),
        rmse=("square_error", "mean"),
        smape=("smape", "mean"),
        mase=("scaled_abs_error", "mean"),
        rmsse=("scaled_square_error", "mean"),
        pinball=("pinball", "mean"),
        coverage_80=("inside_80", "mean"),
        coverage_95=("inside_95", "mean"),
    )
    table[["rmse", "rmsse"]] = np.sqrt(table[["rmse", "rmsse"]])
    return table.reset_index()


def scored(backtest: pd.DataFrame) -> pd.DataFrame:
    """The observed rows, with the errors, losses and coverage (inside_80, inside_95) of each."""
    missing = sorted(COLUMNS - set(backtest.columns))
    if missing:
        raise InputError(
            f"backtest columns {', '.join(sorted(COLUMNS))}",
            found=f"no {', '.join(missing)} among {', '.join(map(str, backtest.columns))}",
            todo="score a whole backtest frame",
        )
    rows = backtest[backtest["observed"].astype(bool) & backtest["actual"].notna()]
    error = rows["forecast"] - rows["actual"]
    size = rows["actual"].abs() + rows["forecast"].abs()
    losses = [_pinball(rows["actual"] - rows[column], level) for column, level in _BOUNDS.items()]
    return rows.assign(
        abs_error=error.abs(),
        square_error=error**2,
        smape=(200 * error.abs() / size).where(size > 0, 0.0),
        scaled_abs_error=error.abs() / rows["naive_error"],
        scaled_square_error=(error / rows["naive_error"]) ** 2,
        pinball=sum(losses[1:], start=losses[0]) / len(losses) / rows["naive_error"],
        inside_80=_inside(rows, "80"),
        inside_95=_inside(rows, "95"),
    )


def ratios(backtest: pd.DataFrame, resamples: int = 1000, seed: int = 7, against: str = NAIVE) -> pd.DataFrame:
    """Each model's mean scaled absolute error and pinball loss over those of `against` on the same rows.

    Columns: model, rows, mae_ratio, mae_low, mae_high, pinball_ratio, pinball_low, pinball_high; low and high are the
    2.5 % and 97.5 % points of a bootstrap over series (Efron 1979), for errors within a series are not independent.
    """
    paired = _paired(backtest, against)
    generator = np.random.default_rng(seed)
    table = []
    for model, rows in paired.groupby("model", sort=True):
        entry: dict[str, object] = {"model": model, "rows": len(rows)}
        sums = rows.groupby("series")[["scaled_abs_error", "scaled_abs_error_ref", "pinball", "pinball_ref"]].sum(
            min_count=1
        )
        drawn = generator.integers(0, len(sums), size=(resamples, len(sums)))
        for name, column in (("mae", "scaled_abs_error"), ("pinball", "pinball")):
            own, other = sums[column].to_numpy(), sums[f"{column}_ref"].to_numpy()
            draws = own[drawn].sum(axis=1) / other[drawn].sum(axis=1)
            low, high = np.quantile(draws, [0.025, 0.975])
            entry |= {f"{name}_ratio": own.sum() / other.sum(), f"{name}_low": low, f"{name}_high": high}
        table.append(entry)
    return pd.DataFrame(table)


def series_ratios(backtest: pd.DataFrame, against: str = NAIVE) -> pd.DataFrame:
    """Per model and series: origins, and its mean scaled absolute error over that of `against` on the same rows.

    Where `against` made no error at all the ratio is 1 for a model that made none either and infinite for any other.
    """
    grouped = _paired(backtest, against).groupby(["model", "series"], sort=True)
    table = grouped.agg(
        origins=("origin", "nunique"), own=("scaled_abs_error", "sum"), other=("scaled_abs_error_ref", "sum")
    ).reset_index()
    ratio = np.where(table["other"] > 0, table["own"] / table["other"].replace(0, np.nan), np.inf)
    table["ratio"] = np.where((table["other"] == 0) & (table["own"] == 0), 1.0, ratio)
    return table[["model", "series", "origins", "ratio"]]


@dataclass(frozen=True)
class Promotion:
    """Who may serve, and how much is asked of whoever is to replace Naive.

    `prior_origins` is the weight, in origins, of a model's ratio over all series against its ratio on one; `min_gain`
    the expected gain on Naive below which Naive stays.
    """

    networks: tuple[str, ...]
    baselines: tuple[str, ...]
    prior_origins: float = 20.0
    min_gain: float = 0.01


def promote(validation: pd.DataFrame, rule: Promotion) -> pd.DataFrame:
    """The model that serves each series: columns series, model, ratio, expected_ratio, reason.

    Judged on the rows given, those of validation. A model's expected ratio is its ratio to Naive on the series, shrunk
    towards its ratio over all series by origins / (origins + prior_origins), for the best of several models on a few
    weeks of one series is mostly the luckiest. The lowest expected ratio serves; Naive where none is below 1 -
    min_gain. A network serves only if it beat Naive on the series itself too (ratio < 1), another baseline only if it
    beat Naive by `min_gain` over all series, or the many of them would win by luck. Ties go to the baseline.
    Naive serves a series without an observed validation price; its ratio is NaN.
    """
    ratio = series_ratios(validation)
    overall = ratios(validation, resamples=1).set_index("model")["mae_ratio"]
    weight = ratio["origins"] / (ratio["origins"] + rule.prior_origins)
    ratio["expected_ratio"] = weight * ratio["ratio"] + (1 - weight) * ratio["model"].map(overall)
    ratio["is_network"] = ratio["model"].isin(rule.networks)
    better = ratio["expected_ratio"] < 1 - rule.min_gain
    sound = ratio["model"].isin(rule.baselines) & (ratio["model"].map(overall) < 1 - rule.min_gain)
    may_serve = sound | (ratio["is_network"] & (ratio["ratio"] < 1))
    candidates = ratio[(ratio["model"] == NAIVE) | (better & may_serve)]
    order = ["series", "expected_ratio", "is_network", "model"]
    chosen = candidates.sort_values(order).drop_duplicates("series")
    best = ratio[ratio["is_network"]].sort_values(order).drop_duplicates("series")
    rows = chosen.merge(best, on="series", how="left", suffixes=("", "_network"), validate="one_to_one")
    judged = rows.assign(reason=rows.apply(_reason, axis=1, result_type="reduce"))
    unseen = sorted(set(validation["series"]) - set(judged["series"]))
    default = pd.DataFrame({"series": unseen, "model": NAIVE, "reason": "naive: no price was observed on validation"})
    return pd.concat([judged, default], ignore_index=True)[["series", "model", "ratio", "expected_ratio", "reason"]]


def _reason(row: pd.Series) -> str:
    text = f"{row['model']}: {row['ratio']:.3f} of Naive's error on {row['origins']} validation origins"
    text += f", expected {row['expected_ratio']:.3f}"
    if row["is_network"] or pd.isna(row["ratio_network"]):
        return text
    why = "did not beat Naive" if row["ratio_network"] >= 1 else "is not expected to do enough better"
    beside = f"{row['ratio_network']:.3f}, expected {row['expected_ratio_network']:.3f}"
    return f"{text}; the network {row['model_network']} {why} ({beside})"


def _paired(backtest: pd.DataFrame, against: str) -> pd.DataFrame:
    rows = scored(backtest)[[*KEY, "model", "scaled_abs_error", "pinball"]]
    reference = rows[rows["model"] == against].drop(columns="model")
    return rows.merge(reference, on=KEY, suffixes=("", "_ref"), validate="many_to_one")


def _pinball(excess: pd.Series, level: float) -> pd.Series:
    return (level * excess).where(excess >= 0, (level - 1) * excess)


def _inside(rows: pd.DataFrame, level: str) -> pd.Series:
    inside = rows["actual"].between(rows[f"lower_{level}"], rows[f"upper_{level}"]).astype(float)
    return inside.where(rows[f"lower_{level}"].notna() & rows[f"upper_{level}"].notna())
