"""Which rank reads which files of the pinned version, and how many steps all of them take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from brazada.errors import TrainingError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_RANGE_BITS = 10  # 1,024 ranges of the hash


@dataclass(frozen=True)
class Share:
    """The files of one rank, read in this order, and the rows they hold."""

    files: tuple[str, ...]
    rows: int


@dataclass(frozen=True)
class Plan:
    """What every rank reads: one share each for training and validation, the rows of one of its batches, its steps."""

    train: tuple[Share, ...]
    validate: tuple[Share, ...]
    batch: int
    steps: int


def plan(train: Mapping[str, int], validate: Mapping[str, int], *, ranks: int, batch: int) -> Plan:
    """Divide files (URL to rows) among ranks; `batch` rows over all ranks make a step.

    Every rank takes as many steps as the one with the most rows needs; the others fill up with weight 0, so each
    row counts once per epoch. Raises `TrainingError` for an empty training split and for fewer files than ranks.
    """
    if not sum(train.values()):
        raise TrainingError("rows to train on", found="none", todo="check the filter and the job that writes the split")
    if len(train) < ranks:
        raise TrainingError(
            f"at least one file for each of {ranks} ranks",
            found=f"{len(train)} files in the training split",
            todo=f"write the table with {ranks} shards or more, or set training.ranks={len(train)}",
        )
    shares = assign(train, ranks)
    mine = math.ceil(batch / ranks)
    steps = math.ceil(max(share.rows for share in shares) / mine)
    return Plan(shares, assign(validate, ranks), mine, steps)


def merge_splits(separate: Plan) -> Plan:
    """The plan of a training on training and validation rows alike, none held out: each rank keeps its files."""
    pairs = zip(separate.train, separate.validate, strict=True)
    shares = tuple(Share((*one.files, *other.files), one.rows + other.rows) for one, other in pairs)
    steps = math.ceil(max(share.rows for share in shares) / separate.batch)
    return Plan(shares, (Share((), 0),) * len(shares), separate.batch, steps)


def assign(files: Mapping[str, int], ranks: int) -> tuple[Share, ...]:
    """Disjoint shares that hold every file: the largest first, each to the rank with the fewest rows so far."""
    chosen: list[list[str]] = [[] for _ in range(ranks)]
    rows = [0] * ranks
    for url in sorted(files, key=lambda url: (-files[url], url)):
        rank = min(range(ranks), key=lambda r: (rows[r], len(chosen[r]), r))
        chosen[rank].append(url)
        rows[rank] += files[url]
    return tuple(Share(tuple(sorted(urls)), count) for urls, count in zip(chosen, rows, strict=True))


def with_shards(frame: DataFrame, by: Sequence[str], key: Sequence[str], shards: int) -> DataFrame:
    """Add `shard` (INT, 0 to shards - 1), and repartition so that each (*by, shard) becomes one file.

    Sizes of the shards of a `by` differ by at most one row.

    Rows of each `by` are dealt out in the order of a hash of `key`, so the same rows get the same shards and lie in
    them in the same order. The table is to be partitioned by (*by, shard). Ranges of the hash are counted first, so
    that each is numbered by a task of its own, however large a `by` is; the frame is computed twice, the first time for
    `by` and `key` alone.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    hashed = frame.withColumn("_hash", F.xxhash64(*key)).withColumn("_range", F.shiftright("_hash", 64 - _RANGE_BITS))
    earlier = Window.partitionBy(*by).orderBy("_range").rowsBetween(Window.unboundedPreceding, -1)
    counts = hashed.groupBy(*by, "_range").count()
    before = counts.select(*by, "_range", F.coalesce(F.sum("count").over(earlier), F.lit(0)).alias("_before"))
    in_range = Window.partitionBy(*by, "_range").orderBy("_hash", *key)
    numbered = hashed.join(F.broadcast(before), on=[*by, "_range"], how="inner").withColumn(
        "shard", ((F.col("_before") + F.row_number().over(in_range) - 1) % shards).cast("int")
    )
    # Sorted, so that a file holds its rows in the same order however the shuffle went: what is learned depends on it.
    laid_out = numbered.repartition(*by, "shard").sortWithinPartitions(*by, "shard", "_hash", *key)
    return laid_out.select(*frame.columns, "shard")
