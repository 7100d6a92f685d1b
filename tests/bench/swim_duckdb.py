"""The opponent: the published method's readings and sessions in DuckDB, from swim logs to Parquet.

    python tests/bench/swim_duckdb.py LOG... OUT [--threads 2]

Writes OUT/readings.parquet (rows with their differences, by tag, drill and time) and OUT/sessions.parquet, and prints
seconds and counts as JSON. It trusts its input: no line is checked, none looked up twice.
"""

import argparse
import json
import time
from pathlib import Path

import duckdb

COLUMNS = {
    "_id": "VARCHAR",
    "TimeStamp": "BIGINT",
    "DrillID": "VARCHAR",
    "TagID": "VARCHAR",
    "Position": "VARCHAR",
    "Velocity": "VARCHAR",
    "Acceleration": "VARCHAR",
}
FILTERED_BY = "dx", "dt", "speed", "accel"
# Steps 1 and 2 of the published method.
READINGS = """
    COPY (
        WITH placed AS (
            SELECT TagID AS tag, substr(DrillID, 10, 24) AS drill, TimeStamp AS ts,
                   split_part(substr(Position, 2), ',', 1)::DOUBLE AS x, split_part(Position, ',', 2)::DOUBLE AS y
            FROM read_csv({logs}, header = true, columns = {columns})
        )
        SELECT *, coalesce(abs(x - lag(x) OVER drill_in_time), 0) AS dx,
               coalesce((ts - lag(ts) OVER drill_in_time) / 1000.0, 0) AS dt
        FROM placed
        WINDOW drill_in_time AS (PARTITION BY tag, drill ORDER BY ts)
        ORDER BY tag, drill, ts
    ) TO '{readings}' (FORMAT parquet)
"""
# Steps 3 to 6.
SESSIONS = """
    COPY (
        WITH moving AS (
            SELECT *, CASE WHEN dt > 0 THEN dx / dt ELSE 0 END AS speed,
                   CASE WHEN dt > 0 THEN dx / (dt * dt) ELSE 0 END AS accel
            FROM '{readings}'
        ), plausible AS (
            SELECT * FROM moving WHERE speed <= 1.56 AND accel <= 0.03
        ), spread AS (
            SELECT {moments} FROM plausible
        ), usual AS (
            SELECT plausible.* FROM plausible, spread WHERE {within}
        )
        SELECT tag, drill, count(*) AS readings, {figures},
               ln((1 + avg(speed)) / (1 + avg(accel) * avg(dt))) AS classifier
        FROM usual GROUP BY tag, drill HAVING min(x) * max(x) < 0
    ) TO '{sessions}' (FORMAT parquet)
"""


def sessions_of(readings, sessions):
    """The second statement: every filter and figure for every measured column."""
    return SESSIONS.format(
        readings=readings,
        sessions=sessions,
        moments=", ".join(f"avg({name}) AS {name}_mean, stddev_pop({name}) AS {name}_sd" for name in FILTERED_BY),
        within=" AND ".join(f"abs({name} - {name}_mean) < 3 * {name}_sd" for name in FILTERED_BY),
        figures=", ".join(
            f"min({name}) AS {name}_min, max({name}) AS {name}_max, avg({name}) AS {name}_mean"
            for name in ("x", *FILTERED_BY)
        ),
    )


def run(logs, out, threads):
    database = duckdb.connect()
    database.execute(f"SET threads = {threads}")
    out.mkdir(parents=True, exist_ok=True)
    readings, sessions = out / "readings.parquet", out / "sessions.parquet"
    started = time.perf_counter()
    database.execute(READINGS.format(logs=logs, columns=COLUMNS, readings=readings))
    between = time.perf_counter()
    database.execute(sessions_of(readings, sessions))
    ended = time.perf_counter()
    count, kept = database.execute(f"SELECT count(*), sum(readings)::BIGINT FROM '{sessions}'").fetchone()
    return {
        "readings_s": between - started,
        "sessions_s": ended - between,
        "seconds": ended - started,
        "rows": database.execute(f"SELECT count(*) FROM '{readings}'").fetchone()[0],
        "sessions": count,
        "readings": kept,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("logs", nargs="+", metavar="LOG")
    parser.add_argument("out", type=Path, metavar="OUT")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print(json.dumps(run(options.logs, options.out, options.threads)))


if __name__ == "__main__":
    main()
