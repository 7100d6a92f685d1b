"""Job: every model judged at past origins, and the one chosen that serves each series."""

from __future__ import annotations

import json
from collections.abc import Mapping

import numpy as np
import pandas as pd
from pyspark.sql import DataFrame

from brazada.errors import InputError
from brazada.prices.baselines import BASELINES
from brazada.prices.calendars import TEST, VALIDATE
from brazada.prices.features import Doubles, change_scale, prices_from_changes
from brazada.prices.intervals import Bounds, apply_bounds, choose_bounds
from brazada.prices.model_forecasts import COMBINATION, Candidate, model_forecasts, quantiles_of
from brazada.prices.origins import ForecastRequest, forecast_request
from brazada.prices.results import BACKTEST, SCORES, SERVED, SERVING
from brazada.prices.scoring import NAIVE, Promotion, metrics, promote, ratios
from brazada.prices.settings import Prices
from brazada.prices.sources import slice_of, sources_in
from brazada.prices.tables import WINDOWS
from brazada.prices.tasks import GLOBAL, LOCAL_NETWORKS
from brazada.report import Job
from brazada.tables import Table

_BOUNDS = ("lower_95", "lower_80", "forecast", "upper_80", "upper_95")  # in the order of QUANTILES


def backtest(job: Job, source: str | None = None) -> None:
    """Replace `prices.backtest`, `prices.scores` and `prices.serving` of a source, or of all sources.

    Models are compared at every validation and test origin. Who serves is decided on validation alone; the test part
    then tells what that is worth, as the model `served`. Raises InputError where a part has no windows.
    """
    windows = job.store.read(WINDOWS.name)
    for name in sources_in(windows.frame, job.settings.of(Prices), source):
        request = forecast_request(windows, name, VALIDATE, TEST)
        if absent := {VALIDATE, TEST} - set(request.at.keys["split"]):
            raise InputError(
                f"{name} windows of the validation and the test part",
                found=f"none of {' and '.join(sorted(absent))}",
                todo="ingest more dates, or set train_until and validate_until",
            )
        _judge(job, request, model_forecasts(job, request))


def _judge(job: Job, request: ForecastRequest, found: Mapping[str, Candidate]) -> None:
    trust = job.settings.of(Prices).judging.bounds_trust
    parts = []
    for name, model in found.items():
        own = {} if model.quantiles is None else {name: model.quantiles}
        source, bounds = _bounds(request, model.points, own, trust)
        parts.append(backtest_rows(request, name, model, apply_bounds(bounds, model.points, own.get(source))))
    rows = pd.concat(parts, ignore_index=True)
    serving = _serving(job, rows[rows["split"] == VALIDATE], found)
    calibrated = {
        name: _bounds(request, found[name].points, quantiles_of(found), trust) for name in sorted(set(serving["model"]))
    }
    rows = pd.concat([rows, _served(request, found, serving, calibrated)], ignore_index=True)
    _write(job, request, rows, _completed(serving, found, calibrated))


def _bounds(
    request: ForecastRequest, points: Doubles, sources: Mapping[str, Doubles], trust: float
) -> tuple[str, Bounds]:
    """Bounds around points with the least pinball loss on validation: conformal, or the quantiles of a source."""
    known = request.at.rows(VALIDATE)
    kept = np.flatnonzero(np.isfinite(points[known]).all(axis=1))
    quantiles = {name: values[known][kept] for name, values in sources.items()}
    return choose_bounds(request.at.changes[known][kept], points[known][kept], quantiles, trust)


def backtest_rows(request: ForecastRequest, name: str, model: Candidate, quantiles: Doubles) -> pd.DataFrame:
    """A model's forecasts with their bounds, one row per origin and horizon; where it has none there is no row."""
    count, horizon = model.points.shape
    keys = request.at.keys.loc[np.repeat(np.arange(count), horizon), ["series", "origin", "split"]].reset_index(
        drop=True
    )
    rows = keys.assign(
        horizon=np.tile(np.arange(1, horizon + 1), count),
        target_date=np.concatenate(request.at.keys["target_dates"].to_list()),
        model=name,
        run=model.run,
        actual=np.asarray(request.at.batch["target"], np.float64).ravel(),
        naive_error=np.repeat(change_scale(request.at.batch)[:, 0], horizon),
    )
    priced = prices_from_changes(quantiles, request.at.batch).reshape(-1, len(_BOUNDS))
    rows[list(_BOUNDS)] = priced
    rows["observed"] = rows["actual"].notna()
    rows["scaled_error"] = (rows["forecast"] - rows["actual"]).abs() / rows["naive_error"]
    return rows[rows["forecast"].notna()]


