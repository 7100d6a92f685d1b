"""Prices that differ between files: which one stands is for `on_conflict` of the source, and the others are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.ingest.files import InputFile
from brazada.ingest.known import DUPLICATE, GOOD, batches_in
from brazada.prices.settings import OnConflict, Prices
from brazada.prices.tables import CONFLICTS, OBSERVATIONS
from brazada.report import Job
from brazada.tables import literal

_KEY = [*OBSERVATIONS.key]


def rules_of(settings: Prices) -> dict[str, OnConflict]:
    """`on_conflict` by source."""
    return {name: source.on_conflict for name, source in settings.sources.items()}


def with_older(job: Job, rows: DataFrame, batches: Mapping[str, str]) -> DataFrame:
    """Rows of files, whose `batches` are by path, with `older`: whether one gave way before where the last one stands.

    So a file that is judged again does not come after those that replaced its prices.
    """
    last = [name for name, rule in rules_of(job.settings.of(Prices)).items() if rule == "keep_last"]
    if not last or not job.store.exists(CONFLICTS.name):
        return rows.withColumn("older", F.lit(False))
    named = job.spark.createDataFrame([*batches.items()], "file string, batch string")
    gave = job.store.read(CONFLICTS.name).frame.where(F.col("source").isin(last)).select(*_KEY, "batch")
    gave = gave.join(F.broadcast(named), on="batch", how="inner").drop("batch").withColumn("gave", F.lit(True))
    both = rows.join(F.broadcast(gave), on=["file", *_KEY], how="left")
    return both.select(*rows.columns, F.coalesce("gave", F.lit(False)).alias("older"))


def write_good(job: Job, judged: DataFrame, files: Sequence[InputFile]) -> None:
    """Put the good ones of judged rows (with their batch) into `prices.observations`, for what it has of these files.

    Rows of other files that they replace go in the same commit. What gave way is in `prices.conflicts` before that.
    """
    rules = {*rules_of(job.settings.of(Prices)).values()}
    good, ours = judged.where(F.col("outcome") == GOOD), batches_in(files)
    if rules == {"quarantine"} and not job.store.exists(CONFLICTS.name):
        job.store.replace(OBSERVATIONS, good, ours)
        return
    table = job.store.read(OBSERVATIONS.name).frame
    gave = table.where(f"NOT {ours}").join(good.select(_KEY), on=_KEY, how="left_semi").persist()
    try:
        touched = sorted(row["batch"] for row in gave.select("batch").distinct().collect())
        late = judged.where((F.col("outcome") == DUPLICATE) & F.col("reason").isNotNull())
        job.store.replace(CONFLICTS, late.dropDuplicates([*CONFLICTS.key]), ours)
        job.store.merge(CONFLICTS, gave)
        of_others = f"batch IN ({', '.join(map(literal, touched)) or 'NULL'})"
        standing = table.where(of_others).join(gave.select(_KEY), on=_KEY, how="left_anti")
        rows = good.select(OBSERVATIONS.columns.names).unionByName(standing)
        job.store.replace(OBSERVATIONS, rows, f"({ours} OR {of_others})" if touched else ours)
        if count := gave.count():
            job.note(f"{count} prices of {len(touched)} other files were replaced, see prices.corrections")
    finally:
        gave.unpersist()
