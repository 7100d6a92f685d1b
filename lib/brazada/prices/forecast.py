"""Job: a forecast of every series by the model that serves it, with bounds, into `prices.forecasts`."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from brazada.prices.backtest import backtest_rows, written
from brazada.prices.calendars import LIVE
from brazada.prices.intervals import CONFORMAL, Bounds, apply_bounds
from brazada.prices.live import stop_serving
from brazada.prices.model_forecasts import Candidate, model_forecasts, quantiles_of
from brazada.prices.origins import ForecastRequest, forecast_request
from brazada.prices.results import BACKTEST, FORECASTS, SERVED, SERVING
from brazada.prices.settings import Prices
from brazada.prices.sources import slice_of, sources_in
from brazada.prices.tables import SERIES, WINDOWS
from brazada.prices.tasks import GLOBAL
from brazada.report import Job


def forecast(job: Job, source: str | None = None) -> None:
    """Replace the forecasts made at the newest date of a source, or of each source, by those of `prices.serving`.

    The models are those that the backtest judged, whatever the windows got since, but for those that were worse than
    Naive on the prices that came: in `prices.serving` Naive takes their place. A series without a whole window at
    the newest date has no forecast. Raises `ModelError` where the windows are not as those that a network learned from.
    """
    windows = job.store.read(WINDOWS.name)
    for name in sources_in(job.store.read(SERVING.name).frame, job.settings.of(Prices), source):
        request = forecast_request(windows, name, LIVE)
        stop_serving(job, name, job.settings.of(Prices).judging)
        chosen = job.store.read(SERVING.name).frame.where(F.col("source") == name).toPandas()
        rows = forecasts(job, request, chosen[chosen["series"].isin(request.at.keys["series"])])
        job.note(f"{name}: {rows['series'].nunique()} of {len(chosen)} series forecast from {rows['origin'].max()}")
        if stuck := rows.loc[rows["frozen"], "series"].nunique():
            job.note(f"{name}: {stuck} of them from a frozen price (column frozen); check whether its feed is stuck")
        where = f"{slice_of([name])} AND origin = DATE'{rows['origin'].max()}'"
        job.store.replace(FORECASTS, written(job, FORECASTS, request, rows), where)


def forecasts(job: Job, request: ForecastRequest, serving: pd.DataFrame) -> pd.DataFrame:
    """The columns of `prices.forecasts` at the origins request for, each series by the model that `serving` names."""
    wanted = {*serving["model"], *serving["bounds"]} - {CONFORMAL}
    found = model_forecasts(job, request, wanted, _judged(job, request))
    parts = []
    for key, rows in serving.groupby(["model", "bounds", "calibration"]):
        name, source, calibration = map(str, key)
        said = {key: np.asarray(values) for key, values in json.loads(calibration).items()}
        quantiles = apply_bounds(Bounds(**said), found[name].points, quantiles_of(found).get(source))
        made = backtest_rows(request, name, found[name], quantiles)
        parts.append(made[made["series"].isin(rows["series"])].assign(bounds=source))
    made = pd.concat(parts, ignore_index=True)
    known = job.store.read(SERIES.name).frame.where(F.col("source") == request.source)
    until = known.where(F.col("date") <= request.at.keys["origin"].max()).groupBy("series", "product", "unit_base")
    named = until.agg(F.max_by("frozen", "step").alias("frozen")).toPandas()
    last = request.at.keys[["series"]].assign(last_price=request.at.last[:, 0])
    looked = _attention(request, found)
    return made.merge(named, on="series").merge(last, on="series").merge(looked, on=["series", "model"], how="left")


def _judged(job: Job, request: ForecastRequest) -> dict[str, str]:
    """The runs of the networks that the backtest of the source judged, by model; what they learned from is noted."""
    judged = job.store.read(BACKTEST.name).frame.where((F.col("source") == request.source) & F.col("run").isNotNull())
    rows = judged.where(F.col("model") != SERVED).select("model", "run", "data_version").distinct().collect()
    if older := {row["data_version"] for row in rows} - {request.windows.version}:
        learned = ", ".join(f"v{version}" for version in sorted(older))
        job.note(
            f"{request.source}: networks learned from {request.windows.table} {learned}, now v{request.windows.version}"
        )
    return {row["model"]: row["run"] for row in rows}


def _attention(request: ForecastRequest, found: dict[str, Candidate]) -> pd.DataFrame:
    """The steps that the global network looked at, per series: columns series, model, attention."""
    from brazada.prices.networks import attention_weights

    model = found[GLOBAL].network if GLOBAL in found else None
    if model is None:
        return pd.DataFrame({"series": [], "model": [], "attention": []}, dtype=object)
    weights = attention_weights(model.keras(), model.task.decode(request.at.batch, model.task.spec)[0])
    return pd.DataFrame({"series": request.at.keys["series"], "model": GLOBAL, "attention": list(weights.tolist())})
