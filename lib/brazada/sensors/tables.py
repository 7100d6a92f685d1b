"""The tables of sensor series, and their classes."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, column

SURFACES_KNOWN = (
    "carpet",
    "concrete",
    "fine_concrete",
    "hard_tiles",
    "hard_tiles_large_space",
    "soft_pvc",
    "soft_tiles",
    "tiled",
    "wood",
)
SURFACE_STEPS, SURFACE_CHANNELS = 128, 10
STROKE_LABELS = ("null", "freestyle", "breaststroke", "backstroke", "butterfly", "turn")
WINDOW, STROKE_CHANNELS, RATE_HZ = 180, 9, 30  # samples of a window, 6 s

_TEXT, _INT = T.StringType(), T.IntegerType()
_LAST = [
    column("split", _TEXT, "train, validate or test; a group is in one of them"),
    column("shard", _INT, "File of the split"),
    column("batch", _TEXT, "Content of the file it came from"),
]

SURFACES = Table(
    name="sensors.surfaces",
    comment="One series of 128 steps of a robot's inertial sensor.",
    columns=T.StructType(
        [
            column("id", _TEXT, "Number of the series"),
            column("recording", _TEXT, "Recording that it was cut from"),
            column("label", _TEXT, "Surface"),
            column("class_number", _INT, "Number of the surface, in the order of their names"),
            column(
                "signal",
                T.BinaryType(),
                "128 x 10 floats, little-endian: orientation xyzw, angular velocity xyz (rad/s),"
                " linear acceleration xyz (m/s2)",
            ),
            *_LAST,
        ]
    ),
    key=("id",),
    constraints={"signal_all_there": f"length(signal) = {4 * SURFACE_STEPS * SURFACE_CHANNELS}"},
    partition_by=("split", "shard"),
    stats_on=("id", "recording", "label", "class_number"),
)

STROKES = Table(
    name="sensors.strokes",
    comment="One window of 6 s of a swimmer's watch.",
    columns=T.StructType(
        [
            column("id", _TEXT, "Swimmer, recording and start: 10/Butterfly_1531393764517/00060"),
            column("swimmer", _TEXT, "Folder of the file"),
            column("recording", _TEXT, "Name of the file: style that prevails, and milliseconds since 1970"),
            column("start", _INT, "Sample of the recording that the window begins with, from 0, 30 a second"),
            column("label", _TEXT, "What most of its samples are labelled"),
            column("class_number", _INT, "0 null, 1 freestyle, 2 breaststroke, 3 backstroke, 4 butterfly, 5 turn"),
            column("label_share", T.FloatType(), "Share of the samples that are labelled so"),
            column("clear", T.BooleanType(), "Whether that share is large enough to tell the window by it"),
            column(
                "signal",
                T.BinaryType(),
                "180 x 9 floats, little-endian: acceleration xyz (m/s2), angular velocity xyz (rad/s),"
                " magnetic field xyz (uT)",
            ),
            column("labels", T.BinaryType(), "180 bytes: the label of each sample; 255 where it is unknown"),
            *_LAST,
        ]
    ),
    key=("id",),
    constraints={"signal_all_there": f"length(signal) = {4 * WINDOW * STROKE_CHANNELS} AND length(labels) = {WINDOW}"},
    partition_by=("split", "shard"),
    stats_on=("id", "swimmer", "recording", "start", "label", "class_number"),
)

LAPS = Table(
    name="sensors.laps",
    comment="One length that a swimmer swam, as a run's model tells it.",
    columns=T.StructType(
        [
            column("run", _TEXT, "Run whose model told the strokes"),
            column("swimmer", _TEXT, "Swimmer"),
            column("recording", _TEXT, "Recording"),
            column("lap", _INT, "Number of the length in the recording, from 1"),
            column("start_s", T.DoubleType(), "Where it begins, seconds from the start of the recording"),
            column("seconds", T.DoubleType(), "How long it is"),
            column("stroke", _TEXT, "What is swum for most of it"),
            column("strokes_per_min", T.DoubleType(), "Stroke cycles a minute, where they are plain", required=False),
        ]
    ),
    key=("run", "recording", "lap"),
)
