"""Positions as readings: each time once, in order, with the differences to the sample before in the drill."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.swim.packs import OF, PLACE, batch_of, columns
from brazada.swim.parse import POSITION, RECORD

if TYPE_CHECKING:
    import pyarrow as pa

_JUDGED = columns(
    **OF, ts=T.TimestampType(), **PLACE, dx_m=T.DoubleType(), dt_s=T.DoubleType(), conflict=T.BooleanType()
)
_ROWS_AT_ONCE = 100_000


def judged(packs: DataFrame, partitions: int) -> DataFrame:
    """PACKS as readings by tag, drill and time, with `dx_m` and `dt_s`; rows with `conflict` are none.

    Of rows with the same tag, drill and time one is good: one of the table (`kept`) before new ones, then the least
    position, so that the order of the input has no part in it. Its position again is a duplicate and left out, another
    is a conflict. No difference crosses tags or drills (those of the thesis do).
    """

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        drills: defaultdict[tuple[str, str], list[_Pack]] = defaultdict(list)
        for batch in batches:
            for tag, drill, *of, content in zip(*[column.to_pylist() for column in batch.columns], strict=True):
                drills[tag, drill].append(_Pack(np.frombuffer(content, RECORD), *of))
        for keys in _shares(drills):
            batch = _judged(keys, [drills.pop(key) for key in keys])
            for start in range(0, batch.num_rows, _ROWS_AT_ONCE):
                yield batch.slice(start, _ROWS_AT_ONCE)

    of_drills = packs.where("drill IS NOT NULL").select(*OF, "kept", "packed")
    return of_drills.repartition(partitions, F.xxhash64("tag", "drill")).mapInArrow(run, _JUDGED)


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


def _judged(keys: Sequence[tuple[str, str]], drills: Sequence[list[_Pack]]) -> pa.RecordBatch:
    """All of some drills: their good rows in order, then those in conflict."""
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
    good, conflicts = np.flatnonzero(~again), np.flatnonzero(again & moved)
    within = np.diff(drill[good]) == 0
    differences = {
        "dx_m": np.abs(np.diff(rows["x_m"][good])),
        "dt_s": np.diff(rows["millis"][good]) / 1000.0,
    }
    shown = np.concatenate([good, conflicts])
    of = pa.array(drill[shown])
    return batch_of(
        _JUDGED,
        len(shown),
        tag=pa.array([tag for tag, _ in keys]).take(of),
        drill=pa.array([name for _, name in keys]).take(of),
        file_id=file_id[shown],
        ts=pa.array(rows["millis"][shown] * 1000).cast(pa.timestamp("us", "UTC")),
        **{name: rows[name][shown] for name in POSITION},
        **{
            name: np.concatenate([[0.0], np.where(within, values, 0.0), np.zeros(len(conflicts))])
            for name, values in differences.items()
        },
        conflict=np.repeat([False, True], [len(good), len(conflicts)]),
    )