def _serving(job: Job, validation: pd.DataFrame, found: Mapping[str, Candidate]) -> pd.DataFrame:
    judging = job.settings.of(Prices).judging
    rule = Promotion(
        networks=tuple(name for name in (GLOBAL, COMBINATION, *LOCAL_NETWORKS) if name in found),
        baselines=tuple(name for name in BASELINES if name in found),
        prior_origins=judging.prior_origins,
        min_gain=judging.min_gain,
    )
    serving = promote(validation, rule)
    counts = serving["model"].value_counts()
    job.note("served by " + ", ".join(f"{name}: {count}" for name, count in counts.items()))
    return serving


def _served(
    request: ForecastRequest,
    found: Mapping[str, Candidate],
    serving: pd.DataFrame,
    calibrated: Mapping[str, tuple[str, Bounds]],
) -> pd.DataFrame:
    """Rows of the model `served` at the test origins: each series by its own model, with that one's bounds."""
    quantiles = quantiles_of(found)
    parts = []
    for name, (source, bounds) in calibrated.items():
        spread = apply_bounds(bounds, found[name].points, quantiles.get(source))
        series = serving.loc[serving["model"] == name, "series"]
        rows = backtest_rows(request, SERVED, found[name], spread)
        parts.append(rows[rows["series"].isin(series) & (rows["split"] == TEST)])
    return pd.concat(parts, ignore_index=True)


def _completed(
    serving: pd.DataFrame, found: Mapping[str, Candidate], calibrated: Mapping[str, tuple[str, Bounds]]
) -> pd.DataFrame:
    said = {
        name: json.dumps(
            {key: np.asarray(values).tolist() for key, values in vars(bounds).items() if values is not None}
        )
        for name, (_, bounds) in calibrated.items()
    }
    return serving.assign(
        bounds=serving["model"].map({name: source for name, (source, _) in calibrated.items()}),
        calibration=serving["model"].map(said),
        run=serving["model"].map({name: model.run for name, model in found.items()}),
    )


def written(job: Job, table: Table, request: ForecastRequest, rows: pd.DataFrame) -> DataFrame:
    """Rows in the columns of a table, NaN (a number to Spark) as null."""
    whole = rows.assign(source=request.source, data_version=request.windows.version)[table.columns.names]
    return job.spark.createDataFrame(whole.astype(object).where(whole.notna(), None), table.columns)


def _write(job: Job, request: ForecastRequest, rows: pd.DataFrame, serving: pd.DataFrame) -> None:
    judging, seed = job.settings.of(Prices).judging, job.settings.training.seed
    scores = []
    for split, part in rows.groupby("split"):
        compared = ratios(part, judging.bootstrap, seed).drop(columns="rows")
        scores.append(metrics(part).merge(compared, on="model").assign(split=split))
    for table, frame in ((BACKTEST, rows), (SERVING, serving), (SCORES, pd.concat(scores))):
        job.store.replace(table, written(job, table, request, frame), slice_of([request.source]))
    test = pd.concat(scores).query("split == @TEST").set_index("model")
    served, naive = test.loc[SERVED], test.loc[NAIVE]
    job.note(
        f"{request.source} test: served MASE {served['mase']:.3f}, Naive {naive['mase']:.3f}; MAE ratio"
        f" {served['mae_ratio']:.3f} [{served['mae_low']:.3f}, {served['mae_high']:.3f}], pinball ratio"
        f" {served['pinball_ratio']:.3f}, inside the 80 % band {served['coverage_80']:.1%}"
    )
