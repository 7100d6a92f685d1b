"""The page of sensor series: who was taken for whom, and the lengths of a swimmer."""

from __future__ import annotations

from itertools import groupby

from brazada.pages import Block, Missing, Page, Picture, Reader, classes, lines

_SWIMMERS = 20


def page(reader: Reader) -> Page:
    """The page, from ml.confusion, ml.class_report, sensors.laps and sensors.lap_errors."""
    blocks = [*classes(reader, ("strokes", "surfaces"), "series"), *_laps(reader)]
    return Page("sensors", "Sensors", "What a robot drives on and what a swimmer swims, told from sensors.", blocks)


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
