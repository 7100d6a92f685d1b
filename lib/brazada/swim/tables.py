"""The tables of the swim jobs."""

from __future__ import annotations

from pyspark.sql import types as T
from pyspark.sql.types import StructField

from brazada.tables import Table, array_of, column

TAG = column("tag", T.StringType(), "The swimmer's tag, 12 hex digits in lower case")
DRILL = column("drill", T.StringType(), "The training session, 18 or 24 hex digits in lower case")
FIRST = column("first_ts", T.TimestampType(), "Time of the first reading, UTC")
LAST = column("last_ts", T.TimestampType(), "Time of the last reading, UTC")
METHOD = column("method", T.StringType(), "published or kinematic")
MODEL = column("model", T.StringType(), "The model, a key of swim.models")

READINGS = Table(
    name="swim.readings",
    written_by="swim ingest LOGS",
    comment="One row per cleaned sample of a tag, with its difference to the sample before in the same drill.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            column("ts", T.TimestampType(), "Time of the sample, UTC"),
            column("x_m", T.DoubleType(), "Position along the pool, from its centre"),
            column("y_m", T.DoubleType(), "Position across the pool, from its centre"),
            column("z_m", T.DoubleType(), "Height; constant, but for the pool"),
            column("dx_m", T.DoubleType(), "Distance along the pool from the sample before; 0 at a drill's first"),
            column("dt_s", T.DoubleType(), "Time since the sample before; 0 at a drill's first"),
            column("file_id", T.LongType(), "Its file: number in ops.ingested_files"),
            column("added_in", T.LongType(), "Number of the write that brought the row, growing"),
        ]
    ),
    key=("tag", "drill", "ts"),
    constraints={"in_order": "dx_m >= 0 AND dt_s >= 0"},
    stats_on=("drill", "ts", "file_id", "added_in"),
)

DRILLS = Table(
    name="swim.drills",
    written_by="swim sessions",
    comment="One row per tag and drill in the log: what each filter of the published method leaves of it.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            FIRST,
            LAST,
            column("z_m", T.DoubleType(), "Least height, which tells the pool"),
            column("readings", T.LongType(), "Readings"),
            column("within_records", T.LongType(), "Of these within the record speed and acceleration"),
            column("within_deviations", T.LongType(), "Of these within so many deviations of the means"),
            column("dropped", T.StringType(), "Why the method drops the drill; null where it keeps it", required=False),
            column("limits", T.LongType(), "The limits it was made with, a key of swim.limits"),
            column("added_in", T.LongType(), "Last write that brought readings of it"),
        ]
    ),
    key=("tag", "drill"),
)


def _extremes(name: str, what: str) -> list[StructField]:
    kinds = (("min", "Least"), ("max", "Greatest"), ("mean", "Mean"))
    return [column(f"{name}_{kind}", T.DoubleType(), f"{word} {what} of the readings kept") for kind, word in kinds]


SESSIONS = Table(
    name="swim.sessions",
    written_by="swim sessions",
    comment="One row per tag and drill as the published method aggregates it; drills that it drops have none.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            column("readings", T.LongType(), "Readings kept, which the figures are of"),
            FIRST,
            LAST,
            *_extremes("x_m", "position along the pool"),
            *_extremes("dx_m", "distance between samples"),
            *_extremes("dt_s", "time between samples"),
            *_extremes("speed_m_s", "dx / dt"),
            *_extremes("accel_m_s2", "dx / dt^2"),
            column("classifier", T.DoubleType(), "ln((1 + mean speed) / (1 + mean accel x mean dt)), as published"),
            column("limits", T.LongType(), "The limits it was made with, a key of swim.limits"),
        ]
    ),
    key=("tag", "drill"),
)

LIMITS = Table(
    name="swim.limits",
    written_by="swim sessions",
    comment="Means and deviations of the published method's filter, as `sessions` learned them from its first log.",
    columns=T.StructType(
        [
            column("limits", T.LongType(), "Number of the limits, growing"),
            column("readings_version", T.LongType(), "Version of swim.readings that they were learned from"),
            column("max_speed_m_s", T.DoubleType(), "Record speed"),
            column("max_accel_m_s2", T.DoubleType(), "Record acceleration, by the published formula"),
            column("deviations", T.DoubleType(), "Population standard deviations that a reading may be off the mean"),
            column("readings", T.LongType(), "Readings within the records, which the figures are of"),
            *[
                column(f"{name}_{kind}", T.DoubleType(), f"{word} of {name}")
                for name in ("dx_m", "dt_s", "speed_m_s", "accel_m_s2")
                for kind, word in (("mean", "Mean"), ("std", "Population standard deviation"))
            ],
        ]
    ),
    key=("limits",),
)

_MEASURED = {
    "speed_m_s": "Speed away from the walls",
    "stroke_rate_hz": "Propulsive strokes per second: two per arm cycle in front crawl and backstroke",
    "swing_share": "Swing of speed inside a stroke, either way, over the speed",
    "accel_m_s2": "Largest change of speed inside a stroke",
    "stroke_m": "Way per stroke",
    "peak_share": "Power of the stroke over that of noise",
    "rest_share": "Share of the time at rest",
    "distance_m": "Distance swum: the sum over the lengths",
    "lengths": "Lengths, also those not from wall to wall",
    "turns": "Lengths that ended in a turn",
    "swim_s": "Time swum",
    "duration_s": "Time from the first position to the last",
    "positions": "Positions used: those that are new and not wild",
    "spikes": "Wild positions left out",
}

