"""A domain of its own, in less than 100 lines: squares of 8 x 8 bytes, dark or bright, told apart by a network."""

import hashlib

import click
import numpy as np
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.cli.options import with_settings
from brazada.cli.steps import start
from brazada.domains import Domain
from brazada.ingest.whole import Format, Refused, ingest_files
from brazada.section import Section
from brazada.tables import Table, View, column
from brazada.training import classes
from brazada.training.data.sharding import with_shards
from brazada.training.metrics import accuracy, auc, confusion_matrix, cross_entropy
from brazada.training.task import Task

CLASSES = ["dark", "bright"]


class Toy(Section):
    """Settings of the squares."""

    epochs: int = 12


SQUARES = Table(
    name="toy.squares",
    comment="One square.",
    columns=T.StructType(
        [
            column("id", T.StringType(), "What tells the square"),
            column("pixels", T.BinaryType(), "8 x 8 bytes"),
            column("label", T.IntegerType(), "0 dark, 1 bright"),
            column("split", T.StringType(), "train, validate or test"),
            column("shard", T.IntegerType(), "File"),
            column("batch", T.StringType(), "File it came from"),
        ]
    ),
    key=("id",),
    partition_by=("split", "shard"),
)
VIEWS = (
    View("toy.sizes", "Squares by class.", (SQUARES.name,), f"SELECT label, count(*) n FROM {SQUARES.name} GROUP BY 1"),
)


def read(path, content):
    if len(content) != 64:
        raise Refused(f"{len(content)} bytes, not 64")
    yield hashlib.sha256(content).hexdigest()[:16], content, CLASSES.index(path.rpartition("/")[2].partition("-")[0])


def prepare(rows):
    part = F.pmod(F.xxhash64("id"), F.lit(5))
    split = F.when(part == 0, "validate").when(part == 1, "test").otherwise("train")
    return with_shards(rows.withColumn("split", split), ("split",), ("id",), 4)


def decode(columns, spec):
    pixels = np.frombuffer(b"".join(columns["pixels"]), np.uint8).reshape(-1, 64).astype(np.float32)
    return pixels / 255 - spec["statistics"]["mean"], columns["label"], np.ones(len(pixels), np.float32)


def mean_level(rows):
    levels = rows.select("pixels").toPandas()["pixels"]
    return {"mean": float(np.mean([np.frombuffer(bytes(square), np.uint8).mean() / 255 for square in levels]))}


def build(spec, seed):
    import tensorflow as tf

    start = tf.keras.initializers.GlorotUniform(seed)
    return tf.keras.Sequential([tf.keras.Input((64,)), tf.keras.layers.Dense(2, "softmax", kernel_initializer=start)])


def always_dark(inputs, spec):
    """Every square is dark."""
    return np.tile(np.array([[1.0, 0.0]], np.float32), (len(inputs), 1))


def tasks(settings):
    return [
        Task(
            name="squares",
            table=SQUARES.name,
            columns=("pixels", "label"),
            decode=decode,
            build=build,
            loss=cross_entropy,
            metrics={"accuracy": accuracy(), "auc": auc()},
            test_metrics={"confusion": confusion_matrix(CLASSES)},
            monitor="accuracy",
            baseline=always_dark,
            statistics=mean_level,
            output=classes.output,
            spec={"epochs": settings.epochs, "batch": 16, "learning_rate": 0.02, "classes": CLASSES},
        )
    ]


@click.group()
def toy():
    """Squares."""


@toy.command()
@click.argument("paths", nargs=-1)
@with_settings
def ingest(settings, verbose, paths):
    files = Format("square", (".bin", ".bin.gz"), ("id", "pixels", "label"), read)
    start("toy ingest", settings, verbose, lambda job: ingest_files(job, SQUARES, paths, files, prepare), ())


DOMAIN = Domain("toy", Toy, "toy:toy", "toy:VIEWS", "toy:tasks")
