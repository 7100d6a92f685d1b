"""Classifies each row of the price files: good, duplicate or quarantined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from brazada.ingest.known import DUPLICATE, GOOD, QUARANTINED
from brazada.prices.files import PRICES
from brazada.prices.settings import OnConflict
from brazada.prices.tables import OBSERVATIONS

KEY = OBSERVATIONS.key
BLANK = "blank"  # beside the outcomes of every ingest


def classify_rows(rows: DataFrame, known: DataFrame, on_conflict: Mapping[str, OnConflict] | None = None) -> DataFrame:
    """The rows of `prices.files.rows` with `outcome` and the final `reason`, against `known` rows of the table.

    The same prices again for a key are a duplicate. Other prices within a file are quarantined, all rows of that key.
    Of prices that differ between files those of the table come before those of a file, and files by their names; which
    of them is good, and what becomes of the others, is for `on_conflict` of the source: by default the first one
    stands, and the others are quarantined; else they are duplicates with a reason. Where the last one stands, `older`
    rows come before those of the table, for they gave way before. Which of equal rows is the good one depends on their
    values, not on their order.
    """
    apart = F.when(F.col("reason").isNotNull(), F.col("place"))
    named = [name for name in rows.columns if name not in ("older", "reason")]
    older = F.col("older") if "older" in rows.columns else F.lit(False)
    mine = rows.select(*named, "reason", F.lit(False).alias("known"), apart.alias("apart"), (~older).alias("newer"))
    theirs = known.select(*KEY, *PRICES, F.lit(True).alias("known"), F.lit(True).alias("newer"))
    # One shuffle and one sort serve all windows; `apart` spreads unreadable rows, whose keys are null, and rows of the
    # table come first, their file being null.
    keyed = mine.unionByName(theirs, allowMissingColumns=True).repartition("apart", *KEY)
    whole = (Window.unboundedPreceding, Window.unboundedFollowing)
    order = ("newer", "file", "category", "place")
    in_file = Window.partitionBy("apart", *KEY, "newer", "file").orderBy("category", "place").rowsBetween(*whole)
    by_file = Window.partitionBy("apart", *KEY).orderBy(*order)
    clashing = F.min(_prices()).over(in_file) != F.max(_prices()).over(in_file)
    sound = F.when(F.col("reason").isNull() & ~F.col("clashing"), _prices())
    first = F.first("sound", ignorenulls=True).over(by_file.rowsBetween(*whole))
    last = F.last("sound", ignorenulls=True).over(by_file.rowsBetween(*whole))
    keeps_last = F.col("source").isin([name for name, rule in (on_conflict or {}).items() if rule == "keep_last"])
    standing = F.when(keeps_last, last).otherwise(first)
    rank = F.count(F.when(F.col("sound") == F.col("standing"), 1)).over(by_file.rowsBetween(whole[0], 0))
    compared = (
        keyed.select("*", clashing.alias("clashing"))
        .select("*", sound.alias("sound"))
        .select("*", standing.alias("standing"))
        .select("*", rank.alias("rank"))
    )
    new = compared.where(~F.col("known"))
    kept = [name for name, rule in (on_conflict or {}).items() if rule != "quarantine"]
    return new.select(*named, _reason().alias("reason"), _outcome(kept).alias("outcome"))


def _prices() -> Column:
    return F.struct(*PRICES)


def _reason() -> Column:
    return F.coalesce(_unsound(), _late())


def _unsound() -> Column:
    return F.coalesce("reason", F.when(F.col("clashing"), "key twice in the file with different prices"))


def _late() -> Column:
    standing = F.concat_ws(", ", *[F.col(f"standing.{name}").cast("string") for name in PRICES])
    return F.when(_prices() != F.col("standing"), F.concat(F.lit("key known already with other prices: "), standing))


def _outcome(kept: Sequence[str]) -> Column:
    refused = _unsound().isNotNull() | (_late().isNotNull() & ~F.col("source").isin(kept))
    return (
        F.when(F.trim("raw") == "", BLANK)
        .when(refused, QUARANTINED)
        .when((F.col("rank") == 1) & _late().isNull(), GOOD)
        .otherwise(DUPLICATE)
    )
