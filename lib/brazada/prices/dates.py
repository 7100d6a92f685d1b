"""Dates that stand alone: a misprinted year puts a handful of rows far from all others of their source."""

from __future__ import annotations

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from brazada.prices.settings import Prices


def suspect_far(rows: DataFrame, known: DataFrame, settings: Prices) -> DataFrame:
    """The rows of `prices.files.rows`, with a `reason` for sound ones that only a handful share so far a stretch with.

    A stretch is a source's dates, of these and the `known` rows, without a gap of more than `far_days`. One of up to
    `far_rows` rows is suspect where the source has a longer one.
    """
    dates = rows.where(F.col("reason").isNull()).select("source", "date").unionByName(known.select("source", "date"))
    counted = dates.groupBy("source", "date").agg(F.count("*").alias("rows"))
    before = F.lag("date").over(Window.partitionBy("source").orderBy("date"))
    starts = counted.withColumn("starts", F.coalesce(F.date_diff("date", before) > settings.far_days, F.lit(False)))
    so_far = Window.partitionBy("source").orderBy("date").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    stretches = starts.withColumn("stretch", F.sum(F.col("starts").cast("int")).over(so_far))
    sizes = stretches.withColumn("size", F.sum("rows").over(Window.partitionBy("source", "stretch")))
    longest = sizes.withColumn("longest", F.max("size").over(Window.partitionBy("source")))
    far = longest.where((F.col("size") <= settings.far_rows) & (F.col("longest") > settings.far_rows))
    marked = rows.join(F.broadcast(far.select("source", "date", "size")), on=["source", "date"], how="left")
    text = F.concat(
        F.lit("suspect date "), F.col("date").cast("string"), F.lit(f": more than {settings.far_days} days from others")
    )
    reason = F.coalesce("reason", F.when(F.col("size").isNotNull(), text)).alias("reason")
    return marked.select(*[name if name != "reason" else reason for name in rows.columns])
