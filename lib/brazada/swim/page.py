"""The page of swim logs: a drill's path, styles, what the published filters leave, best lengths, alerts."""

from __future__ import annotations

import csv
from itertools import groupby
from pathlib import Path
from typing import Any

from brazada.pages import Block, Grid, Matrix, Missing, Page, Picture, Reader, bars, lines
from brazada.tables import literal

_DRILLS = 12  # whose path is shown: those with the most turns
_POINTS = 2000  # of a path
_ENDS = {"turn": 2, "stop": 1, "end": 6}
_STROKES = {"front_crawl": 0, "breaststroke": 1, "backstroke": 2, "butterfly": 3, "others": 4, "unknown": 6}


def page(reader: Reader) -> Page:
    """The page, from swim.laps, swim.readings, swim.styles, swim.steps, swim.leaderboard and swim.alerts."""
    blocks = [block for part in (_paths, _styles, _truth, _steps, _leaders, _alerts) for block in part(reader)]
    return Page("swim", "Swim", "From positions in a pool to lengths, strokes, styles and alerts.", blocks)


def _paths(reader: Reader) -> list[Block]:
    if not reader.has("swim.laps", "swim.readings"):
        return [Missing("A drill's path", "No length was measured yet: `brazada swim run FOLDER` does it.")]
    drills = reader.rows(f"""
        SELECT tag, drill, pool, lengths, turns, distance_m, pace_100m_s FROM swim.drill_laps
        ORDER BY turns DESC, tag, drill LIMIT {_DRILLS}
    """)  # noqa: S608 - a constant
    chosen = ", ".join(f"({literal(drill['tag'])}, {literal(drill['drill'])})" for drill in drills) or "('', '')"
    points, laps = (
        _by_drill(reader.rows(f"SELECT * FROM {table} WHERE (tag, drill) IN ({chosen}) ORDER BY tag, drill, {order}"))  # noqa: S608 - literals
        for table, order in (("swim.readings", "ts"), ("swim.laps", "lap"))
    )
    charts = {}
    for number, drill in enumerate(drills, 1):
        name = f"{number}: tag {drill['tag'][-4:]}, {drill['lengths']} lengths, {drill['distance_m']:.0f} m"
        key = drill["tag"], drill["drill"]
        charts[name] = _path(points[key], laps[key])
    if not charts:
        return [Missing("A drill's path", "No length was found in the log.")]
    text = (
        "A tag's place along the pool, second by second. Each shaded stripe is one length with its time; green lines"
        " are turns at the wall, orange ones stops. The drills with most turns are first."
    )
    return [Picture("A drill's path, with its lengths and turns", text, charts, pick="Drill")]


