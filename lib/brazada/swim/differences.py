"""Samples as readings: each time once, in order, with the differences to the sample before in the drill."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame, Observation, Window
from pyspark.sql import functions as F

from brazada.swim.parse import POSITION


def readings(samples: DataFrame, added_in: int, partitions: int, conflicts: Observation | None = None) -> DataFrame:
    """Rows of `swim.readings` from samples: SAMPLE, `file_id` and `kept`, whether the table has it already.

    They come by tag, drill and time, in so many partitions, with `dx_m` and `dt_s`. Of samples with the same tag, drill
    and time one is good: one of the table before new ones, then the one at the least position, so that the order of the
    input has no part in it. The same again is a duplicate; `conflicts` counts those at other positions. No difference
    crosses tags or drills (those of the thesis do).
    """
    in_order = Window.partitionBy("tag", "drill").orderBy("millis", F.desc("kept"), *POSITION, "file_id")
    # The latest time before, and of its positions the good one, which has come first: every one after it is greater.
    spot = [F.col("kept").cast("int").alias("kept"), *[(-F.col(name)).alias(name) for name in POSITION]]
    before = F.max(F.struct("millis", *spot)).over(in_order.rowsBetween(Window.unboundedPreceding, -1))
    ordered = samples.repartition(partitions, "tag", "drill").select("*", before.alias("before"))
    again = F.col("millis") == F.col("before.millis")
    if conflicts is not None:
        moved = reduce(lambda a, b: a | b, [F.col(name) != -F.col(f"before.{name}") for name in POSITION])
        ordered = ordered.observe(conflicts, F.count_if(again & moved).alias("conflicts"))
    good = ordered.where(F.col("before").isNull() | ~again)
    return good.select(
        *["tag", "drill"],
        F.timestamp_millis("millis").alias("ts"),
        *POSITION,
        F.coalesce(F.abs(F.col("x_m") + F.col("before.x_m")), F.lit(0.0)).alias("dx_m"),
        F.coalesce((F.col("millis") - F.col("before.millis")) / 1000, F.lit(0.0)).alias("dt_s"),
        "file_id",
        F.lit(added_in).alias("added_in"),
    )


def speed(dx_m: str = "dx_m", dt_s: str = "dt_s") -> Column:
    """Speed of a reading in m/s, as published: dx / dt, 0 where no time passed."""
    return F.when(F.col(dt_s) > 0, F.col(dx_m) / F.col(dt_s)).otherwise(0.0)


def acceleration(dx_m: str = "dx_m", dt_s: str = "dt_s") -> Column:
    """Acceleration of a reading in m/s^2, as published: dx / dt^2 (no change of speed), 0 where no time passed."""
    return F.when(F.col(dt_s) > 0, F.col(dx_m) / (F.col(dt_s) * F.col(dt_s))).otherwise(0.0)
