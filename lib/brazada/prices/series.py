"""Job: observations to `prices.series`, the mean price of each product on its source's own calendar."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from brazada.prices.settings import Prices, Source
from brazada.prices.sources import slice_of, sources_in
from brazada.prices.tables import OBSERVATIONS, SERIES
from brazada.report import Job

IDENTITY = ("source", "product", "variety", "quality", "unit")
DAYS_PER_STEP = 7


def series(job: Job, source: str | None = None) -> None:
    """Replace the series of a source, or of all sources, by those of its observations.

    Raises TableError or InputError if there are no observations.
    """
    observations = job.store.read(OBSERVATIONS.name).frame
    sources = sources_in(observations, job.settings.of(Prices), source)
    parts = [
        series_of(
            observations.where(F.col("source") == name), settings.calendar, settings.fill_limit, settings.frozen_limit
        )
        for name, settings in sources.items()
    ]
    job.store.replace(SERIES, reduce(DataFrame.unionByName, parts), slice_of(sources))
    _note(job, sources)


def series_of(observations: DataFrame, kind: str, fill_limit: int, frozen_limit: int | None = None) -> DataFrame:
    """One source's observations as series: one row for each of them and each step of the calendar.

    `kind` is `daily` (the source's own trading days) or `weekly` (every 7 days from its first date; dates in between
    count to the week they fall in). A missing price is the last one up to `fill_limit` steps before, else null. Prices
    of a run of more than `frozen_limit` equal published ones are marked as frozen.
    """
    dated = weeks(observations) if kind == "weekly" else observations
    means = dated.groupBy(*IDENTITY, "date").agg(
        steady_mean(F.col("price_per_unit")).alias("mean"),
        F.size(F.collect_set("market")).alias("markets"),
    )
    identities = dated.groupBy(*IDENTITY).agg(F.max("unit_base").alias("unit_base"))
    steps = F.broadcast(weekly_steps(dated) if kind == "weekly" else daily_steps(dated))
    grid = identities.join(steps, how="cross")
    joined = grid.join(means, on=[*IDENTITY, "date"], how="left")
    recent = Window.partitionBy(*IDENTITY).orderBy("step").rowsBetween(-fill_limit, Window.currentRow)
    priced = joined.select(
        _name().alias("series"),
        *IDENTITY,
        *["unit_base", "date", "step"],
        F.last("mean", ignorenulls=True).over(recent).alias("price"),
        F.col("mean").isNotNull().alias("observed"),
        F.coalesce("markets", F.lit(0)).alias("markets"),
    )
    return _with_frozen(priced, frozen_limit)


def _with_frozen(priced: DataFrame, limit: int | None) -> DataFrame:
    """Add `frozen`: whether a price is one of a run of more than `limit` equal published ones, those filled too."""
    if limit is None:
        return priced.withColumn("frozen", F.lit(False))
    so_far = Window.partitionBy(*IDENTITY).orderBy("step").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    published = F.when(F.col("observed"), F.col("price"))
    before = F.last(published, ignorenulls=True).over(so_far.rowsBetween(Window.unboundedPreceding, -1))
    changed = F.col("observed") & ~F.col("price").eqNullSafe(F.col("before"))
    runs = priced.withColumn("before", before).withColumn("run", F.count_if(changed).over(so_far))
    length = F.count_if("observed").over(Window.partitionBy(*IDENTITY, "run"))
    return runs.select(*priced.columns, (F.col("price").isNotNull() & (length > limit)).alias("frozen"))


def daily_steps(observations: DataFrame) -> DataFrame:
    """The distinct dates in order: date, step from 0."""
    dates = observations.select("date").distinct()
    in_order = Window.partitionBy(F.lit(0)).orderBy("date")  # a calendar is small
    return dates.select("date", (F.row_number().over(in_order) - 1).alias("step"))


def weekly_steps(observations: DataFrame) -> DataFrame:
    """Every 7 days from the first date to the last: date, step from 0."""
    span = observations.agg(F.min("date").alias("first"), F.max("date").alias("last"))
    days = F.sequence("first", "last", F.expr(f"INTERVAL {DAYS_PER_STEP} DAYS"))
    return span.select(F.posexplode(days).alias("step", "date")).select("date", "step")


def weeks(observations: DataFrame) -> DataFrame:
    """The observations dated by the first day of their week, weeks counted from the first date."""
    first = F.broadcast(observations.agg(F.min("date").alias("first")))
    late = F.date_diff("date", "first") % DAYS_PER_STEP
    dated = observations.join(first, how="cross").withColumn("date", F.date_sub("date", late))
    return dated.select(*observations.columns)


def steady_mean(values: Column, over: WindowSpec | None = None) -> Column:
    """A mean that does not hang on the order of its rows, so that a job run twice gives the same bits."""
    mean = F.avg(values.cast("decimal(30, 12)"))
    return (mean if over is None else mean.over(over)).cast("double")


def _name() -> Column:
    """`source|product|variety|quality|unit`; only the product may hold the sign, so that no two names are alike."""
    after = [F.regexp_replace(part, r"\|", r"\\|") for part in IDENTITY[2:]]
    return F.concat_ws("|", "source", "product", *after)


def _note(job: Job, sources: dict[str, Source]) -> None:
    written = job.store.read(SERIES.name).frame.where(slice_of(sources)).groupBy("source")
    steps, observed = (F.max("step") + 1).alias("steps"), F.sum(F.col("observed").cast("int")).alias("observed")
    frozen = F.count_distinct(F.when(F.col("frozen"), F.col("series"))).alias("frozen")
    facts = written.agg(F.count_distinct("series").alias("series"), steps, observed, frozen, F.count("*").alias("rows"))
    for row in facts.orderBy("source").collect():
        share = row["observed"] / row["rows"]
        job.note(f"{row['source']}: {row['series']:,} series of {row['steps']:,} steps, {share:.0%} of them observed")
        if row["frozen"]:
            run = f"more than {sources[row['source']].frozen_limit} equal prices on end"
            job.note(f"{row['source']}: {row['frozen']:,} series with {run}, frozen: no model learns from them")
