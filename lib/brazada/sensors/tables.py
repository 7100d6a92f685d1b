"""The tables of sensor series, and their classes."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, column

_TEXT, _INT, _DOUBLE = T.StringType(), T.IntegerType(), T.DoubleType()

STROKES = ("null", "freestyle", "breaststroke", "backstroke", "butterfly", "turn")  # by the number in the files
STROKE_SAMPLES, STROKE_CHANNELS, STROKE_HZ = 180, 6, 30  # of a window
SURFACES = (
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
SURFACE_STEPS, SURFACE_CHANNELS = 128, 10  # of a series

STROKE_WINDOWS = Table(
    name="sensors.strokes",
    written_by="sensors ingest-strokes FOLDER",
    comment="One window of 6 s of a swimmer's watch.",
    columns=T.StructType(
        [
            column("id", _TEXT, "swimmer/recording/start"),
            column("swimmer", _TEXT, "Swimmer, by the folder of the recording"),
            column("recording", _TEXT, "File of the recording without its suffix"),
            column("start", _INT, "Sample of the recording that the window begins with, from 0"),
            column("label", _TEXT, "What most of its samples are labelled; null for what is no class", required=False),
            column("class_number", _INT, "Number of the label, 0 to 5; -1 where there is none"),
            column("label_share", _DOUBLE, "Share of its samples with that label"),
            column("ambiguous", T.BooleanType(), "Whether that share is small"),
            column("samples", T.BinaryType(), "180 x 6 float32, little-endian: acceleration m/s2, rotation rad/s, xyz"),
            column("labels", T.BinaryType(), "180 int8: the label of each sample as published"),
            column("fold", _INT, "Which of ten parts its swimmer belongs to"),
            column("split", _TEXT, "train, validate or test by the fold; aside where there is no label"),
            column("shard", _INT, "File of the split"),
            column("batch", _TEXT, "What tells its file's content, see ops.ingested_files"),
        ]
    ),
    key=("id",),
    constraints={
        "class_known": f"class_number BETWEEN -1 AND {len(STROKES) - 1}",
        "samples_all_there": f"length(samples) = {4 * STROKE_SAMPLES * STROKE_CHANNELS}",
        "labels_all_there": f"length(labels) = {STROKE_SAMPLES}",
    },
    partition_by=("split", "shard"),
    stats_on=("id", "swimmer", "recording", "start", "class_number", "fold"),
)

SURFACE_SERIES = Table(
    name="sensors.surfaces",
    written_by="sensors ingest-surfaces FOLDER",
    comment="One series of 128 steps of a robot's inertial unit.",
    columns=T.StructType(
        [
            column("id", _TEXT, "Series as published"),
            column("recording", _TEXT, "Recording that it is a part of"),
            column("label", _TEXT, "Surface"),
            column("class_number", _INT, "Number of the surface, 0 to 8"),
            column(
                "samples",
                T.BinaryType(),
                "128 x 10 float32, little-endian: orientation (quaternion x y z w), angular velocity xyz, acceleration"
                " xyz",
            ),
            column("fold", _INT, "Which of ten parts its recording belongs to"),
            column("split", _TEXT, "train, validate or test by the fold"),
            column("shard", _INT, "File of the split"),
            column("batch", _TEXT, "What tells the content of its files, see ops.ingested_files"),
        ]
    ),
    key=("id",),
    constraints={
        "class_known": f"class_number BETWEEN 0 AND {len(SURFACES) - 1}",
        "samples_all_there": f"length(samples) = {4 * SURFACE_STEPS * SURFACE_CHANNELS}",
    },
    partition_by=("split", "shard"),
    stats_on=("id", "recording", "label", "class_number", "fold"),
)

LAPS = Table(
    name="sensors.laps",
    written_by="sensors laps",
    comment="One length that a swimmer swam, between two turns or rests.",
    columns=T.StructType(
        [
            column("told_by", _TEXT, "Run whose model told the windows; labels: by the labels of the samples"),
            column("swimmer", _TEXT, "Swimmer"),
            column("recording", _TEXT, "Recording"),
            column("lap", _INT, "Number of the length in the recording, from 1"),
            column("start_s", _DOUBLE, "Where it begins, seconds from the start of the recording"),
            column("seconds", _DOUBLE, "How long it takes, without the turn"),
            column("stroke", _TEXT, "What is swum for most of it"),
            column("strokes_per_min", _DOUBLE, "Stroke cycles of the arm with the watch, if plain", required=False),
            column("known_share", _DOUBLE, "Share of the recording's samples whose label is known"),
            column("split", _TEXT, "Split of the swimmer: of train, the run has learned from it", required=False),
        ]
    ),
    key=("told_by", "swimmer", "recording", "lap"),
)
