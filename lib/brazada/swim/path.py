"""One drill's readings and lengths, to be drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.tables import Store

if TYPE_CHECKING:
    import pandas as pd


def of_drill(store: Store, tag: str | None = None, drill: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Rows of swim.readings and swim.laps of one tag and drill, of those whose number of lengths is nearest to ten.

    Only drills of `tag`, and only `drill`, where these are given. Raises InputError where none has a length.
    """
    laps = store.read("swim.laps").frame
    asked = {name: value for name, value in (("tag", tag), ("drill", drill)) if value is not None}
    for name, value in asked.items():
        laps = laps.where(F.col(name) == value)
    counted = laps.groupBy("tag", "drill").agg(F.count("*").alias("lengths"))
    chosen = counted.orderBy(F.abs(F.col("lengths") - 10), "tag", "drill").first()
    if chosen is None:
        of = ", ".join(f"{name} {value}" for name, value in asked.items()) or "any drill"
        raise InputError("lengths in swim.laps", found=f"none of {of}", todo="name another, or run swim laps")
    same = (F.col("tag") == chosen["tag"]) & (F.col("drill") == chosen["drill"])
    readings = store.read("swim.readings").frame.where(same).select("tag", "drill", "ts", "x_m")
    return readings.toPandas(), laps.where(same).toPandas()
