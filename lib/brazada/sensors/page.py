"""The page of sensor series: who was taken for whom, and the lengths of a swimmer."""

from __future__ import annotations

from itertools import groupby

from brazada.pages import Block, Grid, Matrix, Missing, Page, Picture, Reader, lines

_SWIMMERS = 20


def page(reader: Reader) -> Page:
    """The page, from ml.confusion, ml.class_report, sensors.laps and sensors.lap_errors."""
    blocks = [block for part in (_classes, _laps) for block in part(reader)]
    return Page("sensors", "Sensors", "What a robot drives on and what a swimmer swims, told from sensors.", blocks)


def _classes(reader: Reader) -> list[Block]:
    tasks = "task IN ('surfaces', 'strokes')"
    cells = (
        reader.rows(f"SELECT * FROM ml.confusion WHERE {tasks} ORDER BY task, run, label")  # noqa: S608 - a constant
        if reader.has("ml.confusion")
        else []
    )
    if not cells:
        return [Missing("Classes", "No run was scored on test series yet: `brazada evaluate strokes` does it.")]
    blocks: list[Block] = []
    for (task, run, network), group in groupby(cells, lambda row: (row["task"], row["run"], row["network"])):
        counts = {(row["label"], row["predicted"]): row["rows"] for row in group}
        names = sorted({name for pair in counts for name in pair})
        right = sum(count for (label, told), count in counts.items() if label == told) / sum(counts.values())
        text = f"Run {run}: a row for each true class. {right:.1%} of the test series are told right."
        blocks.append(Matrix(f"{task} by {network}: who is taken for whom", text, names, names, counts))
    report = reader.rows(f"SELECT * FROM ml.class_report WHERE {tasks} ORDER BY run, place, label")  # noqa: S608
    grid = [
        {
            "task": row["task"], "network": row["network"], "class": row["label"], "precision": row["precision"],
            "recall": row["recall"], "F1": row["f1"], "series": int(row["support"]),
        }
        for row in report
    ]  # fmt: skip
    return [*blocks, Grid("Figures by class", "In the layout of scikit-learn's report.", grid)]


def _laps(reader: Reader) -> list[Block]:
    if not reader.has("sensors.laps"):
        return [Missing("Lengths of a swimmer", "No length was counted yet: `brazada sensors laps` does it.")]
    rows = reader.rows("SELECT * FROM sensors.laps ORDER BY swimmer, recording, told_by, start_s")
    charts = {}
    for (swimmer, recording), group in groupby(rows, lambda row: (row["swimmer"], row["recording"])):
        by = [(told_by, list(part)) for told_by, part in groupby(group, lambda row: row["told_by"])]
        charts[f"swimmer {swimmer}, {recording}"] = lines(
            "seconds from the start",
            "seconds for the length",
            lines=[
                {"name": f"told by {told_by}", "dots": told_by != "labels", "color": color}
                | {"x": [lap["start_s"] for lap in laps], "y": [lap["seconds"] for lap in laps]}
                for color, (told_by, laps) in enumerate(by)
            ],
        )
    text = "Each length of a swimmer: when it began and how long it took, as a run tells it and as the labels do."
    shown = dict(list(charts.items())[:_SWIMMERS])
    return [Picture("Lengths of a swimmer", text, shown, pick="Swimmer and recording")] if shown else []
