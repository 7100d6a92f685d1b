"""What was forecast beside what came: a model that does worse than Naive as the dates come in stops serving."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
from pyspark.sql import functions as F

from brazada.prices.calendars import VALIDATE
from brazada.prices.intervals import CONFORMAL, empirical_offsets
from brazada.prices.results import BACKTEST, FORECASTS, SERVING
from brazada.prices.scoring import NAIVE
from brazada.prices.settings import Judging
from brazada.prices.tables import SERIES
from brazada.report import Job


def stop_serving(job: Job, source: str, rule: Judging) -> None:
    """Put Naive into `prices.serving` in place of each model of a source that was worse over its last weeks.

    Only forecasts made since the model was chosen count. Naive serves, with bounds from its own errors on validation,
    until the next backtest; the row's reason says what served before and why it stopped.
    """
    if not job.store.exists(FORECASTS.name):
        return
    serving = job.store.read(SERVING.name).frame.where(F.col("source") == source).toPandas()
    worse = _live(job, serving, rule)
    worse = worse[(worse["origins"] >= rule.live_origins) & (worse["own"] > worse["naive"])]
    if worse.empty:
        return
    stopped = serving.merge(worse, on=["series", "model"])
    stopped["reason"] = [
        f"{model} stops serving, its error was {own:.4g}, Naive's {naive:.4g}, at the {origins} last origins whose"
        " dates have come; Naive serves until the next backtest"
        for model, origins, own, naive in stopped[["model", "origins", "own", "naive"]].itertuples(index=False)
    ]
    for series, reason in stopped[["series", "reason"]].itertuples(index=False):
        job.note(f"{series}: {reason}")
    naive = {"model": NAIVE, "bounds": CONFORMAL, "calibration": _bounds_of_naive(job, source)}
    rows = stopped.assign(**naive, ratio=1.0, expected_ratio=1.0, run=None)[SERVING.columns.names]
    job.store.merge(SERVING, list(rows.itertuples(index=False, name=None)))


def _bounds_of_naive(job: Job, source: str) -> str:
    """Naive's bounds from its errors at the validation origins of the backtest, as `prices.serving` has them."""
    judged = job.store.read(BACKTEST.name).frame.where(
        (F.col("source") == source) & (F.col("model") == NAIVE) & (F.col("split") == VALIDATE)
    )
    error = ((F.col("actual") - F.col("forecast")) / F.col("naive_error")).alias("error")
    rows = judged.select("series", "origin", "horizon", error).toPandas()
    errors = rows.pivot(index=["series", "origin"], columns="horizon", values="error").to_numpy(np.float64)
    return json.dumps({"offsets": empirical_offsets(errors, np.zeros_like(errors)).tolist()})


def _live(job: Job, serving: pd.DataFrame, rule: Judging) -> pd.DataFrame:
    """Columns series, model, origins, own, naive: mean absolute errors over the last weeks of each series served."""
    known = serving.loc[serving["model"] != NAIVE, ["series", "model", "data_version"]]
    rows = list(known.astype({"data_version": int}).itertuples(index=False, name=None))
    chosen = job.spark.createDataFrame(rows, "series string, model string, since long")
    made = job.store.read(FORECASTS.name).frame.join(chosen, ["series", "model"], how="inner")
    came = (
        job.store.read(SERIES.name)
        .frame.where("observed AND NOT frozen")
        .select("series", F.col("date").alias("target_date"), "price")
    )
    both = made.where("data_version >= since").join(came, ["series", "target_date"], how="inner")
    last = both.groupBy("series").agg(F.max("target_date").alias("last"))
    recent = both.join(last, "series", how="inner").where(F.datediff("last", "target_date") < 7 * rule.live_weeks)
    return (
        recent.groupBy("series", "model")
        .agg(
            F.countDistinct("origin").alias("origins"),
            F.avg(F.abs(F.col("forecast") - F.col("price"))).alias("own"),
            F.avg(F.abs(F.col("last_price") - F.col("price"))).alias("naive"),
        )
        .orderBy("series")
        .toPandas()
    )
