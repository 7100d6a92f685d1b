"""A task over lines in three dimensions, for tests: y = x . (1, 2, 3) + 1, learned by one dense layer."""

import os
import time

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.tables import Table, array_of, column
from brazada.training.data.sharding import with_shards
from brazada.training.metrics import mean_of
from brazada.training.task import Task

TABLE = Table(
    name="tests.lines",
    comment="Points of a line.",
    columns=T.StructType(
        [
            column("id", T.LongType(), "Number"),
            column("x", array_of(T.FloatType()), "Point", required=False),
            column("y", T.FloatType(), "Value", required=False),
            column("source", T.StringType(), "Where from"),
            column("split", T.StringType(), "train or validate"),
            column("shard", T.IntegerType(), "File"),
        ]
    ),
    key=("id",),
    partition_by=("source", "split", "shard"),
)


def points(spark: SparkSession, rows: int = 256, shards: int = 4, source: str = "a b%c", first: int = 0) -> DataFrame:
    """Rows whose values follow from their number; every fourth is held out."""
    number = F.col("id").cast("double")
    x = F.array(*[F.sin(number * k).cast("float") for k in (1.1, 2.3, 3.7)])
    frame = spark.range(first, first + rows).withColumn("x", x)
    frame = frame.withColumn("y", (F.col("x")[0] + 2 * F.col("x")[1] + 3 * F.col("x")[2] + 1).cast("float"))
    frame = frame.withColumn("source", F.lit(source))
    frame = frame.withColumn("split", F.when(F.col("id") % 4 == 0, "validate").otherwise("train"))
    return with_shards(frame, by=("source", "split"), key=("id",), shards=shards)


def decode(columns, spec):
    """Rows of points; slowly where the test wants the time to kill a rank."""
    time.sleep(float(os.environ.get("BRAZADA_TEST_SLOW_S", "0")))
    y = columns["y"].astype(np.float32)
    return columns["x"].astype(np.float32), y, np.ones_like(y)


def build(spec, seed):
    """A dense layer, after batch normalisation and dropout where the spec asks for them."""
    import tensorflow as tf

    if spec.get("broken"):
        raise KeyError("no such layer")
    inputs = tf.keras.Input((3,))
    hidden = tf.keras.layers.BatchNormalization()(inputs) if spec.get("norm") else inputs
    hidden = tf.keras.layers.Dropout(spec.get("dropout", 0.0))(hidden)
    shrink = tf.keras.regularizers.L2(spec.get("shrink", 0.0))
    start = tf.keras.initializers.GlorotUniform(seed)
    return tf.keras.Model(inputs, tf.keras.layers.Dense(1, kernel_regularizer=shrink, kernel_initializer=start)(hidden))


def squared(y_true, y_pred, weight):
    import tensorflow as tf

    return tf.reduce_sum(weight * tf.square(y_true - y_pred[:, 0])), tf.reduce_sum(weight)


def absolute(y_true, y_pred, weight):
    import tensorflow as tf

    return tf.reduce_sum(weight * tf.abs(y_true - y_pred[:, 0])), tf.reduce_sum(weight)


def mean_of_y(frame):
    """A statistic of the training rows."""
    return {"mean": frame.agg(F.avg("y")).first()[0]}


def zero(inputs, _):
    return np.zeros((len(inputs), 1), np.float32)


LINES = Task(
    name="lines",
    table=TABLE.name,
    columns=("x", "y"),
    decode=decode,
    build=build,
    loss=squared,
    spec={"epochs": 8, "batch": 32, "learning_rate": 0.05},
    monitor="loss",
    metrics={"mae": mean_of(absolute)},
    baseline=zero,
)
