"""Figures of the price tables: a forecast with its history, errors beside the baselines, what a network looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def forecast(history: pd.DataFrame, ahead: pd.DataFrame) -> Figure:
    """Prices of one series (rows of prices.series) and its forecast with both bands (rows of prices.forecasts)."""
    figure, axes = _canvas()
    seen = history.sort_values("date")
    axes.plot(seen["date"], seen["price"], color="0.3", linewidth=1, label="price")
    filled = seen[~seen["observed"].astype(bool)]
    axes.plot(filled["date"], filled["price"], "o", color="0.6", markersize=3, label="gap filled")
    rows = ahead.sort_values("target_date")
    for level, opacity in (("95", 0.15), ("80", 0.3)):
        low, high = (rows[f"{end}_{level}"].astype(float) for end in ("lower", "upper"))
        axes.fill_between(rows["target_date"], low, high, color="C0", alpha=opacity, label=f"{level} % band")
    axes.plot(rows["target_date"], rows["forecast"], "o-", color="C0", markersize=3, label=rows["model"].iloc[0])
    axes.set_title(str(rows["series"].iloc[0]))
    axes.set_ylabel(f"price per {rows['unit_base'].iloc[0]}")
    axes.legend(fontsize="small")
    return figure


def errors(scores: pd.DataFrame) -> Figure:
    """Each model's error over Naive's with its bootstrap interval (rows of prices.scores of one source and split)."""
    figure, axes = _canvas()
    rows = scores.sort_values("mae_ratio", ascending=False).reset_index(drop=True)
    reach = [rows["mae_ratio"] - rows["mae_low"], rows["mae_high"] - rows["mae_ratio"]]
    axes.errorbar(rows["mae_ratio"], rows.index, xerr=reach, fmt="o", color="C0", capsize=3)
    axes.axvline(1.0, color="0.5", linewidth=1, linestyle="--")
    axes.set_yticks(rows.index, rows["model"])
    axes.set_xlabel("scaled absolute error over Naive's (below 1 is better)")
    axes.set_title(f"{rows['source'].iloc[0]}, {rows['split'].iloc[0]} dates")
    return figure


def attention(history: pd.DataFrame, ahead: pd.DataFrame) -> Figure:
    """Which steps of the window the network looked at for one forecast, beside the prices it saw.

    `ahead` holds rows of prices.forecasts of one series whose `attention` is not null; its weights end at the origin.
    """
    figure, axes = _canvas()
    row = ahead.iloc[0]
    weights = list(row["attention"])
    seen = history[history["date"] <= row["origin"]].sort_values("date").tail(len(weights))
    axes.plot(seen["date"], seen["price"], color="0.3", linewidth=1)
    axes.set_ylabel(f"price per {row['unit_base']}")
    other = axes.twinx()
    other.bar(seen["date"], weights, width=0.8, color="C1", alpha=0.5)
    other.set_ylabel("attention")
    axes.set_title(str(row["series"]))
    return figure


def _canvas() -> tuple[Figure, Axes]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    return figure, figure.subplots()
