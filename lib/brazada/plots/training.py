"""Figures of the training tables: a run's curves, and who was taken for whom."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DARK = 0.6  # of the largest share: on darker cells numbers are white


def curves(metrics: pd.DataFrame) -> Figure:
    """Every figure of a run by epoch, training and validation together (rows of ml.metrics of one run)."""
    from matplotlib.figure import Figure

    by_epoch = metrics[metrics["step"] > 0].sort_values("step")
    names = [name for name in dict.fromkeys(by_epoch["name"].str.removeprefix("val_")) if name != "epoch"]
    figure = Figure(figsize=(3.6 * len(names), 3.2), layout="constrained")
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for prefix, label in (("", "training"), ("val_", "validation")):
            rows = by_epoch[by_epoch["name"] == prefix + name]
            if len(rows):
                axes.plot(rows["step"], rows["value"], marker=".", label=label)
        axes.set_title(name)
        axes.set_xlabel("epoch")
    figure.axes[0].legend()
    return figure


def confusion(cells: pd.DataFrame) -> Figure:
    """Rows of each true class by predicted class, shaded by its share of the true one (rows of ml.confusion, a run)."""
    from matplotlib.figure import Figure

    labels = list(dict.fromkeys(cells["label"]))
    counts = cells.pivot_table("rows", "label", "predicted", "sum", fill_value=0).reindex(index=labels, columns=labels)
    numbers = counts.to_numpy(np.float64)
    shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
    figure = Figure(figsize=(0.7 * len(labels) + 2, 0.7 * len(labels) + 1.5), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, vmin=0, vmax=1, cmap="Blues")
    for (row, column), count in np.ndenumerate(numbers):
        color = "white" if shares[row, column] > _DARK else "black"
        axes.text(column, row, f"{count:g}", ha="center", va="center", color=color)
    axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right")
    axes.set_yticks(range(len(labels)), labels)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return figure
