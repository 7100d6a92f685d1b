"""Groups of rows that are never parted (a swimmer, a recording), dealt out to folds and splits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.report import Job
    from brazada.tables import Table

FOLDS = 10
_VALIDATE, _TEST = (1,), (2, 6)  # three groups are enough for one in each split


def with_folds(job: Job, table: Table, rows: DataFrame, group: str) -> DataFrame:
    """Add `fold` (0 to 9) and `split` to rows that are to be appended to a table.

    A group that the table has keeps its fold; new ones are dealt out in the order of a hash of their name, behind those
    that are there, so that folds never differ by more than one group, and a job that is run again deals as before. One
    fold in ten is for validation, two are for the test.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    known = job.store.read(table.name).frame.groupBy(group).agg(F.first("fold").alias("fold"))
    count = known.count()
    new = rows.select(group).distinct().join(known, on=group, how="left_anti")
    place = F.row_number().over(Window.orderBy(F.xxhash64(group), group)) - 1  # groups are few: one task
    folds = known.unionByName(new.withColumn("fold", F.pmod(place + count, F.lit(FOLDS)).cast("int")))
    fold = F.col("fold")
    split = F.when(fold.isin(*_VALIDATE), "validate").when(fold.isin(*_TEST), "test").otherwise("train")
    return rows.join(F.broadcast(folds), on=group, how="inner").withColumn("split", split)