def _by_drill(rows: list[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    return {key: list(group) for key, group in groupby(rows, lambda row: (row["tag"], row["drill"]))}


def _path(points: list[dict[str, Any]], laps: list[dict[str, Any]]) -> dict[str, Any]:
    began = points[0]["ts"]
    every = max(1, len(points) // _POINTS)
    spans, marks = [], []
    for lap in laps:
        start = (lap["start_ts"] - began).total_seconds()
        end = start + lap["duration_s"]
        spans.append({"from": start, "to": end, "text": f"{lap['duration_s']:.1f} s", "color": 0})
        marks.append({"x": end, "name": f"ended by {lap['ended']}", "color": _ENDS.get(lap["ended"], 6)})
    path = {
        "name": "place", "color": 0,
        "x": [(point["ts"] - began).total_seconds() for point in points[::every]],
        "y": [point["x_m"] for point in points[::every]],
    }  # fmt: skip
    title = f"seconds from {began:%Y-%m-%d %H:%M:%S} UTC"
    return lines(title, "metres from the pool's centre", lines=[path], spans=spans, marks=marks)


def _styles(reader: Reader) -> list[Block]:
    if not reader.has("swim.styles_per_day"):
        return [Missing("Styles", "No drill has a style yet: `brazada swim run --steps fit,score` gives them one.")]
    rows = reader.rows("SELECT * FROM swim.styles_per_day ORDER BY method, day, pool, drills DESC")
    charts = {}
    for method, of_method in groupby(rows, lambda row: row["method"]):
        charts[method] = bars(
            "drills",
            [
                {
                    "label": f"{day}, {pool or 'pool unknown'}",
                    "bars": [
                        {"name": row["style"], "value": row["drills"], "color": _STROKES.get(row["style"], 6)}
                        for row in group
                    ],
                }
                for (day, pool), group in groupby(of_method, lambda row: (row["day"], row["pool"]))
            ],
        )
    text = "How many drills of each style, for each day and pool, by the method that told it."
    return [Picture("Styles by day and pool", text, charts, pick="Method")]


def _truth(reader: Reader) -> list[Block]:
    """The confusion with the truth beside the log, where the log is simulated and the truth lies there still."""
    if not reader.has("swim.styles", "ops.ingested_files"):
        return []
    files = reader.rows("SELECT file FROM ops.ingested_files WHERE job = 'swim ingest'")
    places = {Path(str(row["file"]).removeprefix("file:")).parent / "_truth.csv" for row in files}
    truth = {}
    for place in sorted(place for place in places if place.is_file()):
        with place.open(encoding="utf-8", newline="") as lines_of_file:
            truth.update({row["DrillID"]: row["style"] for row in csv.DictReader(lines_of_file)})
    if not truth:
        return []
    told = reader.rows("SELECT drill, method, style FROM swim.styles ORDER BY method")
    blocks: list[Block] = []
    for method, rows in groupby(told, lambda row: row["method"]):
        counts: dict[tuple[str, str], float] = {}
        for row in rows:
            if style := truth.get(row["drill"]):
                counts[style, row["style"]] = counts.get((style, row["style"]), 0) + 1
        if counts:
            right = sum(count for (style, told), count in counts.items() if style == told) / sum(counts.values())
            text = f"A row for each true style, a column for the one told: {right:.0%} of the drills are told right."
            true, told_as = (sorted({pair[side] for pair in counts}) for side in (0, 1))
            title = f"Told by {method}, beside the truth of the simulated log"
            blocks.append(Matrix(title, text, true, told_as, counts))
    return blocks


def _steps(reader: Reader) -> list[Block]:
    if not reader.has("swim.steps"):
        return []
    rows = reader.rows("SELECT * FROM swim.steps ORDER BY step, published_drills DESC NULLS LAST")
    grid = [
        {
            "step": row["step"], "what passes": row["name"], "readings": row["readings"], "drills": row["drills"],
            "readings in the thesis": row["published_readings"], "drills in the thesis": row["published_drills"],
        }
        for row in rows
    ]  # fmt: skip
    return [Grid("What each filter leaves, beside the thesis", "The published method's steps, on this log.", grid)]


def _leaders(reader: Reader) -> list[Block]:
    if not reader.has("swim.leaderboard"):
        return []
    rows = reader.rows("SELECT * FROM swim.leaderboard WHERE rank <= 5 ORDER BY pool, stroke, rank")
    grid = [
        {
            "pool": row["pool"], "stroke": row["stroke"], "rank": row["rank"], "tag": row["tag"], "lap": row["lap"],
            "time, s": row["duration_s"], "distance, m": row["distance_m"], "speed, m/s": row["speed_m_s"],
        }
        for row in rows
    ]  # fmt: skip
    return [Grid("Leaderboard", "The five best full lengths of each pool and stroke, one for each tag.", grid)]


def _alerts(reader: Reader) -> list[Block]:
    if not reader.has("swim.alerts"):
        return [Missing("Alerts", "No alerts were looked for yet: `brazada swim alerts FOLDER` does it.")]
    rows = reader.rows("SELECT * FROM swim.alerts ORDER BY ts")
    if not rows:
        return [Missing("Alerts", "No tag fell silent while its drill went on.")]
    dots = {"name": "alert", "dots": True, "x": [row["ts"] for row in rows], "y": [row["silent_s"] for row in rows]}
    chart = lines("time of the last sample, UTC", "seconds of silence", time=True, lines=[dots | {"color": 1}])
    grid = [
        {
            "last seen, UTC": row["ts"], "tag": row["tag"], "silent, s": row["silent_s"],
            "along the pool, m": row["x_m"], "across, m": row["y_m"], "raised, UTC": row["raised_at"],
        }
        for row in rows[-50:]
    ]  # fmt: skip
    text = "Each dot is a tag that fell silent while its drill went on: under water, lost or out of reach."
    return [
        Picture("Alerts on a time line", text, {"alerts": chart}),
        Grid("The newest alerts", "At most 50, where each tag was last seen.", grid),
    ]
