"""How training keeps up: the feed's share of step time, two ranks against one, two fits at once against one.

    python tests/bench/training.py [--rows N] [--units U] [--batch B] [--groups G] [--epochs E]
    python tests/bench/training.py --network NAME [--rows N] [--batch B] [--epochs E]

Rows are made up: windows of prices for a small network or, with --network (cnn, rnn, bilstm, best), drawn pieces of
clothing for one of the task `fashion`. Each measurement is a process of its own, with one core per rank or Spark task.
`ranks-2` gives each rank as many rows a step as the one has, `split-2` shares the one's among both. Run it on a machine
at rest.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table as Grid

LIB = Path(__file__).resolve().parents[2] / "lib"
WINDOW, FEATURES, HORIZON = 30, 5, 7
CORES = {
    "memory": 1,
    "petastorm": 1,
    "tfdata": 1,
    "ranks-1": 1,
    "ranks-2": 2,
    "split-2": 2,
    "many-1": 1,
    "many-2": 2,
}

RANKS = ("ranks", "split")
MANY = ("many-1", "many-2")


def decode(columns, spec):
    window = columns["window"].astype(np.float32).reshape(-1, WINDOW, FEATURES)
    return window, columns["target"].astype(np.float32), np.ones(len(window), np.float32)


def build(spec, seed):
    import tensorflow as tf

    start = tf.keras.initializers.GlorotUniform(seed)
    return tf.keras.Sequential(
        [
            tf.keras.Input((WINDOW, FEATURES)),
            tf.keras.layers.Bidirectional(tf.keras.layers.LSTM(spec["units"], kernel_initializer=start)),
            tf.keras.layers.Dense(HORIZON),
        ]
    )


def loss(y_true, y_pred, weight):
    import tensorflow as tf

    return tf.reduce_sum(weight[:, None] * tf.square(y_true - y_pred)), tf.reduce_sum(weight)


def fashion(settings, options):
    """A network of the task `fashion`, and what writes its table."""
    from brazada.images.fashion.ingest import ingest
    from brazada.images.settings import Images
    from brazada.images.tasks import tasks
    from brazada.simulate.fashion import simulate
    from brazada.training.task import variant

    images = settings.of(Images)
    task = variant(tasks(images), "fashion", options.network)

    def write(here):
        simulate(Path("pictures"), options.rows, 7)
        ingest(here, ["pictures"])

    return task.with_spec(epochs=options.epochs, batch=options.batch), write


def windows(options):
    """A small network over windows of prices, and what writes its table."""
    from pyspark.sql import types as T

    from brazada.tables import Table, array_of, column
    from brazada.training.task import Task

    table = Table(
        name="bench.windows",
        comment="Rows shaped as windows of prices.",
        columns=T.StructType(
            [
                column("id", T.LongType(), "Number"),
                column("window", array_of(T.FloatType()), "Window"),
                column("target", array_of(T.FloatType()), "Horizon"),
                column("product", T.IntegerType(), "Group"),
                column("split", T.StringType(), "train or validate"),
                column("shard", T.IntegerType(), "File"),
            ]
        ),
        key=("id",),
        partition_by=("split", "shard"),
    )
    spec = {"epochs": options.epochs, "batch": options.batch, "units": options.units}
    task = Task("bench", table.name, ("window", "target"), decode, build, loss, spec, "loss", baseline=1e9)
    return task, lambda here: here.store.append_once(table, rows(here.spark, options), "all")


def rows(spark, options):
    from pyspark.sql import functions as F

    from brazada.training.data.sharding import with_shards

    def wave(length):
        steps = F.sequence(F.lit(1), F.lit(length))
        return F.transform(steps, lambda step: F.sin(step * F.col("id") / 97).cast("float"))

    frame = spark.range(options.rows).withColumns({"window": wave(WINDOW * FEATURES), "target": wave(HORIZON)})
    frame = frame.withColumn("product", (F.col("id") % options.groups).cast("int"))
    held_out = (F.col("id") / options.groups).cast("int") % 20 == 0
    frame = frame.withColumn("split", F.when(held_out, "validate").otherwise("train"))
    return with_shards(frame, by=("split",), key=("id",), shards=8)


def measure(name, options):
    from brazada.report import job
    from brazada.settings import load

    kind, _, count = name.partition("-")
    overrides = [
        f"spark.master=local[{CORES[name]}]",
        f"warehouse.path={options.warehouse}",
        f"training.ranks={count if kind in RANKS else 1}",
        f"training.launch={'horovod' if kind in RANKS else 'process'}",
        f"training.feed={'tfdata' if kind == 'tfdata' else 'petastorm'}",
        "training.start_timeout_s=120",
    ]
    settings = load(overrides=overrides, variables={})
    task, write = fashion(settings, options) if options.network else windows(options)
    if name == "ranks-2":
        task = task.with_spec(batch=2 * options.batch)
    with job("bench", settings, ()) as here:
        if not here.store.exists(task.table):
            write(here)
        if kind == "memory":
            return figures(in_memory(here, task))
        if kind == "many":
            return side_by_side(here, task)
        from brazada.training.train import train

        return figures(train(here, task).outcome)


def in_memory(here, task):
    from brazada.training.data import preflight
    from brazada.training.data.columns import arrow_columns
    from brazada.training.data.reader import MemoryFeed, joined
    from brazada.training.launch import devices
    from brazada.training.loop.epochs import Feeds, fit
    from brazada.training.loop.learner import Learner
    from brazada.training.loop.ranks import SingleProcess

    devices.configure_tensorflow(1)
    task, plan = preflight.check(task, here.store.read(task.table), "true", ranks=1)
    chunks = (c for url in plan.train[0].files for c in arrow_columns(url, task.columns, task.rows_per_chunk))
    rows = joined([task.decode(columns, task.spec) for columns in chunks])
    return fit(
        Learner(task, SingleProcess(), 7, plan.steps),
        Feeds(MemoryFeed(task, rows, plan.batch, seed=7), None),
    )


def figures(outcome):
    """Of the epochs after the first, which compiles."""
    later = outcome.history[1:]
    return {name: float(np.mean([entry[name] for entry in later])) for name in ("samples_per_s", "feed_share")}


def side_by_side(here, task):
    from brazada.training.train import train

    task = replace(task, by=("product",))
    train(here, task.with_spec(epochs=1))  # starts the workers, which import TensorFlow once
    started = time.perf_counter()
    done = train(here, task)
    assert not done.failed, done.fits
    return {"seconds": time.perf_counter() - started}


def main():
    parser = argparse.ArgumentParser()
    for name, default in (("rows", 20_000), ("units", 128), ("batch", 512), ("groups", 8), ("epochs", 4)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--network", help="of the task `fashion`")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--child")
    parser.add_argument("--warehouse")
    options = parser.parse_args()
    if options.child:
        print(json.dumps(measure(options.child, options)))
        return
    with tempfile.TemporaryDirectory() as folder:
        names = options.only or [name for name in CORES if not (options.network and name in MANY)]
        found = {name: child(name, options, folder) for name in names}
    report(found)


def child(name, options, folder):
    sizes = [f"--{key}={getattr(options, key)}" for key in ("rows", "units", "batch", "groups", "epochs")]
    sizes += [f"--network={options.network}"] if options.network else []
    command = [sys.executable, __file__, "--child", name, "--warehouse", f"{folder}/warehouse", *sizes]
    with (Path(folder) / f"{name}.log").open("w+") as log:
        environ = os.environ | {"PYTHONPATH": str(LIB)}
        done = subprocess.run(
            command, check=False, stdout=subprocess.PIPE, stderr=log, env=environ, cwd=folder, text=True
        )
        if done.returncode:
            log.seek(0)
            raise SystemExit(f"{name} failed:\n{log.read()[-4000:]}")
    values = json.loads(done.stdout.strip().splitlines()[-1])
    print(name, values, file=sys.stderr)
    return values


def report(found):
    grid = Grid("measurement", "samples/s", "feed's share", "seconds", "against one", "goal")
    goals = {"petastorm": "share < 5 %", "ranks-2": ">= 1.7 x", "many-2": ">= 1.7 x"}
    for name, values in found.items():
        rate, share, seconds = (values.get(key) for key in ("samples_per_s", "feed_share", "seconds"))
        one = found.get(name.replace("-2", "-1").replace("split", "ranks"), values)
        gain = rate / one["samples_per_s"] if rate else one["seconds"] / seconds
        cells = (
            f"{rate:,.0f}" if rate else "",
            f"{share:.1%}" if share is not None else "",
            f"{seconds:.1f}" if seconds else "",
            f"{gain:.2f} x" if name.endswith("-2") else "",
        )
        grid.add_row(name, *cells, goals.get(name, ""))
    Console().print(grid)


if __name__ == "__main__":
    main()
