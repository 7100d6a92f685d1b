"""Which drills there are, and which readings are new: derived tables are refreshed incrementally by `added_in`."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.report import Job
from brazada.swim.tables import DRILLS, MOTIONS, READINGS
from brazada.tables import Snapshot, Table, literal


def known(job: Job) -> DataFrame:
    """The tag and drill of all readings. Reads `swim.drills`, and of the readings only those that it lacks."""
    new = since(job, DRILLS).select("tag", "drill").distinct()
    return job.store.read(DRILLS.name).frame.select("tag", "drill").union(new)


def since(job: Job, derived: Table) -> DataFrame:
    """Readings of the drills that were written after those that a derived table was made of: whole drills.

    A drill that an ingest adds to is written anew whole, so this reads the files of new writes and no more.
    """
    job.store.ensure(derived)
    readings = job.store.read(READINGS.name).frame
    return readings.where(F.col("added_in") > newest(job.store.read(derived.name)))


def newest(table: Snapshot) -> int:
    """The last write to the readings that a table has rows of; 0 where it is empty."""
    if table.version == 0:  # created, and nothing written yet: no need to look
        return 0
    return int(table.frame.agg(F.coalesce(F.max("added_in"), F.lit(0))).collect()[0][0])


def next_write(job: Job) -> int:
    """The number of a write to the readings that all tables that derive from them find new."""
    tables = [table.name for table in (READINGS, DRILLS, MOTIONS) if job.store.exists(table.name)]
    return 1 + max((newest(job.store.read(name)) for name in tables), default=0)


def among(drills: list[str]) -> str:
    """The SQL condition that a row is of one of these drills. As text: files are skipped by it, and it may be long."""
    return f"(drill IN ({', '.join(map(literal, drills))}))"


def names(rows: DataFrame) -> list[str]:
    """The drills that rows are of, in order."""
    return sorted(row["drill"] for row in rows.select("drill").distinct().collect())


def put(job: Job, derived: Table, rows: DataFrame, made: DataFrame) -> None:
    """Write the rows of the drills in `made`, whole, in one commit: in place of what the table has of them.

    The table that says what is done (`since`) comes last.
    """
    job.store.ensure(derived)
    old = job.store.read(derived.name).frame.select("drill").distinct()
    drills = made.select("drill").distinct()
    if drills.join(F.broadcast(old), on="drill", how="left_semi").isEmpty():
        job.store.append(derived, rows)
    else:
        job.store.replace(derived, rows, among(names(drills)))
