"""The kinematic method's features and names: speed, stroke rate and swing of speed, clusters named by physics."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.report import Job
from brazada.swim import motion, naming
from brazada.swim.clusters import Clusters, Names, Scaling
from brazada.swim.tables import MOTIONS

FEATURES = tuple(f"log_{name}" for name in motion.FEATURES)
# Nothing is learned from the log: the unit is the spread among swimmers of one stroke, the same in every feature.
SCALING = Scaling(FEATURES, (0.0,) * len(FEATURES), motion.SPREADS)


def drills(job: Job) -> DataFrame:
    """Every drill: tag, drill, added_in, the features, and `unfit`, why nothing can be said of it, or null."""
    logarithms = [
        F.log(F.greatest(F.col(name), F.lit(least))).alias(f"log_{name}")
        for name, least in zip(motion.FEATURES, motion.SMALLEST, strict=True)
    ]
    return job.store.read(MOTIONS.name).frame.select("tag", "drill", "added_in", "unfit", *logarithms)


def name(clusters: Clusters) -> Names:
    """A stroke for each cluster by `naming`, its style, and how far the styles lie apart."""
    sizes = clusters.sizes.astype(float)
    centres = motion.restore(clusters.centroids)
    strokes = naming.name_clusters(centres, sizes)
    margin = naming.margin(centres, clusters.spreads, sizes, strokes)
    styles = tuple(map(naming.style_of, strokes))
    return Names(styles, tuple(strokes), margin, naming.warning(margin) or None)
