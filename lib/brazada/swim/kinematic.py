"""The kinematic method's features and names: speed, stroke rate and swing of speed, clusters named by physics.

Speed and rate are those of the swimmer beside the others: what `learn` finds of a tag is taken from its drills.
"""

from __future__ import annotations

from functools import partial

import numpy as np
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from brazada.report import Job
from brazada.swim import motion, naming
from brazada.swim.clusters import Clusters, Level, Names, Prepared, Scaling
from brazada.swim.laps import laps
from brazada.swim.settings import Swim
from brazada.swim.tables import MOTIONS, SWIMMERS

FEATURES = tuple(f"log_{name}" for name in motion.FEATURES)
# Nothing is learned from the log: the unit is the spread among swimmers of one stroke, the same in every feature.
SCALING = Scaling(FEATURES, (0.0,) * len(FEATURES), motion.SPREADS)
LEVEL = "tag string, speed double, stroke_rate double"
_CELL = 0.25  # spreads; what drills are counted in


def drills(job: Job, relearn: bool = False) -> DataFrame:
    """See `Method`: the features are those of motions, which have no limits to be learned anew."""
    laps(job)
    logarithms = [
        F.log(F.greatest(F.col(name), F.lit(least))).alias(f"log_{name}")
        for name, least in zip(motion.FEATURES, motion.SMALLEST, strict=True)
    ]
    return job.store.read(MOTIONS.name).frame.select("tag", "drill", "added_in", "unfit", *logarithms)


def prepare(job: Job, drills: DataFrame) -> Prepared:
    """See `Method`: what is found of each swimmer is taken from his drills."""
    swimming, levels = learn(drills, job.settings.of(Swim).compare_swimmers)
    rows = subtract_swimmer_effect(drills, job.spark.createDataFrame(levels, LEVEL))
    naming_of = partial(name, swimming)
    return Prepared(rows, SCALING, naming_of, typical=True, levels=levels, expected=naming.STROKES)


def as_learned(job: Job, drills: DataFrame, model: Row) -> DataFrame:
    """See `Method`: what the model has of each swimmer is taken from his drills."""
    return subtract_swimmer_effect(drills, job.store.read(SWIMMERS.name).frame.where(F.col("model") == model["model"]))


def learn(frame: DataFrame, compare: bool) -> tuple[naming.Swimming, list[Level]]:
    """How the swimmers of these drills swim, and if asked each beside the others; the same however the rows lie."""
    places = [F.floor(column / _CELL).alias(name) for name, column in zip(FEATURES, SCALING.columns(), strict=True)]
    cells = sorted(frame.groupBy("tag", *places).count().collect())
    tags, swimmers = np.unique([cell["tag"] for cell in cells], return_inverse=True)
    figures = np.array([cell[1:] for cell in cells], dtype=np.float64)
    swimmers *= compare  # else all are one
    swimming = naming.learn((figures[:, :-1] + 0.5) * _CELL, figures[:, -1], swimmers)
    if not compare:
        return swimming, []
    levels = np.exp(swimming.levels * motion.SPREADS)
    return swimming, [(str(tag), float(level[0]), float(level[1])) for tag, level in zip(tags, levels, strict=True)]


def subtract_swimmer_effect(frame: DataFrame, swimmers: DataFrame) -> DataFrame:
    """The drills, the level of their swimmers taken from speed and stroke rate; nothing of a tag without one."""
    joined = frame.join(F.broadcast(swimmers.select("tag", "speed", "stroke_rate")), on="tag", how="left")
    taken = {
        name: F.col(name) - F.log(F.coalesce(level, F.lit(1.0)))
        for name, level in zip(FEATURES, ("speed", "stroke_rate"), strict=False)
    }
    return joined.withColumns(taken).drop("speed", "stroke_rate")


def name(swimming: naming.Swimming, clusters: Clusters) -> Names:
    """A stroke for each cluster by `naming`, its style, and how far the styles lie apart."""
    strokes = naming.name_clusters(clusters.centroids, swimming)
    margin = naming.margin(clusters.centroids, clusters.spreads, clusters.sizes.astype(float), strokes)
    styles = tuple(map(naming.style_of, strokes))
    return Names(styles, tuple(strokes), margin, naming.warning(margin) or None)
