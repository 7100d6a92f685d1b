"""One drill's path with its lengths and turns, as a picture."""

from __future__ import annotations

from pathlib import Path

from pyspark.sql import functions as F

from brazada.errors import InputError, UsageError
from brazada.plots import swim as plots
from brazada.tables import Store

_ENDINGS = (".svg", ".png", ".pdf")


def draw(store: Store, target: Path, tag: str | None = None, drill: str | None = None) -> None:
    """Draw the drill whose number of lengths is the nearest to ten, among those of `tag` or `drill` if given.

    Raises UsageError for a file of another kind, InputError where no length of such a drill was measured.
    """
    if target.suffix.lower() not in _ENDINGS:
        raise UsageError(f"a file that ends in one of {', '.join(_ENDINGS)}", found=str(target), todo="rename it")
    laps = store.read("swim.laps").frame
    for name, value in (("tag", tag), ("drill", drill)):
        laps = laps if value is None else laps.where(F.col(name) == value)
    counted = laps.groupBy("tag", "drill").agg(F.count("*").alias("lengths"))
    chosen = counted.orderBy(F.abs(F.col("lengths") - 10), "tag", "drill").first()
    if chosen is None:
        found = ", ".join(f"{name} {value}" for name, value in (("tag", tag), ("drill", drill)) if value) or "no drill"
        raise InputError("a drill with lengths in swim.laps", found=f"none of {found}", todo="name another")
    of_drill = (F.col("tag") == chosen["tag"]) & (F.col("drill") == chosen["drill"])
    readings = store.read("swim.readings").frame.where(of_drill).select("tag", "drill", "ts", "x_m").toPandas()
    from matplotlib import rc_context

    figure = plots.path(readings, laps.where(of_drill).toPandas())
    target.parent.mkdir(parents=True, exist_ok=True)
    # Without a date and random names the same drill gives the same file.
    with rc_context({"svg.hashsalt": "brazada", "svg.fonttype": "none", "font.family": "sans-serif"}):
        figure.savefig(target, dpi=150, metadata={"Date": None} if target.suffix.lower() == ".svg" else None)
