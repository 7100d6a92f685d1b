"""Job: series to `prices.windows`, the training examples: a window, its targets, its split."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce

from pyspark.sql import Column, DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.prices.calendars import TRAIN, Calendar, calendar, continued
from brazada.prices.features import SMALLEST_SCALE
from brazada.prices.series import steady_mean
from brazada.prices.settings import Prices, Source
from brazada.prices.sources import slice_of, sources_in
from brazada.prices.tables import SERIES, WINDOWS
from brazada.report import Job
from brazada.training.data.sharding import with_shards

MONTHS, ISO_WEEKS = 12.0, 52.18
STATISTICS = ("scale_min", "scale_max", "naive_error", "log_scale", "log_mean", "share_unchanged")


def windows(job: Job, source: str | None = None) -> None:
    """Replace the windows of a source, or of all sources, by those of its series.

    Raises TableError or InputError if there are no series or if a calendar is too short to be split.
    """
    table = job.store.read(SERIES.name).frame
    sources = sources_in(table, job.settings.of(Prices), source)
    parts = []
    for name, settings in sources.items():
        series = table.where(F.col("source") == name)
        dates = [row["date"] for row in series.select("step", "date").distinct().orderBy("step").collect()]
        days = calendar(dates, settings)
        job.note(f"{name}: train to {days.train_until}, validate to {days.validate_until}, test to {dates[-1]}")
        parts.append(windows_of(series, steps(job.spark, days, settings), settings))
    examples = reduce(DataFrame.unionByName, parts)
    sharded = with_shards(examples, ("source", "split"), ("series", "origin"), job.settings.of(Prices).shards)
    job.store.replace(WINDOWS, sharded, slice_of(sources))
    _note(job, sources)


def steps(spark: SparkSession, days: Calendar, source: Source) -> DataFrame:
    """One row per step: its date, its part, and for windows that end there their split and target dates."""
    dates = continued(days.dates, source.calendar, source.horizon)
    rows = [
        (step, date, days.part(step), days.part(step + 1), dates[step + 1 : step + 1 + source.horizon])
        for step, date in enumerate(days.dates)
    ]
    return spark.createDataFrame(rows, "step int, date date, part string, split string, target_dates array<date>")


def windows_of(series: DataFrame, steps: DataFrame, source: Source) -> DataFrame:
    """One source's series as examples, all columns of `prices.windows` but `shard`; for `steps` see there."""
    measured = with_statistics(changes(series, steps))
    # Sparse series move the market too; a series without a price in training cannot be scaled.
    dense = measured.where((F.col("observed_share") >= source.min_observed_share) & F.col("scale_min").isNotNull())
    return with_drift(cut_windows(dense, source), source.horizon).select(
        *["series", "source"],
        F.col("date").alias("origin"),
        *["step", "split", "prices", "observed", "market_change"],
        _network_input().alias("window"),
        *["target", "target_dates"],
        F.flatten(F.transform("target_dates", _season)).alias("target_calendar"),
        *["target_drift", *STATISTICS],
    )


def changes(series: DataFrame, steps: DataFrame) -> DataFrame:
    """Series with their steps, and `change` and `log_change` of the price from the step before, null over a gap."""
    before = F.lag("price").over(Window.partitionBy("series").orderBy("step"))
    return series.join(F.broadcast(steps.drop("date")), on="step", how="inner").select(
        *["series", "source", "date", "price", "observed", "frozen"],
        *[name for name in steps.columns if name != "date"],
        (F.col("price") - before).alias("change"),
        (F.log("price") - F.log(before)).alias("log_change"),
    )


def with_statistics(changes: DataFrame) -> DataFrame:
    """Add the market's mean change, the share of steps observed, and what scaling needs, of the training part alone.

    Frozen prices count for none of these, unless a series has no other ones to be scaled by.
    """
    whole = (Window.unboundedPreceding, Window.unboundedFollowing)
    of_series = Window.partitionBy("series").rowsBetween(*whole)
    of_step = Window.partitionBy("step").rowsBetween(*whole)

    def training(value: Column) -> Column:
        return F.when((F.col("part") == TRAIN) & ~F.col("frozen"), value)

    def level(statistic: Callable[[Column], Column], value: Column) -> Column:
        return F.coalesce(statistic(training(value)), statistic(F.when(F.col("part") == TRAIN, value)))

    change, log_change = training(F.col("change")), training(F.col("log_change"))
    statistics = {
        "scale_min": level(lambda price: F.min(price).over(of_series), F.col("price")),
        "scale_max": level(lambda price: F.max(price).over(of_series), F.col("price")),
        "naive_error": F.coalesce(steady_mean(F.abs(change), of_series), F.lit(0.0)),
        "log_scale": F.coalesce(steady_mean(F.abs(log_change), of_series), F.lit(0.0)),
        "log_mean": level(lambda log: steady_mean(log, of_series), F.log("price")),
        "share_unchanged": F.coalesce(F.avg((change == 0).cast("double")).over(of_series), F.lit(1.0)),
        "observed_share": F.avg(F.col("observed").cast("double")).over(of_series),
    }
    measured = changes.select("*", *[value.alias(name) for name, value in statistics.items()])
    market = F.coalesce(steady_mean(F.when(~F.col("frozen"), F.col("log_change")), of_step), F.lit(0.0))
    return measured.select("*", market.alias("market_change"))


