"""What was forecast beside what came: a model that does worse than Naive as the dates come in stops serving."""

from __future__ import annotations

import pandas as pd
from pyspark.sql import functions as F

from brazada.prices.results import FORECASTS
from brazada.prices.scoring import NAIVE
from brazada.prices.settings import Judging
from brazada.prices.tables import SERIES
from brazada.report import Job


def still_serving(job: Job, serving: pd.DataFrame, rule: Judging) -> pd.DataFrame:
    """Rows of `prices.serving`, Naive in place of each model that was worse over its last weeks; the reason is noted.

    Only forecasts made since the model was chosen count. One that stopped is not forecast with, so it stays out until
    the series are judged anew. Naive keeps the bounds that were chosen.
    """
    if not job.store.exists(FORECASTS.name):
        return serving
    worse = _live(job, serving, rule)
    worse = worse[(worse["origins"] >= rule.live_origins) & (worse["own"] > worse["naive"])]
    for series, model, origins, own, naive in worse.itertuples(index=False):
        beside = f"its error was {own:.4g}, Naive's {naive:.4g}, at the {origins} last origins whose dates have come"
        job.note(f"{series}: {model} stops serving, {beside}; Naive serves until the next backtest")
    return serving.assign(model=serving["model"].mask(serving["series"].isin(worse["series"]), NAIVE))


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
