"""Figures of the swim tables: what the filters leave, how features and clusters lie, a drill's path, styles' shares."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MEASURED = {"dx_m": "dx, m", "dt_s": "dt, s", "speed_m_s": "speed, m/s", "accel_m_s2": "accel, m/s²"}
_STAGES = {1: "before", 3: "within the records", 4: "within the deviations"}
_COLORS = {"front_crawl": "C0", "breaststroke": "C1", "backstroke": "C2", "butterfly": "C3", "others": "C4"}
ENDINGS = (".svg", ".png", ".pdf")  # of files that `save` writes
_ENDED = {"turn": "C2", "stop": "C1", "end": "0.5"}


def distributions(readings: pd.DataFrame) -> Figure:
    """Histograms and box plots before and after each filter (a sample of rows of swim.filtered_readings)."""
    figure, rows = _canvas(len(_MEASURED), len(_STAGES) + 1, (13, 11))
    kept = {stage: readings[readings["passed"] >= stage] for stage in _STAGES}
    for axes, (name, label) in zip(rows, _MEASURED.items(), strict=True):
        for axis, (stage, frame) in zip(axes, kept.items(), strict=False):
            axis.hist(frame[name], bins=60, color="C0", log=True)
            axis.set_xlabel(label)
            axis.set_title(f"{_STAGES[stage]}: {len(frame):,}", fontsize="small")
        axes[-1].boxplot([frame[name] for frame in kept.values()], flierprops={"marker": ".", "markersize": 2})
        axes[-1].set_xticks(range(1, len(kept) + 1), ["before", "records", "deviations"], fontsize="small")
        if name != "dt_s":
            axes[-1].set_yscale("symlog", linthresh=1e-3)
            axes[-1].set_ylim(bottom=-5e-4)
        axes[-1].set_ylabel(label)
    return figure


def correlations(drills: pd.DataFrame) -> Figure:
    """Pearson's correlation between features (a sample of rows of swim.sessions or swim.motions); blank: constant."""
    features = drills.select_dtypes("float")
    figure, ((axes,),) = _canvas(1, 1, (8, 7))
    image = axes.imshow(features.corr().to_numpy(), vmin=-1, vmax=1, cmap="RdBu")
    places = range(features.shape[1])
    axes.set_xticks(places, features.columns, rotation=90, fontsize="small")
    axes.set_yticks(places, features.columns, fontsize="small")
    figure.colorbar(image, ax=axes, label="correlation")
    return figure


def clusters(points: pd.DataFrame) -> Figure:
    """A method's drills on their first principal components, in 2D and 3D (a sample of rows of swim.points)."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 5), layout="constrained")
    flat, deep = figure.add_subplot(1, 2, 1), figure.add_subplot(1, 2, 2, projection="3d")
    places, shares = _components(np.array(points["point"].tolist()))
    for stroke in sorted(set(points["stroke"])):
        chosen = (points["stroke"] == stroke).to_numpy()
        look: dict[str, Any] = {"s": 6, "color": _COLORS.get(stroke, "0.5"), "alpha": 0.6, "label": stroke}
        flat.scatter(*places[chosen, :2].T, **look)
        deep.scatter(*places[chosen].T, **look)
    for cluster in sorted(set(points["cluster"])):
        centre = places[(points["cluster"] == cluster).to_numpy()].mean(axis=0)
        flat.annotate(str(cluster), centre[:2], weight="bold", ha="center", va="center")
        deep.text(*centre, str(cluster), weight="bold")
    for axes, names in ((flat, "xy"), (deep, "xyz")):
        for number, name in enumerate(names):
            getattr(axes, f"set_{name}label")(f"component {number + 1} ({shares[number]:.0%} of variance)")
    flat.legend(fontsize="small")
    figure.suptitle(f"{points['method'].iloc[0]}: {len(points):,} drills, numbers are clusters")
    return figure


def path(readings: pd.DataFrame, laps: pd.DataFrame) -> Figure:
    """One drill's position in time, with its lengths and how each ended (rows of swim.readings and of swim.laps)."""
    figure, ((axes,),) = _canvas(1, 1, (11, 3.6))
    seen, lengths = readings.sort_values("ts"), laps.sort_values("lap")
    began = seen["ts"].iloc[0]
    axes.plot((seen["ts"] - began).dt.total_seconds(), seen["x_m"], color="C0", linewidth=1.2)
    starts = (lengths["start_ts"] - began).dt.total_seconds().tolist()
    ends = (lengths["duration_s"] + starts).tolist()
    top = seen["x_m"].abs().max()
    for number, (start, end, ending) in enumerate(zip(starts, ends, lengths["ended"].tolist(), strict=True), 1):
        axes.axvspan(start, end, color="C0", alpha=0.05 + 0.07 * (number % 2), linewidth=0)
        axes.axvline(end, color=_ENDED[ending], linewidth=1.5)
        axes.text((start + end) / 2, 1.12 * top, f"{end - start:.1f} s", fontsize="x-small", ha="center")
    for ending in lengths["ended"].drop_duplicates():
        axes.plot([], [], color=_ENDED[ending], label=f"ended by {ending}")
    axes.set_ylim(-1.1 * top, 1.3 * top)
    axes.margins(x=0.01)
    axes.set_xlabel(f"seconds from {began:%Y-%m-%d %H:%M:%S} UTC")
    axes.set_ylabel("metres from the pool's centre")
    way, tag = lengths["distance_m"].sum(), seen["tag"].iloc[0]
    axes.set_title(f"Tag {tag}: {len(lengths)} lengths, {way:.0f} m, each with its time", fontsize="medium")
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(fontsize="small", loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


def save(figure: Figure, target: Path) -> None:
    """Write a figure as its file's ending says. The same figure gives the same SVG."""
    from matplotlib import rc_context

    target.parent.mkdir(parents=True, exist_ok=True)
    with rc_context({"svg.hashsalt": "brazada", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(target, dpi=150, metadata={"Date": None} if target.suffix.lower() == ".svg" else None)


def shares(styles: pd.DataFrame) -> Figure:
    """Share of each style by method, side by side (rows of method, style, drills)."""
    figure, ((axes,),) = _canvas(1, 1, (9, 4))
    drills = styles.pivot_table("drills", "style", "method", aggfunc="sum", fill_value=0)
    drills = drills.reindex([style for style in _COLORS if style in drills.index])
    part = drills / drills.sum()
    width = 0.8 / len(part.columns)
    for number, method in enumerate(part.columns):
        places = np.arange(len(part)) + (number - (len(part.columns) - 1) / 2) * width
        bars = axes.bar(places, part[method], width * 0.95, label=f"{method} ({drills[method].sum():,})")
        axes.bar_label(bars, [f"{value:,}" for value in drills[method]], fontsize="small")
    axes.set_xticks(range(len(part)), part.index)
    axes.set_ylabel("share of drills")
    axes.legend(fontsize="small")
    return figure


def _components(points: np.ndarray[Any, Any]) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Places on the first three principal components, (n, 3), and the share of variance of each."""
    centred = points - points.mean(axis=0)
    _, sizes, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:3].T, sizes**2 / max((sizes**2).sum(), 1e-30)


def _canvas(rows: int, columns: int, size: tuple[float, float]) -> tuple[Figure, list[list[Axes]]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False).tolist()
