"""Figures of sensor series, and of the lengths that were told of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from brazada.sensors.tables import STROKE_CHANNELS, STROKE_HZ

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MEASURES = ("acceleration (m/s²)", "rotation (rad/s)")


def windows(rows: pd.DataFrame) -> Figure:
    """Windows of a watch below each other, with what they are labelled and told to be (`samples`, `label`, `told`)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 1.9 * max(1, len(rows))), layout="constrained")
    axes = figure.subplots(max(1, len(rows)), 2, squeeze=False, sharex=True, sharey="col")
    for pair, row in zip(axes, rows.to_dict("records"), strict=False):
        samples = np.frombuffer(row["samples"], "<f4").reshape(-1, STROKE_CHANNELS)
        seconds = np.arange(len(samples)) / STROKE_HZ
        for place, measure in enumerate(_MEASURES):
            lines = pair[place].plot(seconds, samples[:, 3 * place : 3 * place + 3], linewidth=0.9)
            pair[place].set_ylabel(measure, fontsize="small")
        pair[0].set_title(f"{row['label']}, told as {row['told']}", fontsize="small", loc="left")
    if len(rows):
        axes[0][1].legend(lines, "xyz", loc="upper right", fontsize="small", ncols=3)
        for place in axes[-1]:
            place.set_xlabel("s")
    return figure


def lengths(probabilities: pd.DataFrame, laps: pd.DataFrame, strokes: Sequence[str]) -> Figure:
    """A recording: the probability of each stroke by window, lengths as told (shaded) and as labelled (below).

    `probabilities` are rows with `start` (samples) and a column for each stroke, `laps` rows of sensors.laps of the
    recording, by a run and by the labels.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 3.2), layout="constrained")
    axes = figure.subplots()
    rows = probabilities.sort_values("start")
    middle = rows["start"] / STROKE_HZ + 3
    colors = {stroke: f"C{number}" for number, stroke in enumerate(strokes)}
    for stroke in strokes:
        axes.plot(middle, rows[stroke], color=colors[stroke], label=stroke)
    for lap in laps.to_dict("records"):
        labelled, begins, ends = lap["told_by"] == "labels", lap["start_s"], lap["start_s"] + lap["seconds"]
        low, high = (-0.12, -0.04) if labelled else (0, 1)
        axes.fill_between(
            [begins, ends], low, high, color=colors[lap["stroke"]], alpha=0.9 if labelled else 0.15, linewidth=0
        )
        if not labelled:
            rate = "" if pd.isna(lap["strokes_per_min"]) else f"\n{lap['strokes_per_min']:.0f}/min"
            axes.text((begins + ends) / 2, 1.02, f"{lap['seconds']:.0f} s{rate}", ha="center", fontsize="small")
    axes.set_ylim(-0.15, 1.2)
    axes.set_xlabel("s; below 0: the lengths by the labels")
    axes.set_ylabel("probability")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return figure
