"""The tables of runs, their figures, the models of groups, and predictions."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables import Table, array_of, column

_TEXT, _DOUBLE, _INT = T.StringType(), T.DoubleType(), T.IntegerType()
_FIGURES = T.MapType(_TEXT, _DOUBLE)

RUNS = Table(
    name="ml.runs",
    written_by="train TASK",
    comment="One row per training run that came to its end.",
    columns=T.StructType(
        [
            column("run", _TEXT, "Identifier of the run, also the name of its MLflow run"),
            column("task", _TEXT, "Name of the task"),
            column("network", _TEXT, "Which of the task's networks"),
            column("finished_at", T.TimestampType(), "When it was registered, UTC"),
            column("table", _TEXT, "Table it learned from"),
            column("version", T.LongType(), "Pinned version of that table"),
            column("filter", _TEXT, "SQL condition its rows met"),
            column("code", _TEXT, "Git commit (+dirty where files were changed), or the package's version"),
            column("seed", T.LongType(), "Seed of initial weights and shuffling"),
            column("ranks", _INT, "Processes that trained it"),
            column("spec", _TEXT, "Hyper-parameters and learned statistics, JSON"),
            column("packages", T.MapType(_TEXT, _TEXT), "Versions of the main packages"),
            column("epochs", _INT, "Epochs done; of models for groups the most that were allowed"),
            column("best_epoch", _INT, "Epoch whose weights were kept; of models for groups the median"),
            column("ended", _TEXT, "Why it ended: its epochs, no further gain, or a failure to learn"),
            column("monitor", _TEXT, "The figure that decided on the best epoch and is compared with the baseline"),
            column(
                "score", _DOUBLE, "That figure on the validation rows; of models for groups the mean", required=False
            ),
            column("baseline", _DOUBLE, "The baseline's", required=False),
            column("refit_of", _TEXT, "Run whose best number of epochs this one took", required=False),
            column("promoted", T.BooleanType(), "Whether the model became the task's champion"),
            column("reason", _TEXT, "Why, or why not"),
            column("model", _TEXT, "MLflow run that holds the model"),
        ]
    ),
    key=("run",),
)

METRICS = Table(
    name="ml.metrics",
    written_by="train TASK",
    comment="One row per figure of a run and epoch.",
    columns=T.StructType(
        [
            column("run", _TEXT, "Identifier of the run"),
            column("name", _TEXT, "loss, val_<metric>, baseline_<metric>, test_<metric>, test_baseline_<metric>, ..."),
            column("step", _INT, "Epoch, from 1; 0 for figures of the whole run"),
            column("value", _DOUBLE, "The figure"),
        ]
    ),
    key=("run", "name", "step"),
)

FITS = Table(
    name="ml.fits",
    written_by="train TASK",
    comment="One row per group of a run that fitted one model to each group of rows.",
    columns=T.StructType(
        [
            column("run", _TEXT, "Identifier of the run"),
            column("group_key", T.MapType(_TEXT, _TEXT), "The group's values by column"),
            column("name", _TEXT, "Name of the group's files"),
            column("status", _TEXT, "done or failed"),
            column("seconds", _DOUBLE, "Time it took"),
            column("best_epoch", _INT, "Epoch whose weights were kept", required=False),
            column("metrics", _FIGURES, "Figures on its validation rows"),
            column("baseline", _FIGURES, "The baseline's"),
            column("error", _TEXT, "Why it failed", required=False),
        ]
    ),
    key=("run", "name"),
    constraints={"status_known": "status IN ('done', 'failed')"},
)

FOLDS = Table(
    name="ml.folds",
    written_by="evaluate TASK --folds 5",
    comment="One figure of a model on rows that it did not learn from: of a fold, or of all folds of a repeat.",
    columns=T.StructType(
        [
            column("evaluation", _TEXT, "Identifier of the evaluation"),
            column("task", _TEXT, "Name of the task"),
            column("model", _TEXT, "Network or other model"),
            column("split", _TEXT, "by group, or at random: too good where rows of a group resemble each other"),
            column("repeat", _INT, "Number of the dealing out into folds, from 0"),
            column("fold", _INT, "Number of the fold, from 0; none: all rows together", required=False),
            column("name", _TEXT, "Figure"),
            column("value", _DOUBLE, "The figure"),
            column("table", _TEXT, "Table of the rows"),
            column("version", T.LongType(), "Its version"),
            column("folds", _INT, "Number of folds"),
            column("finished_at", T.TimestampType(), "When, UTC"),
        ]
    ),
    key=("evaluation", "model", "split", "repeat", "fold", "name"),
)

PREDICTIONS = Table(
    name="ml.predictions",
    written_by="predict TASK",
    comment="One row per row that a run's model was asked about.",
    columns=T.StructType(
        [
            column("run", _TEXT, "Run whose model predicted"),
            column("task", _TEXT, "Name of the task"),
            column("version", T.LongType(), "Version of the task's table that the row was read from"),
            column("id", _TEXT, "The row's key in that table, joined by | where it has several columns"),
            column("label", _TEXT, "Predicted class", required=False),
            column("probability", _DOUBLE, "Probability of the label", required=False),
            column("probabilities", T.MapType(_TEXT, _DOUBLE), "Probability by class", required=False),
            column(
                "values", T.MapType(_TEXT, array_of(_DOUBLE)), "Other columns of the prediction by name", required=False
            ),
        ]
    ),
    key=("run", "id"),
)
