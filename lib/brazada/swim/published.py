"""The published method's features and names: 14 figures of a session, three clusters named by the classifier."""

from __future__ import annotations

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from brazada.report import Job
from brazada.swim.clusters import Clusters, Names, Prepared, min_max
from brazada.swim.sessions import sessions
from brazada.swim.tables import DRILLS, LIMITS, SESSIONS

# dt_s_max and speed_m_s_mean are left out as published: correlated above 0.8 with others.
FEATURES = (
    *["x_m_min", "x_m_max", "x_m_mean"],
    *["dx_m_min", "dx_m_max", "dx_m_mean"],
    *["dt_s_min", "dt_s_mean"],
    *["speed_m_s_min", "speed_m_s_max"],
    *["accel_m_s2_min", "accel_m_s2_max", "accel_m_s2_mean"],
    "classifier",
)


SMALL_MARGIN = 1.0  # deviations; names that rest on less rest on almost nothing


def drills(job: Job, relearn: bool = False) -> DataFrame:
    """See `Method`: the features are those of sessions."""
    sessions(job, relearn=relearn)
    every = job.store.read(DRILLS.name).frame.select("tag", "drill", "added_in", F.col("dropped").alias("unfit"))
    figures = job.store.read(SESSIONS.name).frame.select("tag", "drill", *FEATURES)
    return every.join(figures, on=["tag", "drill"], how="left")


def prepare(job: Job, drills: DataFrame) -> Prepared:
    """See `Method`: features are scaled by the least and the greatest."""
    limits = job.store.read(LIMITS.name).frame.agg({"limits": "max"}).collect()[0][0]
    return Prepared(drills, min_max(drills, FEATURES), name, limits=int(limits))


def as_learned(job: Job, drills: DataFrame, model: Row) -> DataFrame:
    """See `Method`: as they are."""
    return drills


def name(clusters: Clusters) -> Names:
    """The greatest centre in `classifier` is front crawl, the least breaststroke, the others others, as published.

    The margin is the lesser distance of these two centres to the next one, in deviations inside the clusters.
    """
    place = FEATURES.index("classifier")
    values = clusters.centroids[:, place]
    order = np.argsort(values)
    styles = ["others"] * len(values)
    styles[order[0]], styles[order[-1]] = "breaststroke", "front_crawl"
    inside = float(np.sqrt(np.average(clusters.spreads[:, place] ** 2, weights=clusters.sizes)))
    gaps = np.diff(values[order])
    margin = float(min(gaps[0], gaps[-1]) / max(inside, 1e-12)) if len(gaps) else 0.0
    warning = None
    if margin < SMALL_MARGIN:
        warning = f"names rest on almost nothing: the centres that give them are {margin:.2f} deviations apart"
    return Names(tuple(styles), tuple(styles), margin, warning)
