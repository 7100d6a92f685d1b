"""Job: the lengths that tags swam into `swim.laps`, and how they moved in each drill into `swim.motions`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.report import Job
from brazada.swim import drills
from brazada.swim.motion import REASONS, Length, measure
from brazada.swim.settings import Pool, Swim
from brazada.swim.tables import LAPS, MOTIONS, READINGS

if TYPE_CHECKING:
    import pyarrow as pa

_READINGS_PER_TASK = 1_000_000
NO_POOL = "no pool"  # how the reason begins for which a drill at an unknown height is not measured
_FULL = 0.9  # of the pool's length; a swimmer's tag does not touch the wall


def laps(job: Job, again: bool = False) -> None:
    """Bring `swim.laps` and `swim.motions` up to the readings; drills that nothing was added to are not read.

    With `again` all drills are measured, as the settings now are.
    """
    with job.store.exclusive(MOTIONS.name):
        rows = job.store.read(READINGS.name).frame if again else drills.since(job, MOTIONS)
        if rows.isEmpty():
            return
        measured = _measured(rows, job.settings.of(Swim)).persist()
        try:
            lengths = measured.select("tag", "drill", "pool", "added_in", F.explode("laps").alias("lap"))
            lengths = lengths.select("tag", "drill", "pool", "added_in", "lap.*")
            if again:
                job.store.replace(LAPS, lengths, "true")
                job.store.replace(MOTIONS, measured, "true")
                return
            drills.put(job, LAPS, lengths, measured)
            drills.put(job, MOTIONS, measured, measured)
        finally:
            measured.unpersist()


def _measured(readings: DataFrame, settings: Swim) -> DataFrame:
    """One row per tag and drill: the columns of `swim.motions`, and `laps`, an array of them."""
    # Samples between two refreshes of the position repeat it: all but the first and last of them say nothing.
    told = readings.where((F.col("dx_m") != 0) | (F.col("dt_s") == 0))
    columns = ["tag", "drill", "ts", "x_m", "z_m", "added_in"]
    tasks = max(readings.sparkSession.sparkContext.defaultParallelism, readings.count() // _READINGS_PER_TASK)
    ordered = told.select(*columns).repartition(tasks, "tag", "drill").sortWithinPartitions("tag", "drill", "ts")
    lap = {field.name: field for field in LAPS.columns}
    length = T.StructType(
        [lap[name] for name in ("lap", "start_ts", "duration_s", "distance_m", "speed_m_s", "full", "ended")]
    )
    schema = T.StructType([*MOTIONS.columns, T.StructField("laps", T.ArrayType(length))])

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from _run(batches, settings, schema)

    return ordered.mapInArrow(run, schema)


def _run(batches: Iterable[pa.RecordBatch], settings: Swim, schema: T.StructType) -> Iterator[pa.RecordBatch]:
    """Measure drill by drill; a drill's rows follow each other, over the bounds of batches."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    wanted = to_arrow_schema(schema)
    rows: list[dict[str, Any]] = []
    for group in _groups(batches):
        rows.append(_row(group, settings))
        if len(rows) == 500:
            yield pa.RecordBatch.from_pylist(rows, schema=wanted)
            rows = []
    if rows:
        yield pa.RecordBatch.from_pylist(rows, schema=wanted)


def _groups(batches: Iterable[pa.RecordBatch]) -> Iterator[dict[str, Any]]:
    """The columns of each tag and drill, keys as text and the rest as arrays."""
    import pyarrow as pa

    held: list[pa.Table] = []
    for batch in batches:
        for part in _parts(pa.Table.from_batches([batch])):
            if held and _key(held[0]) != _key(part):
                yield _columns(pa.concat_tables(held))
                held = []
            held.append(part)
    if held:
        yield _columns(pa.concat_tables(held))


def _parts(table: pa.Table) -> Iterator[pa.Table]:
    if not table.num_rows:
        return
    changes = np.zeros(table.num_rows, bool)
    for name in ("tag", "drill"):
        codes = table.column(name).combine_chunks().dictionary_encode().indices.to_numpy()
        changes[1:] |= codes[1:] != codes[:-1]
    starts = [0, *np.flatnonzero(changes), table.num_rows]
    for start, end in pairwise(starts):
        yield table.slice(start, end - start)


def _key(table: pa.Table) -> tuple[str, str]:
    return table.column("tag")[0].as_py(), table.column("drill")[0].as_py()


def _columns(table: pa.Table) -> dict[str, Any]:
    tag, drill = _key(table)
    return {
        "tag": tag,
        "drill": drill,
        "micros": table.column("ts").cast("int64").to_numpy(),
        **{name: table.column(name).to_numpy() for name in ("x_m", "z_m", "added_in")},
    }


def _row(group: dict[str, Any], settings: Swim) -> dict[str, Any]:
    micros = group["micros"]
    height = float(np.median(group["z_m"]))
    pool = pool_at(height, settings)
    row = {"tag": group["tag"], "drill": group["drill"], "added_in": int(group["added_in"].max()), "laps": []}
    if pool is None:
        known = ", ".join(f"{pool.name} at {pool.z_m:g} m" for pool in settings.pools)
        return row | {"unfit": f"{NO_POOL} at a height of {height:g} m; swim.pools knows {known}"}
    figures, lengths = measure((micros - micros[0]) / 1e6, group["x_m"], pool.length_m / 2, settings.motion)
    why = REASONS[int(figures.pop("reason"))]
    laps = [_lap(length, int(micros[0]), pool) for length in lengths]
    return row | {"pool": pool.name, "laps": laps, "unfit": None if figures.pop("valid") else why} | figures


def _lap(length: Length, began: int, pool: Pool) -> dict[str, Any]:
    return {
        "lap": length.number,
        "start_ts": began + round(length.start_s * 1e6),
        "duration_s": length.end_s - length.start_s,
        "distance_m": length.distance_m,
        "speed_m_s": length.speed_m_s,
        "full": length.distance_m >= _FULL * pool.length_m,
        "ended": length.turn,
    }


def pool_at(z_m: float, settings: Swim) -> Pool | None:
    """The pool whose positions are reported at this height, within the tolerance."""
    nearest = min(settings.pools, key=lambda pool: abs(pool.z_m - z_m))
    return nearest if abs(nearest.z_m - z_m) <= settings.pool_tolerance_m else None
