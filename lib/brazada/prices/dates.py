"""Dates that stand alone: a misprinted year puts a handful of rows far from all others of their source."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from itertools import groupby

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.ingest.known import DUPLICATE, GOOD, QUARANTINED
from brazada.prices.settings import Prices


def suspect_far(judged: DataFrame, known: DataFrame, settings: Prices) -> DataFrame:
    """Rows of `classify_rows`, of which sound ones that only a handful share so far a stretch with are not.

    A stretch is a source's dates, of these and the `known` rows, without a gap of more than `far_days`. One of up to
    `far_rows` rows is suspect where the source has a longer one.
    """
    if not settings.far_rows:
        return judged
    sound = F.col("outcome").isin(GOOD, DUPLICATE)
    dates = judged.where(sound).select("source", "date").unionByName(known.select("source", "date"))
    counted = dates.groupBy("source", "date").agg(F.count("*").alias("rows")).collect()
    by_source = groupby(sorted(counted), key=lambda row: row["source"])
    suspect = [
        F.struct(F.lit(source), F.lit(date))
        for source, rows in by_source
        for date in _far([(row["date"], row["rows"]) for row in rows], settings)
    ]
    if not suspect:
        return judged
    far = sound & F.struct("source", "date").isin(suspect)
    text = F.concat(
        F.lit("suspect date "), F.col("date").cast("string"), F.lit(f": more than {settings.far_days} days from others")
    )
    return judged.withColumns(
        {
            "reason": F.when(far, text).otherwise(F.col("reason")),
            "outcome": F.when(far, QUARANTINED).otherwise(F.col("outcome")),
        }
    )


def _far(dates: Sequence[tuple[dt.date, int]], settings: Prices) -> Iterator[dt.date]:
    """The suspect ones of a source's dates, which are in order and each with its number of rows."""
    stretches: list[list[tuple[dt.date, int]]] = []
    for date, rows in dates:
        if not stretches or (date - stretches[-1][-1][0]).days > settings.far_days:
            stretches.append([])
        stretches[-1].append((date, rows))
    sizes = [sum(rows for _, rows in stretch) for stretch in stretches]
    if max(sizes) > settings.far_rows:
        for stretch, size in zip(stretches, sizes, strict=True):
            if size <= settings.far_rows:
                yield from (date for date, _ in stretch)
