"""Positions as readings: each time once, in order, with the differences to the sample before in the drill."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from brazada.swim.parse import POSITION, all_of

GOOD, DUPLICATE, CONFLICT = "good", "duplicate", "conflict"


def judged(positions: DataFrame, partitions: int) -> DataFrame:
    """Positions with their `outcome`, and for the good ones `dx_m` and `dt_s`, in one shuffle and one sort.

    Of rows with the same tag, drill and time one is good: one of the table (`kept`) before new ones, then the least
    position, so that the order of the input has no part in it. Its position again is a duplicate, another a conflict.
    No difference crosses tags or drills (those of the thesis do).
    """
    # A number first: strings that begin alike, as tags do, would be compared in full at every step of the sort.
    shuffled = positions.withColumn("hash", F.xxhash64("tag", "drill")).repartition(partitions, "hash")
    in_time = ["hash", "tag", "drill", "millis"]
    # The good one comes last of its time, where the rows of the next time find it as the last of those before them.
    good_last = [F.asc("kept"), *[F.desc(name) for name in POSITION], F.desc("file_id")]
    sorted_rows = shuffled.sortWithinPartitions(*in_time, *good_last)
    drill = Window.partitionBy("hash", "tag", "drill").orderBy("millis")
    before = drill.rangeBetween(Window.unboundedPreceding, -1)
    same_place = all_of(F.lead(name).over(drill) == F.col(name) for name in POSITION)
    last_of_its_time = F.coalesce(F.lead("millis").over(drill) != F.col("millis"), F.lit(True))
    return sorted_rows.select(
        *positions.columns,
        F.when(last_of_its_time, GOOD).when(same_place, DUPLICATE).otherwise(CONFLICT).alias("outcome"),
        F.coalesce(F.abs(F.col("x_m") - F.last("x_m").over(before)), F.lit(0.0)).alias("dx_m"),
        F.coalesce((F.col("millis") - F.last("millis").over(before)) / 1000.0, F.lit(0.0)).alias("dt_s"),
    )


def speed(dx_m: str = "dx_m", dt_s: str = "dt_s") -> Column:
    """Speed of a reading in m/s, as published: dx / dt, 0 where no time passed."""
    return F.when(F.col(dt_s) > 0, F.col(dx_m) / F.col(dt_s)).otherwise(0.0)


def acceleration(dx_m: str = "dx_m", dt_s: str = "dt_s") -> Column:
    """Acceleration of a reading in m/s^2, as published: dx / dt^2 (no change of speed), 0 where no time passed."""
    return F.when(F.col(dt_s) > 0, F.col(dx_m) / (F.col(dt_s) * F.col(dt_s))).otherwise(0.0)
