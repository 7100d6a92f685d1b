"""The page of training: runs compared, curves of each run, champions."""

from __future__ import annotations

from itertools import groupby

from brazada.pages.blocks import Block, Grid, Missing, Page, Picture, lines
from brazada.pages.reader import Reader

_RUNS = 40  # whose curves are shown: the newest


def page(reader: Reader) -> Page:
    """The page, from ml.runs and ml.metrics."""
    return Page("training", "Training", "What was trained, how it went and what became champion.", _blocks(reader))


def _blocks(reader: Reader) -> list[Block]:
    if not reader.has("ml.runs", "ml.metrics"):
        return [Missing("Runs", "Nothing was trained yet: `brazada train TASK` does it; `brazada tasks` lists tasks.")]
    runs = reader.rows("SELECT * FROM ml.runs ORDER BY finished_at DESC")
    champions = {run["task"]: run for run in reversed(runs) if run["promoted"]}
    grid = [
        {
            "task": run["task"], "network": run["network"], "run": run["run"], "finished, UTC": run["finished_at"],
            "epochs": run["epochs"], "best": run["best_epoch"], "ranks": run["ranks"], "figure": run["monitor"],
            "validation": run["score"], "baseline": run["baseline"],
            "champion": "now" if champions.get(run["task"]) is run else "was" if run["promoted"] else "no",
            "why": run["reason"],
        }
        for run in runs
    ]  # fmt: skip
    text = "Newest first. The figure decides on the best epoch and on the champion; the baseline has to be beaten."
    return [Grid("Runs compared", text, grid), *_curves(reader)]


def _curves(reader: Reader) -> list[Block]:
    rows = reader.rows(f"""
        SELECT runs.run, runs.task, runs.network, metrics.name, metrics.step, metrics.value
        FROM ml.metrics AS metrics
          JOIN (SELECT * FROM ml.runs ORDER BY finished_at DESC LIMIT {_RUNS}) AS runs ON runs.run = metrics.run
        WHERE metrics.step > 0
        ORDER BY runs.finished_at DESC, runs.run, replace(metrics.name, 'val_', ''), metrics.name, metrics.step
    """)  # noqa: S608 - a constant
    charts = {}
    for (_, name), group in groupby(rows, lambda row: (row["run"], row["name"].removeprefix("val_"))):
        curves = [list(part) for _, part in groupby(group, lambda row: row["name"])]
        first = curves[0][0]
        charts[f"{first['task']}, {first['network']}, {first['run']}: {name}"] = lines(
            "epoch",
            name.replace("_", " "),
            lines=[
                {
                    "name": "validation" if curve[0]["name"].startswith("val_") else "training",
                    "color": int(curve[0]["name"].startswith("val_")),
                    "x": [row["step"] for row in curve],
                    "y": [row["value"] for row in curve],
                }
                for curve in curves
            ],
        )
    if not charts:
        return [Missing("Curves", "No run that went by epochs has noted figures.")]
    ordered = dict(sorted(charts.items(), key=lambda item: not item[0].endswith(": loss")))
    text = "Each figure of a run by epoch, on the training and on the validation rows; losses first."
    return [Picture("Curves of a run", text, ordered, pick="Run and figure")]
