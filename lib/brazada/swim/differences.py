"""Positions as readings: each time once, in order, with the differences to the sample before in the drill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyspark import Accumulator
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from brazada.swim.packs import OF, batch_of
from brazada.swim.parse import POSITION, RECORD
from brazada.swim.tables import READINGS
from brazada.tables.direct import Make

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS_AT_ONCE = 100_000


def together(packs: DataFrame, partitions: int) -> DataFrame:
    """PACKS with all of a tag and drill in one partition."""
    of_drills = packs.where("drill IS NOT NULL").select(*OF, "kept", "packed")
    return of_drills.repartition(partitions, F.xxhash64("tag", "drill"))


def readings(added_in: int, conflicts: Accumulator[int]) -> Make:
    """A function that makes PACKS, all of a tag and drill `together`, to rows of `swim.readings`.

    They come by tag, drill and time, with `dx_m` and `dt_s`. Of positions with the same tag, drill and time one is
    good: one of the table (`kept`) before new ones, then the least, so that the order of the input has no part in it.
    It again is a duplicate and left out, another is too, and counts in `conflicts`. No difference crosses tags or
    drills (those of the thesis do).
    """

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        drills: defaultdict[tuple[str, str], list[_Pack]] = defaultdict(list)
        for batch in batches:
            for tag, drill, *of, content in zip(*[column.to_pylist() for column in batch.columns], strict=True):
                drills[tag, drill].append(_Pack(np.frombuffer(content, RECORD), *of))
        for keys in _shares(drills):
            batch, others = _judged(keys, [drills.pop(key) for key in keys], added_in)
            conflicts.add(others)
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(start, _ROWS_AT_ONCE)

    return run


def speed(dx_m: str = "dx_m", dt_s: str = "dt_s") -> Column:
    """Speed of a reading in m/s, as published: dx / dt, 0 where no time passed."""
    return F.when(F.col(dt_s) > 0, F.col(dx_m) / F.col(dt_s)).otherwise(0.0)


def acceleration(dx_m: str = "dx_m", dt_s: str = "dt_s") -> Column:
    """Acceleration of a reading in m/s^2, as published: dx / dt^2 (no change of speed), 0 where no time passed."""
    return F.when(F.col(dt_s) > 0, F.col(dx_m) / (F.col(dt_s) * F.col(dt_s))).otherwise(0.0)


@dataclass(frozen=True)
class _Pack:
    rows: NDArray[Any]  # of RECORD
    file_id: int
    kept: bool


def _shares(drills: Mapping[tuple[str, str], Sequence[_Pack]]) -> list[list[tuple[str, str]]]:
    """The drills in order, in shares that hold about so many rows as go into one batch."""
    shares: list[list[tuple[str, str]]] = []
    rows = _ROWS_AT_ONCE
    for key in sorted(drills):
        if rows >= _ROWS_AT_ONCE:
            shares.append([])
            rows = 0
        shares[-1].append(key)
        rows += sum(len(pack.rows) for pack in drills[key])
    return shares


def _judged(
    keys: Sequence[tuple[str, str]], drills: Sequence[list[_Pack]], added_in: int
) -> tuple[pa.RecordBatch, int]:
    """The good rows of some drills in order, and how many were in conflict with one."""
    import pyarrow as pa

    packs = [pack for drill in drills for pack in sorted(drill, key=lambda pack: pack.rows["millis"][0])]
    rows = np.concatenate([pack.rows for pack in packs])
    sizes = [len(pack.rows) for pack in packs]
    drill = np.repeat(np.arange(len(drills)), [sum(len(pack.rows) for pack in drill) for drill in drills])
    file_id = np.repeat([pack.file_id for pack in packs], sizes)
    if ((np.diff(rows["millis"]) <= 0) & (np.diff(drill) == 0)).any():
        kept = np.repeat([pack.kept for pack in packs], sizes)
        place = [rows[name] for name in reversed(POSITION)]
        order = np.lexsort([file_id, *place, ~kept, rows["millis"], drill])
        rows, drill, file_id = rows[order], drill[order], file_id[order]
    again = np.append(False, (np.diff(rows["millis"]) == 0) & (np.diff(drill) == 0))
    moved = np.append(False, np.logical_or.reduce([np.diff(rows[name]) != 0 for name in POSITION]))
    good = rows[~again]
    of = drill[~again]
    first = np.append(True, np.diff(of) != 0)
    numbers = pa.array(of)
    batch = batch_of(
        READINGS.columns,
        len(good),
        tag=pa.array([tag for tag, _ in keys]).take(numbers),
        drill=pa.array([name for _, name in keys]).take(numbers),
        ts=pa.array(good["millis"] * 1000).cast(pa.timestamp("us", "UTC")),
        **{name: good[name] for name in POSITION},
        dx_m=np.where(first, 0.0, np.abs(np.diff(good["x_m"], prepend=0.0))),
        dt_s=np.where(first, 0.0, np.diff(good["millis"], prepend=0) / 1000.0),
        file_id=file_id[~again],
        added_in=np.full(len(good), added_in),
    )
    return batch, int(np.count_nonzero(again & moved))
