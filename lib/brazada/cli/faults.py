"""What an error says: its first cause, and the command to run next where a table is missing."""

from __future__ import annotations

import re

from brazada.errors import TableError
from brazada.output import command

WRITERS = {
    "prices.observations": "prices ingest FILES",
    "prices.conflicts": "prices ingest FILES",
    "prices.series": "prices series",
    "prices.windows": "prices windows",
    "prices.backtest": "prices backtest",
    "prices.scores": "prices backtest",
    "prices.serving": "prices backtest",
    "prices.forecasts": "prices forecast",
    "swim.readings": "swim ingest LOGS",
    "swim.limits": "swim sessions",
    "swim.drills": "swim sessions",
    "swim.sessions": "swim sessions",
    "swim.swimmers": "swim fit",
    "swim.models": "swim fit",
    "swim.styles": "swim score",
    "swim.laps": "swim laps",
    "swim.motions": "swim laps",
    "swim.alerts": "swim alerts LOGS",
    "swim.deliveries": "swim alerts LOGS",
    "images.fashion": "images ingest-fashion FOLDER",
    "images.photos": "images ingest-car-damage FOLDER",
    "images.duplicates": "images ingest-car-damage FOLDER",
    "images.car_damage": "images ingest-car-damage FOLDER",
    "sensors.strokes": "sensors ingest-strokes FOLDER",
    "sensors.surfaces": "sensors ingest-surfaces FOLDER",
    "sensors.laps": "sensors laps",
    "ml.runs": "train TASK",
    "ml.metrics": "train TASK",
    "ml.fits": "train TASK",
    "ml.folds": "evaluate TASK --folds 5",
    "ml.predictions": "predict TASK",
    "ops.job_runs": "prices ingest FILES",
    "ops.ingested_files": "prices ingest FILES",
    "ops.quarantine": "prices ingest FILES",
}


def next_command(error: Exception) -> str | None:
    """The command that writes the table that an error misses, if it is one of this suite's."""
    if not isinstance(error, TableError) or error.table not in WRITERS:
        return None
    return command(*WRITERS[error.table].split(), warehouse=error.warehouse)


def first_cause(error: Exception) -> str:
    """The line that says what lies at the root, and of which data file where it is about one."""
    said, cause = [str(error)], getattr(error, "java_exception", None)
    while cause is not None:  # of a Java exception its own message, not that a call failed
        said.append(str(cause.getMessage()))
        cause = cause.getCause()
    lines = said[-1].strip().splitlines() or [""]
    # Of an error in a Python worker the message is a traceback, and the last line what it says.
    root = f"{type(error).__name__}: {lines[-1 if 'Traceback (most recent call last)' in said[-1] else 0]}"
    file = re.search(r"[Ff]ile (?:file:/*(?=/))?(\S+\.parquet)", "\n".join(said))
    if file is None:
        return root
    found = root if file[1] in root else f"{root} in {file[1]}"
    return f"expected a table's data files as they were written; found {found}. Restore the file from a copy"
