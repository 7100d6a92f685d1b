"""What becomes of each row of the price files: good, duplicate or quarantined."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from brazada.ingest.known import DUPLICATE, GOOD, QUARANTINED
from brazada.prices.files import PRICES
from brazada.prices.tables import OBSERVATIONS

KEY = OBSERVATIONS.key
BLANK = "blank"  # beside the outcomes of every ingest


def verdicts(rows: DataFrame, known: DataFrame) -> DataFrame:
    """The rows of `prices.files.rows` with `outcome` and the final `reason`, against `known` rows of the table.

    Of a key's rows the first file's (by name) counts, unless the table has the key. The same prices again are a
    duplicate. Other prices are quarantined: within a file all rows of that key, against the table or an earlier file
    the new one. Which of equal rows is the good one depends on their values, not on their order.
    """
    apart = F.when(F.col("reason").isNotNull(), F.col("place"))
    mine = rows.select("*", F.lit(False).alias("known"), apart.alias("apart"))
    theirs = known.select(*KEY, *PRICES, F.lit(True).alias("known"))
    # One shuffle and one sort serve both windows; `apart` spreads unreadable rows, whose keys are null, and rows of the
    # table come first, their file being null.
    keyed = mine.unionByName(theirs, allowMissingColumns=True).repartition("apart", *KEY)
    whole = (Window.unboundedPreceding, Window.unboundedFollowing)
    in_file = Window.partitionBy("apart", *KEY, "file").orderBy("category", "place").rowsBetween(*whole)
    so_far = Window.partitionBy("apart", *KEY).orderBy("file", "category", "place").rowsBetween(whole[0], 0)
    clashing = F.min(_prices()).over(in_file) != F.max(_prices()).over(in_file)
    sound = F.col("reason").isNull() & ~F.col("clashing")
    compared = (
        keyed.select("*", clashing.alias("clashing"))
        .select("*", sound.alias("sound"))
        .select(
            "*",
            F.count(F.when(F.col("sound"), 1)).over(so_far).alias("rank"),
            F.first(F.when(F.col("sound"), _prices()), ignorenulls=True).over(so_far).alias("standing"),
        )
    )
    new = compared.where(~F.col("known"))
    return new.select(*rows.columns[:-1], _reason().alias("reason"), _outcome().alias("outcome"))


def _prices() -> Column:
    return F.struct(*PRICES)


def _reason() -> Column:
    clash = F.when(F.col("clashing"), "key twice in the file with different prices")
    standing = F.concat_ws(", ", *[F.col(f"standing.{name}").cast("string") for name in PRICES])
    late = F.when(_prices() != F.col("standing"), F.concat(F.lit("key known already with other prices: "), standing))
    return F.coalesce("reason", clash, late)


def _outcome() -> Column:
    return (
        F.when(F.trim("raw") == "", BLANK)
        .when(_reason().isNotNull(), QUARANTINED)
        .when(F.col("rank") == 1, GOOD)
        .otherwise(DUPLICATE)
    )