def cut_windows(measured: DataFrame, source: Source) -> DataFrame:
    """Every run of L prices of a series, with the H steps after it; a target of another part than the first is null.

    Frozen prices are no targets, and no training window has any.
    """
    of_series = Window.partitionBy("series").orderBy("step")
    back, ahead = of_series.rowsBetween(1 - source.window, Window.currentRow), of_series.rowsBetween(1, source.horizon)
    target = F.struct(F.when(F.col("observed") & ~F.col("frozen"), F.col("price")).alias("price"), "part")
    touched = F.max("frozen").over(of_series.rowsBetween(1 - source.window, source.horizon))
    cut = measured.select(
        *["series", "source", "date", "step", "split", "target_dates", *STATISTICS],
        *[F.collect_list(name).over(back).alias(name) for name in ("observed", "market_change")],
        F.collect_list("price").over(back).alias("prices"),
        F.collect_list(_season(F.col("date"))).over(back).alias("calendar"),
        F.collect_list(target).over(ahead).alias("ahead"),
        ((F.col("split") == TRAIN) & touched).alias("unfit"),
    )
    # collect_list leaves nulls out: a window over a gap is short
    return cut.where((F.size("prices") == source.window) & ~F.col("unfit")).select(
        *[name for name in cut.columns if name not in {"ahead", "unfit"}],
        F.array(*[_target(step) for step in range(source.horizon)]).alias("target"),
    )


def with_drift(cut: DataFrame, horizon: int) -> DataFrame:
    """Add, per origin and horizon, the median over series of (target - last price) / naive_error; null if none."""
    of_step = Window.partitionBy("step").rowsBetween(Window.unboundedPreceding, Window.unboundedFollowing)
    scale = F.when(F.col("naive_error") > 0, F.col("naive_error"))
    moves = [(F.get("target", F.lit(step)) - F.element_at("prices", -1)) / scale for step in range(horizon)]
    return cut.select("*", F.array(*[F.median(move).over(of_step) for move in moves]).alias("target_drift"))


def _target(step: int) -> Column:
    candidate = F.get("ahead", F.lit(step))
    return F.when(candidate["part"] == F.col("split"), candidate["price"])


def _season(date: Column) -> Column:
    month = F.month(date) * (2 * math.pi / MONTHS)
    week = F.weekofyear(date) * (2 * math.pi / ISO_WEEKS)
    return F.array(F.sin(month), F.cos(month), F.sin(week), F.cos(week))


def _network_input() -> Column:
    """Per step the min-max scaled price and the season, as the published recipe reads them."""
    width = F.col("scale_max") - F.col("scale_min")
    small = F.greatest(F.abs("scale_min") * SMALLEST_SCALE, F.lit(SMALLEST_SCALE))
    scale = F.when(width > 0, width).otherwise(small)
    low = F.col("scale_min")
    steps = F.zip_with("prices", "calendar", lambda price, season: F.concat(F.array((price - low) / scale), season))
    return F.flatten(steps)


def _note(job: Job, sources: dict[str, Source]) -> None:
    written = job.store.read(WINDOWS.name).frame.where(slice_of(sources)).groupBy("source")
    counts = [F.sum((F.col("split") == name).cast("int")).alias(name) for name in ("train", "validate", "test", "live")]
    rows = written.agg(F.count_distinct("series").alias("series"), *counts).orderBy("source").collect()
    if empty := sorted({*sources} - {row["source"] for row in rows}):
        raise InputError(
            f"a series of {empty[0]} with {sources[empty[0]].window} prices on end and enough of its steps observed",
            found="none",
            todo=f"ingest more dates, or lower window or min_observed_share under prices.sources.{empty[0]}",
        )
    for row in rows:
        parts = ", ".join(f"{row[name]:,} {name}" for name in ("train", "validate", "test", "live"))
        job.note(f"{row['source']}: windows of {row['series']:,} series: {parts}")
