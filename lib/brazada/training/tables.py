"""The tables of runs and their figures."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, column

RUNS = Table(
    name="ml.runs",
    comment="One row per training run that came to its end.",
    columns=T.StructType(
        [
            column("run", T.StringType(), "Identifier of the run, also the name of its MLflow run"),
            column("task", T.StringType(), "Name of the task"),
            column("finished_at", T.TimestampType(), "When it was registered, UTC"),
            column("table", T.StringType(), "Table it learned from"),
            column("version", T.LongType(), "Pinned version of that table"),
            column("filter", T.StringType(), "SQL condition its rows met"),
            column("code", T.StringType(), "Git commit (+dirty where files were changed), or the package's version"),
            column("seed", T.LongType(), "Seed of initial weights and shuffling"),
            column("ranks", T.IntegerType(), "Processes that trained it"),
            column("spec", T.StringType(), "Hyper-parameters and learned statistics, JSON"),
            column("packages", T.MapType(T.StringType(), T.StringType()), "Versions of the main packages"),
            column("epochs", T.IntegerType(), "Epochs done"),
            column("best_epoch", T.IntegerType(), "Epoch whose weights were kept"),
            column("judged_by", T.StringType(), "Name of the figure that is compared with the baseline"),
            column("score", T.DoubleType(), "That figure on the validation rows", required=False),
            column("baseline", T.DoubleType(), "The baseline's", required=False),
            column("refit_of", T.StringType(), "Run whose best number of epochs this one took", required=False),
            column("promoted", T.BooleanType(), "Whether the model may be used"),
            column("reason", T.StringType(), "Why, or why not"),
            column("model", T.StringType(), "MLflow run that holds the model"),
        ]
    ),
    key=("run",),
)

METRICS = Table(
    name="ml.metrics",
    comment="One row per figure of a run and epoch.",
    columns=T.StructType(
        [
            column("run", T.StringType(), "Identifier of the run"),
            column("name", T.StringType(), "loss, val_loss, val_<metric>, baseline_<metric>, samples_per_s, ..."),
            column("step", T.IntegerType(), "Epoch, from 1; 0 for figures of the whole run"),
            column("value", T.DoubleType(), "The figure"),
        ]
    ),
    key=("run", "name", "step"),
)
