"""Everything that docs/results.md says of prices, measured anew and printed: `make bench DATA=folder`.

    python tests/bench/run.py FOLDER [--only ingest quality training]

FOLDER holds `odepa-prices/` and `kalimati-prices/` with the full published files (see tests/sample/prices/README.md for
where they come from). Takes half an hour on two cores; run it on a machine at rest.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table as Grid

HERE = Path(__file__).resolve().parent
SOURCES = {"kalimati": "kalimati-prices", "odepa": "odepa-prices"}
GOALS = {"kalimati": 1.00, "odepa": 0.98}
SCORES = """
    SELECT source, model, rows, mase, mae_ratio, mae_low, mae_high, pinball_ratio, coverage_80, coverage_95
    FROM prices.scores WHERE split = 'test' ORDER BY source, mae_ratio
"""


def brazada(*words):
    """Run a command to its end; its output and wall clock, Spark's start included."""
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "brazada", *map(str, words)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SystemExit(f"brazada {' '.join(map(str, words))} exited {done.returncode}\n{done.stderr[-4000:]}")
    return done.stdout, time.perf_counter() - started


def ingest(data, console):
    """ODEPA 2024 as published, three times, each into a warehouse of its own."""
    times = []
    for _ in range(3):
        with tempfile.TemporaryDirectory() as warehouse:
            words = "prices", "ingest", "--source", "odepa", data / SOURCES["odepa"], "--warehouse", warehouse
            times.append(brazada(*words)[1])
    shown = ", ".join(f"{seconds:.1f}" for seconds in times)
    console.print(
        f"ingest of ODEPA 2024, Spark's start included: median {sorted(times)[1]:.1f} s of {shown} (goal < 30 s)"
    )


def quality(data, console):
    """Both sources from files to forecasts with the settings as shipped; the test scores beside the baselines."""
    with tempfile.TemporaryDirectory() as warehouse:
        for source, folder in SOURCES.items():
            _, seconds = brazada("prices", "run", "--source", source, data / folder, "--warehouse", warehouse)
            console.print(f"{source}: files to forecasts in {seconds:.0f} s")
        rows = json.loads(brazada("sql", SCORES, "--format", "json", "--warehouse", warehouse)[0])
    grid = Grid(
        "source", "model", "forecasts", "MASE", "MAE ratio", "95 % interval", "pinball ratio", "in 80 %", "in 95 %"
    )
    for row in rows:
        figures = [f"{row[name]:.3f}" for name in ("pinball_ratio", "coverage_80", "coverage_95")]
        interval = f"{row['mae_low']:.3f} to {row['mae_high']:.3f}"
        cells = row["source"], row["model"], f"{row['rows']:,}", f"{row['mase']:.3f}", f"{row['mae_ratio']:.3f}"
        grid.add_row(*cells, interval, *figures, style="bold" if row["model"] == "served" else "")
    console.print(grid)
    for row in (row for row in rows if row["model"] == "served"):
        met = row["mae_ratio"] <= GOALS[row["source"]] and row["pinball_ratio"] <= 0.96
        met = met and abs(row["coverage_80"] - 0.8) <= 0.05
        goal = f"MAE <= {GOALS[row['source']]:.2f}, pinball <= 0.96, coverage 0.75 to 0.85"
        console.print(f"{row['source']} served: {goal}: {'met' if met else 'NOT met'}")


def training(_, console):
    """The feed, two ranks and two fits at once, on synthetic windows."""
    subprocess.run([sys.executable, HERE / "training.py"], check=True)


def main():
    measures = {"ingest": ingest, "quality": quality, "training": training}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", nargs="*", choices=measures, default=list(measures))
    options = parser.parse_args()
    if absent := [folder for folder in SOURCES.values() if not (options.data / folder).is_dir()]:
        parser.error(f"expected {' and '.join(absent)} in {options.data}; tests/sample/prices/README.md says whence")
    console = Console(width=160)
    for name in options.only:
        measures[name](options.data, console)


if __name__ == "__main__":
    main()
