"""Job: readings into `swim.sessions` as the published method makes them, and into `swim.drills` what it drops.

The method is that of a 2020 master's thesis, "S.Ma.R.T.", with two faults mended: its differences crossed drills, and
its filter by deviations looked at rows that did not belong to the values. Steps, as `swim.steps` counts them:
1 order, drop exact duplicates; 2 differences inside a drill; 3 keep speed and acceleration within the records; 4 keep
rows within so many population standard deviations of the means, taken over what 3 left; 5 aggregate, drop drills that
never passed the pool's centre; 6 the classifier. Step 7, the clusters, is in `published`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import reduce

from pyspark.sql import Column, DataFrame, Row
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.report import Job
from brazada.swim import drills
from brazada.swim.differences import acceleration, speed
from brazada.swim.settings import Records, Swim
from brazada.swim.tables import DRILLS, LIMITS, READINGS, SESSIONS

FILTERED_BY = ("dx_m", "dt_s", "speed_m_s", "accel_m_s2")
AGGREGATED = ("x_m", *FILTERED_BY)


def sessions(job: Job, relearn: bool = False) -> None:
    """Bring `swim.sessions` up to the readings, by the limits learned from the first log or, if asked, by new ones.

    Only new drills and those that were added to are made. Raises InputError where no reading is within the records.
    """
    with job.store.exclusive(SESSIONS.name):
        limits, whole = _limits(job, relearn)
        rows = drills.since(job, DRILLS)
        if whole:
            rows = job.store.read(READINGS.name).frame
        elif rows.isEmpty():
            return
        with _made(rows, limits) as made:
            kept = _session(made.where(F.col("dropped").isNull()))
            if whole:
                job.store.replace(SESSIONS, kept, "true")
                job.store.replace(DRILLS, made, "true")  # last: what stands there counts as done
            else:
                drills.put(job, SESSIONS, kept, made)
                drills.put(job, DRILLS, made, made)


def derived(readings: DataFrame, records: Records) -> DataFrame:
    """Readings with speed_m_s, accel_m_s2 and `within_records`."""
    with_speed = readings.withColumns({"speed_m_s": speed(), "accel_m_s2": acceleration()})
    within = (F.col("speed_m_s") <= records.max_speed_m_s) & (F.col("accel_m_s2") <= records.max_accel_m_s2)
    return with_speed.withColumn("within_records", within)


def within_deviations(limits: Row) -> Column:
    """Whether a reading is within the deviations of `swim.limits` in all that is filtered by."""
    within: list[Column] = [
        F.abs(F.col(name) - limits[f"{name}_mean"]) < limits["deviations"] * limits[f"{name}_std"]
        for name in FILTERED_BY
    ]
    return reduce(lambda one, other: one & other, within)


def _limits(job: Job, relearn: bool) -> tuple[Row, bool]:
    """The limits in force, and whether drills are still there that were made with others."""
    job.store.ensure(LIMITS)
    job.store.ensure(DRILLS)
    readings = job.store.read(READINGS.name)
    known = job.store.read(LIMITS.name).frame.orderBy(F.desc("limits")).take(1)
    wanted = {**job.settings.of(Swim).records.model_dump(), "readings_version": readings.version}
    if known and (not relearn or all(known[0][name] == value for name, value in wanted.items())):
        # Also those that a run which was killed had learned, and made nothing with.
        return known[0], not job.store.read(DRILLS.name).frame.where(F.col("limits") != known[0]["limits"]).isEmpty()
    number = known[0]["limits"] + 1 if known else 1
    constants = {"limits": F.lit(number), "readings_version": F.lit(readings.version)}
    learned = _learned(readings.frame, job.settings.of(Swim).records).withColumns(constants)
    row = learned.collect()[0]
    if not row["readings"]:
        raise InputError(
            "readings within the record speed and acceleration",
            found="none",
            todo="check swim.records, or ingest a log with more readings",
        )
    job.store.append_once(LIMITS, [tuple(row[name] for name in LIMITS.columns.names)], str(number))
    return row, True


def _learned(readings: DataFrame, records: Records) -> DataFrame:
    figures = [
        figure
        for name in FILTERED_BY
        for figure in (F.avg(name).alias(f"{name}_mean"), F.stddev_pop(name).alias(f"{name}_std"))
    ]
    kept = derived(readings.select("dx_m", "dt_s"), records).where("within_records")
    constants = [F.lit(value).alias(name) for name, value in records.model_dump().items()]
    return kept.agg(F.count("*").alias("readings"), *figures).select("*", *constants)


@contextmanager
def _made(readings: DataFrame, limits: Row) -> Iterator[DataFrame]:
    """One row per tag and drill: the counts of the steps, and the figures of the readings that are left."""
    records = Records(**{name: limits[name] for name in Records.model_fields})
    rows = derived(readings, records)
    rows = rows.withColumn("clean", F.col("within_records") & within_deviations(limits))
    rows = rows.withColumns({f"clean_{name}": F.when(F.col("clean"), F.col(name)) for name in (*AGGREGATED, "ts")})
    made = rows.groupBy("tag", "drill").agg(
        F.min("ts").alias("first_ts"),
        F.max("ts").alias("last_ts"),
        F.min("z_m").alias("z_m"),
        F.count("*").alias("readings"),
        F.count_if("within_records").alias("within_records"),
        F.count_if("clean").alias("within_deviations"),
        F.max("added_in").alias("added_in"),
        F.min("clean_ts").alias("first_clean_ts"),
        F.max("clean_ts").alias("last_clean_ts"),
        *[
            figure(f"clean_{name}").alias(f"{name}_{kind}")
            for name in AGGREGATED
            for kind, figure in (("min", F.min), ("max", F.max), ("mean", _mean))
        ],
    )
    dropped = (
        F.when(F.col("within_records") == 0, "no reading within the record speed and acceleration")
        .when(F.col("within_deviations") == 0, "no reading within the deviations of the means")
        .when(F.col("x_m_min") * F.col("x_m_max") >= 0, "never passed the pool's centre")
    )
    classifier = F.log((1 + F.col("speed_m_s_mean")) / (1 + F.col("accel_m_s2_mean") * F.col("dt_s_mean")))
    judged = made.withColumns({"dropped": dropped, "classifier": classifier, "limits": F.lit(limits["limits"])})
    judged = judged.persist()
    try:
        yield judged
    finally:
        judged.unpersist()


def _mean(name: str) -> Column:
    return F.sum(name) / F.count_if("clean")


def _session(kept: DataFrame) -> DataFrame:
    """Drills that the method keeps, with the count and times of the readings that are left."""
    left = {"readings": "within_deviations", "first_ts": "first_clean_ts", "last_ts": "last_clean_ts"}
    return kept.withColumns({name: F.col(source) for name, source in left.items()})
