"""Memory of training on pictures: 20,000 of 224 x 224 x 3 through the path that users run, on two ranks.

    python tests/bench/pictures.py [--rows N] [--size PIXELS] [--ranks R] [--feed petastorm|tfdata] [--keep FOLDER]

Writes a table of random pictures (3 GB), trains one epoch of a small network, predicts all of them and scores the test
part. Of every kind of process it prints the largest resident memory seen, looked at five times a second. The goal is
less than 4 GB for each rank. Takes some ten minutes and 4 GB of disk.
"""

import argparse
import os
import sys
import tempfile
import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import psutil
from rich.console import Console
from rich.table import Table as Grid

CLASSES = ["a", "b", "c"]
GOAL_GB = 4


def decode(columns, spec):
    size = spec["size"]
    pixels = np.frombuffer(b"".join(columns["image"]), np.uint8).reshape(-1, size, size, 3)
    return pixels.astype(np.float32) / 255, columns["label"].astype(np.int64), np.ones(len(pixels), np.float32)


def augment(inputs, spec, rng):
    return inputs[:, :, ::-1] if rng.random() < 0.5 else inputs


def build(spec, seed):
    import tensorflow as tf

    start = tf.keras.initializers.GlorotUniform(seed)
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input((spec["size"], spec["size"], 3)),
            layers.Conv2D(8, 7, strides=7, activation="relu", kernel_initializer=start),
            layers.GlobalAveragePooling2D(),
            layers.Dense(len(CLASSES), activation="softmax", kernel_initializer=start),
        ]
    )


def declare(options):
    from pyspark.sql import types as T

    from brazada.tables import Table, column
    from brazada.training import classes
    from brazada.training.metrics import accuracy, cross_entropy
    from brazada.training.task import Task

    table = Table(
        name="bench.pictures",
        comment="Random pictures.",
        columns=T.StructType(
            [
                column("id", T.LongType(), "Number"),
                column("image", T.BinaryType(), "Pixels, row by row"),
                column("label", T.IntegerType(), "Class"),
                column("split", T.StringType(), "train, validate or test"),
                column("shard", T.IntegerType(), "File"),
            ]
        ),
        key=("id",),
        partition_by=("split", "shard"),
        stats_on=("id",),
    )
    return table, Task(
        name="pictures",
        table=table.name,
        columns=("image", "label"),
        decode=decode,
        augment=augment,
        build=build,
        loss=cross_entropy,
        monitor="accuracy",
        metrics={"accuracy": accuracy()},
        output=classes.output,
        baseline=0.0,
        rows_per_chunk=64,
        spec={"epochs": 1, "batch": 64, "size": options.size, "classes": CLASSES},
    )


def rows(spark, options):
    import pyarrow as pa
    from pyspark.sql import functions as F

    from brazada.training.data.sharding import with_shards

    length = options.size * options.size * 3

    def pictures(batches):
        for batch in batches:
            ids = batch.column("id").to_pylist()
            images = [np.random.default_rng(number).bytes(length) for number in ids]
            yield pa.RecordBatch.from_arrays([batch.column("id"), pa.array(images, pa.binary())], ["id", "image"])

    frame = spark.range(0, options.rows, 1, 64).mapInArrow(pictures, "id long, image binary")
    part = F.col("id") % 10
    split = F.when(part == 0, "validate").when(part == 1, "test").otherwise("train")
    frame = frame.withColumns({"label": (F.col("id") % len(CLASSES)).cast("int"), "split": split})
    return with_shards(frame, by=("split",), key=("id",), shards=8)


class Peaks:
    """The largest resident memory of each kind of process below this one, by what goes on."""

    def __init__(self):
        self.doing, self.found = "", defaultdict(dict)
        self._over = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        while not self._over.wait(0.2):
            for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
                try:
                    kind, memory = self._kind(process), process.memory_info().rss
                except psutil.Error:
                    continue
                self.found[self.doing][kind] = max(memory, self.found[self.doing].get(kind, 0))

    @staticmethod
    def _kind(process):
        words = " ".join(process.cmdline())
        if process.pid == os.getpid():
            return "driver, Python"
        if "gloo_exec_fn" in words:
            return f"rank {process.environ().get('HOROVOD_RANK')}"
        return "Spark, Java" if "java" in words else "Spark's Python worker" if "pyspark.daemon" in words else "other"

    def close(self):
        self._over.set()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("rows", 20_000), ("size", 224), ("ranks", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--feed", choices=["petastorm", "tfdata"], default="petastorm")
    parser.add_argument("--keep", metavar="FOLDER")
    options = parser.parse_args()
    here = Path(__file__).resolve()
    os.environ["PYTHONPATH"] = os.pathsep.join([str(here.parents[2] / "lib"), str(here.parent)])
    sys.path.insert(0, str(here.parent))
    import pictures  # by name, as the ranks know it

    with tempfile.TemporaryDirectory() as folder:
        pictures.measure(options, options.keep or folder)


def measure(options, folder):
    from brazada.report import job
    from brazada.settings import load
    from brazada.training.evaluate import evaluate
    from brazada.training.predict import predict
    from brazada.training.registry.runs import load as load_model
    from brazada.training.train import train

    overrides = (f"spark.master=local[{options.ranks}]", f"warehouse.path={folder}/warehouse")
    settings = load(overrides=[*overrides, f"training.ranks={options.ranks}", f"training.feed={options.feed}"])
    table, task = declare(options)
    peaks = Peaks()
    with job("pictures", settings, ()) as here:
        peaks.doing = "write the table"
        if not here.store.exists(table.name):
            here.store.append(table, rows(here.spark, options))
        peaks.doing = "train"
        run = train(here, task)
        model = load_model(here, [task], run.id)
        peaks.doing = "predict"
        predict(here, model)
        peaks.doing = "evaluate"
        evaluate(here, model)
    peaks.close()
    grid = Grid("while it", "process", "largest resident memory")
    for doing, kinds in peaks.found.items():
        for kind, memory in sorted(kinds.items()):
            grid.add_row(doing, kind, f"{memory / 1e9:.2f} GB")
    Console().print(grid)
    most = max(memory for kind, memory in peaks.found["train"].items() if kind.startswith("rank"))
    entry = run.outcome.history[0]
    what = f"{options.rows:,} pictures of {options.size} x {options.size} x 3 by {options.feed}"
    goal = f"goal < {GOAL_GB} GB: {'met' if most < GOAL_GB * 1e9 else 'NOT met'}"
    Console().print(f"{what}: {most / 1e9:.2f} GB for a rank ({goal}), {entry['samples_per_s']:,.0f} samples/s")


if __name__ == "__main__":
    main()