MODELS = Table(
    name="swim.models",
    written_by="swim fit",
    comment="One row per model that `swim fit` learned: all that `swim score` needs, and how far to trust it.",
    columns=T.StructType(
        [
            MODEL,
            METHOD,
            column("readings_version", T.LongType(), "Version of swim.readings that it was learned from"),
            column("limits", T.LongType(), "Limits of the sessions it was learned from; null: none", required=False),
            column("features", array_of(T.StringType()), "Features, in the order of the arrays below"),
            column("offset", array_of(T.DoubleType()), "What is taken from each feature"),
            column("scale", array_of(T.DoubleType()), "What each is divided by then"),
            column("centroids", array_of(array_of(T.DoubleType())), "Centres of the clusters, scaled as above"),
            column("styles", array_of(T.StringType()), "Style of each cluster"),
            column("strokes", array_of(T.StringType()), "Stroke of each cluster"),
            column("drills", T.LongType(), "Drills that it was learned from"),
            column("silhouette", T.DoubleType(), "Mean silhouette, squared Euclidean, of at most 10,000 drills"),
            column("agreement", T.DoubleType(), "Mean adjusted Rand index between the clusters of ten seeds"),
            column("style_agreement", T.DoubleType(), "Mean adjusted Rand index between the styles of ten seeds"),
            column(
                "margin", T.DoubleType(), "By how much the centres that name the styles differ, see the documentation"
            ),
            column("warning", T.StringType(), "What speaks against trusting the names; null: nothing", required=False),
        ]
    ),
    key=("model",),
)

SWIMMERS = Table(
    name="swim.swimmers",
    written_by="swim fit",
    comment="A swimmer beside the others, whatever is swum: the kinematic method takes it from each drill of the tag.",
    columns=T.StructType(
        [
            MODEL,
            TAG,
            column("speed", T.DoubleType(), "Speed over that of the log's swimmers in the same stroke"),
            column("stroke_rate", T.DoubleType(), "Stroke rate over theirs"),
        ]
    ),
    key=("model", "tag"),
)

STYLES = Table(
    name="swim.styles",
    written_by="swim score",
    comment="The style of every drill in the log, by each method that was asked.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            METHOD,
            MODEL,
            column("style", T.StringType(), "front_crawl, breaststroke, others or unknown"),
            column("stroke", T.StringType(), "front_crawl, breaststroke, backstroke, butterfly, others or unknown"),
            column("cluster", T.IntegerType(), "Number of the cluster; null where unknown", required=False),
            column("confidence", T.DoubleType(), "1 - distance to its centre / that to the next of another style"),
            column("reason", T.StringType(), "Why the style is unknown; null where it is known", required=False),
            column("added_in", T.LongType(), "Last write that brought readings of the drill"),
        ]
    ),
    key=("tag", "drill", "method"),
)

MOTIONS = Table(
    name="swim.motions",
    written_by="swim laps",
    comment="How a tag moved in a drill: what the kinematic method clusters. Nothing is measured in an unknown pool.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            column("pool", T.StringType(), "Name of the pool (swim.pools)", required=False),
            *[column(name, T.DoubleType(), comment, required=False) for name, comment in _MEASURED.items()],
            column("unfit", T.StringType(), "Why nothing can be said of it; null where it can", required=False),
            column("added_in", T.LongType(), "Last write that brought readings of the drill"),
        ]
    ),
    key=("tag", "drill"),
)

LAPS = Table(
    name="swim.laps",
    written_by="swim laps",
    comment="One row per length of the pool that a tag swam.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            column("lap", T.IntegerType(), "Number of the length in its drill, from 1"),
            column("pool", T.StringType(), "Name of the pool (swim.pools)"),
            column("start_ts", T.TimestampType(), "When it began, UTC"),
            column("duration_s", T.DoubleType(), "Time it took"),
            column("distance_m", T.DoubleType(), "Distance along the pool"),
            column("speed_m_s", T.DoubleType(), "distance / duration"),
            column("full", T.BooleanType(), "From wall to wall"),
            column("ended", T.StringType(), "turn, stop or end (of the drill)"),
            column("added_in", T.LongType(), "Last write that brought readings of the drill"),
        ]
    ),
    key=("tag", "drill", "lap"),
)

ALERTS = Table(
    name="swim.alerts",
    written_by="swim alerts LOGS",
    comment="A tag that fell silent for longer than the threshold while its drill went on.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            column("ts", T.TimestampType(), "Time of the last sample before the silence, UTC"),
            column("silent_s", T.DoubleType(), "How long it had been silent when the alert was raised"),
            column("x_m", T.DoubleType(), "Where it was last seen along the pool"),
            column("y_m", T.DoubleType(), "Where it was last seen across the pool"),
            column("z_m", T.DoubleType(), "Height at which it was last seen, which tells the pool"),
            column("raised_at", T.TimestampType(), "When the alert was raised, by the clock of the job, UTC"),
            column("delay_s", T.DoubleType(), "Time from the threshold's end, as the stream saw it, to raised_at"),
        ]
    ),
    key=("tag", "drill", "ts"),
)

DELIVERIES = Table(
    name="swim.deliveries",
    written_by="swim alerts LOGS",
    comment="An alert that a receiver took.",
    columns=T.StructType(
        [
            TAG,
            DRILL,
            column("ts", T.TimestampType(), "Of the alert: time of the last sample before the silence, UTC"),
            column("receiver", T.StringType(), "webhook, its host and a digest of its address; or file and its path"),
            column("delivered_at", T.TimestampType(), "When it was taken, UTC"),
        ]
    ),
    key=("tag", "drill", "ts", "receiver"),
)
