"""What a network must beat: statistical forecasts per series, and gradient-boosted trees over all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from brazada.errors import InputError
from brazada.prices.features import MEDIAN, QUANTILES, Batch, Doubles, around_median, global_inputs, training_targets
from brazada.prices.scoring import NAIVE

TREES = "lightgbm"
BASELINES = (NAIVE, "seasonal_naive", "ses", "theta", "dynamic_theta", "auto_ets", TREES)


@dataclass(frozen=True)
class Statistical:
    """Rolling origins: every calendar step from `first_step` to the last; `season` in steps, 1 for none.

    SES and both naive models are fitted anew at every origin; Theta, dynamic Theta and AutoETS at every `refit`-th, in
    between their fitted parameters run on over the new prices.
    """

    horizon: int
    first_step: int
    season: int = 1
    refit: int = 8


def statistical_forecasts(prices: pd.DataFrame, plan: Statistical) -> pd.DataFrame:
    """Forecasts of the statistical models at every origin and horizon, also for dates past the last price.

    `prices` has the columns series, step (calendar index, without gaps within a series), date and price (gaps filled).
    The result has series, origin (date of the last price used), horizon (1 to H), model and forecast (price). A series
    without a price before `first_step` has none. A model that fails on a series (too short, constant) gives way to
    Naive there. Raises InputError where a series' steps have gaps or the series do not end at the same step.
    """
    # statsforecast compiles and loads slowly: only the tasks that forecast pay for it
    from statsforecast import StatsForecast
    from statsforecast.models import (
        AutoETS,
        DynamicOptimizedTheta,
        Naive,
        SeasonalNaive,
        SimpleExponentialSmoothingOptimized,
        Theta,
    )

    starts = prices.groupby("series")["step"].transform("min")
    frame = prices[starts < plan.first_step].sort_values(["series", "step"])
    if frame.empty:
        return pd.DataFrame(columns=["series", "origin", "horizon", "model", "forecast"])
    last = _last_step(frame)
    seasonal = [SeasonalNaive(plan.season, alias="seasonal_naive")] if plan.season > 1 else []
    every = [Naive(alias="naive"), SimpleExponentialSmoothingOptimized(alias="ses"), *seasonal]
    some = [Theta(alias="theta"), DynamicOptimizedTheta(alias="dynamic_theta"), AutoETS(alias="auto_ets")]
    parts = []
    for models, refit in ((every, 1), (some, plan.refit)):
        runner = StatsForecast(models=models, freq=1, n_jobs=1, fallback_model=Naive())
        table = runner.cross_validation(
            h=plan.horizon,
            df=_padded(frame, last, plan.horizon),
            test_size=last - plan.first_step + plan.horizon,
            refit=refit if refit > 1 else True,
        )
        names = [str(model) for model in models]
        parts.append(table.melt(["unique_id", "ds", "cutoff"], names, var_name="model", value_name="forecast"))
    return _named(pd.concat(parts, ignore_index=True), frame)


@dataclass(frozen=True)
class Trees:
    """Pooled LightGBM: one model per horizon and quantile, on scaled changes, so that all series share them."""

    rounds: int = 60
    learning_rate: float = 0.03
    leaves: int = 15
    rows_per_leaf: int = 100
    feature_share: float = 0.5
    row_share: float = 0.7
    l2: float = 5.0
    threads: int = 1
    seed: int = 7


def train_trees(batch: Batch, plan: Trees) -> dict[str, str]:
    """One LightGBM model per horizon and quantile as text, by names as "h3_q0.9".

    Rows without the target are left out. The median learns scaled changes less the market's (L1), the outer quantiles
    the whole change, market's included.
    """
    import lightgbm

    inputs, targets = global_inputs(batch)["statics"], training_targets(batch)
    models = {}
    for horizon, place, name in _tree_names(targets.shape[1]):
        target, known = targets[:, horizon, 0 if place == MEDIAN else 1], targets[:, horizon, 2] > 0
        if not known.any():
            raise InputError(
                f"observed targets at horizon {horizon + 1}",
                found="none",
                todo="check the split or shorten the horizon",
            )
        data = lightgbm.Dataset(inputs[known], target[known])
        models[name] = lightgbm.train(_tree_parameters(plan, place), data, plan.rounds).model_to_string()
    return models


def tree_forecasts(models: Mapping[str, str], batch: Batch) -> Doubles:
    """Scaled changes forecast by `train_trees`'s models, (n, H, 5), in the order of QUANTILES, never crossing."""
    import lightgbm

    inputs, horizons = global_inputs(batch)["statics"], len(models) // len(QUANTILES)
    forecasts = np.empty((len(inputs), horizons, len(QUANTILES)))
    for horizon, place, name in _tree_names(horizons):
        booster = lightgbm.Booster(model_str=models[name])
        forecasts[:, horizon, place] = booster.predict(inputs, num_threads=1)
    return around_median(forecasts)


def _tree_names(horizons: int) -> Iterator[tuple[int, int, str]]:
    for horizon in range(horizons):
        for place, quantile in enumerate(QUANTILES):
            yield horizon, place, f"h{horizon + 1}_q{quantile}"


def _tree_parameters(plan: Trees, place: int) -> dict[str, object]:
    aim = {"objective": "l1"} if place == MEDIAN else {"objective": "quantile", "alpha": QUANTILES[place]}
    return aim | {
        "learning_rate": plan.learning_rate,
        "num_leaves": plan.leaves,
        "min_data_in_leaf": plan.rows_per_leaf,
        "feature_fraction": plan.feature_share,
        "bagging_fraction": plan.row_share,
        "bagging_freq": 1,
        "lambda_l2": plan.l2,
        "num_threads": plan.threads,
        "seed": plan.seed,
        "deterministic": True,
        "verbose": -1,
    }


def _last_step(frame: pd.DataFrame) -> int:
    ends = frame.groupby("series")["step"].agg(["min", "max", "count"])
    broken = ends[(ends["max"] - ends["min"] + 1 != ends["count"]) | (ends["max"] != ends["max"].max())]
    if len(broken):
        raise InputError(
            "every series to have one price per step up to the same last step",
            found=f"{len(broken)} series with gaps or another end, as {broken.index[0]!r}",
            todo="fill the gaps before forecasting",
        )
    return int(ends["max"].max())


def _padded(frame: pd.DataFrame, last: int, horizon: int) -> pd.DataFrame:
    """The prices as statsforecast wants them, plus `horizon` steps never read, so that the last price is an origin."""
    prices = frame[["series", "step", "price"]].set_axis(["unique_id", "ds", "y"], axis=1)
    future = [prices[prices["ds"] == last].assign(ds=last + ahead) for ahead in range(1, horizon + 1)]
    return pd.concat([prices, *future], ignore_index=True).sort_values(["unique_id", "ds"], ignore_index=True)


def _named(table: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    dates = frame.drop_duplicates("step").set_index("step")["date"]
    naive = table[table["model"] == "naive"].set_index(["unique_id", "ds", "cutoff"])["forecast"]
    keys = pd.MultiIndex.from_frame(table[["unique_id", "ds", "cutoff"]])
    forecast = table["forecast"].fillna(pd.Series(naive.reindex(keys).to_numpy(), index=table.index))
    return pd.DataFrame(
        {
            "series": table["unique_id"],
            "origin": table["cutoff"].map(dates),
            "horizon": (table["ds"] - table["cutoff"]).astype("int32"),
            "model": table["model"],
            "forecast": forecast.astype("float64"),
        }
    )
