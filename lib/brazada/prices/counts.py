"""Row counts per price file and outcome, and line-number offsets per block of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.ingest.known import QUARANTINED
from brazada.prices.classify import BLANK


@dataclass
class FileCounts:
    """What was counted in one file: lines by outcome (header and blank ones too); a block's first place and lines."""

    outcomes: Counter[str] = field(default_factory=Counter)
    blocks: dict[int, tuple[int, int]] = field(default_factory=dict)

    def rows(self, outcome: str) -> int:
        """Rows of an outcome. The header was read as a line that makes no row, so it stands among the quarantined."""
        return self.outcomes[outcome] - (outcome == QUARANTINED)

    @property
    def rows_in(self) -> int:
        """Rows of the file, neither blank nor the header."""
        return sum(self.rows(outcome) for outcome in self.outcomes if outcome != BLANK)

    def offsets(self) -> Iterator[tuple[int, int]]:
        """Per block what makes a place in it a line number, the header's being 1."""
        before = 0
        for block, (first, lines) in sorted(self.blocks.items()):
            yield block, before + 1 - first
            before += lines


def count_rows(judged: DataFrame, paths: Sequence[str]) -> dict[str, FileCounts]:
    """The counts by file of `prices.classify.classify_rows`. Raises InputError for a file without lines: it is gone."""
    counted = judged.groupBy("file", "block", "outcome").agg(F.count("*").alias("lines"), F.min("place").alias("first"))
    counts = {path: FileCounts() for path in paths}
    for row in counted.collect():
        file = counts[row["file"]]
        file.outcomes[row["outcome"]] += row["lines"]
        first, lines = file.blocks.get(row["block"], (row["first"], 0))
        file.blocks[row["block"]] = min(first, row["first"]), lines + row["lines"]
    if gone := [path for path, file in counts.items() if not file.blocks]:
        raise InputError(
            "lines in every file", found=f"none in {', '.join(gone)}", todo="check their names and run again"
        )
    return counts
