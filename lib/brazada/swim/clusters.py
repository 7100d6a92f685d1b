"""KMeans at any size: what `swim fit` learns and `swim score` uses, whichever features are clustered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from hashlib import sha256
from itertools import combinations
from multiprocessing.pool import ThreadPool
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.clustering import KMeans, KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.feature import VectorAssembler
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

SEEDS = 10  # fits of which the best is kept, and whose agreement is measured
_AGREE_ON = 10_000  # drills, chosen by a hash of their keys
_ROWS_PER_PARTITION = 100_000

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Scaling:
    """Features (names of columns), and what is taken from each and what it is divided by then."""

    features: tuple[str, ...]
    offset: tuple[float, ...]
    scale: tuple[float, ...]

    def columns(self) -> list[Column]:
        """The features, scaled."""
        parts = zip(self.features, self.offset, self.scale, strict=True)
        return [((F.col(name) - offset) / scale).alias(name) for name, offset, scale in parts]


@dataclass(frozen=True)
class Clusters:
    """What KMeans found: `centroids` and `spreads` (k, features), both scaled, and `sizes` (k,).

    `spreads` are standard deviations inside the clusters.
    """

    scaling: Scaling
    centroids: Doubles
    spreads: Doubles
    sizes: NDArray[np.int64]


@dataclass(frozen=True)
class Names:
    """Style and stroke of each cluster, by how many deviations the centres that name them differ, and a warning."""

    styles: tuple[str, ...]
    strokes: tuple[str, ...]
    margin: float
    warning: str | None


@dataclass(frozen=True)
class Learned:
    """One of ten fits, its names, and how far to trust it.

    `silhouette` is the mean with squared Euclidean distance; `agreement` the mean adjusted Rand index (Hubert and
    Arabie 1985) between clusters of fits from other seeds, `style_agreement` that between their styles.
    """

    clusters: Clusters
    names: Names
    silhouette: float
    agreement: float
    style_agreement: float


def min_max(frame: DataFrame, features: Sequence[str]) -> Scaling:
    """Each feature onto 0 to 1; a constant one onto 0."""
    figures = [figure for name in features for figure in (F.min(name), F.max(name) - F.min(name))]
    values = [float(value) for value in frame.agg(*[f.alias(str(i)) for i, f in enumerate(figures)]).collect()[0]]
    return Scaling(tuple(features), tuple(values[::2]), tuple(value or 1.0 for value in values[1::2]))


def learn(
    frame: DataFrame, scaling: Scaling, k: int, seed: int, name: Callable[[Clusters], Names], typical: bool = False
) -> Learned:
    """KMeans with MLlib from ten seeds, clusters named. The same for the same rows, however they lie.

    `frame` has tag, drill and the features. Kept is the fit of the least cost, or with `typical` the one whose styles
    agree best with those of the others: where costs differ little, each has its own accidents. Needs more drills than
    clusters.
    """
    rows = frame.select("tag", "drill", *scaling.columns())
    parts = max(1, rows.count() // _ROWS_PER_PARTITION)
    ordered = rows.repartition(parts, "tag", "drill").sortWithinPartitions("tag", "drill")
    vectors = VectorAssembler(inputCols=list(scaling.features), outputCol="features").transform(ordered).persist()
    try:
        with ThreadPool(frame.sparkSession.sparkContext.defaultParallelism) as threads:  # each fit is many short jobs
            fits = threads.map(lambda number: _fitted(vectors, k, seed + number), range(SEEDS))
        costs = np.array([fit.summary.trainingCost for fit in fits])
        found = [_clusters(fit, scaling, vectors) for fit in fits]
        points = _sample(vectors)
        labels = [_labels(points, clusters.centroids) for clusters in found]
        styles = [np.array(name(clusters).styles)[label] for clusters, label in zip(found, labels, strict=True)]
        alike = _alike(styles)
        best = int(np.lexsort((costs, -np.nanmean(alike, axis=0).round(9) if typical else costs))[0])
        labelled = fits[best].transform(vectors)
        silhouette = ClusteringEvaluator(metricName="silhouette").evaluate(labelled) if _several(fits[best]) else 0.0
        agreement, style_agreement = (float(np.nanmean(pairs)) for pairs in (_alike(labels), alike))
        return Learned(found[best], name(found[best]), float(silhouette), agreement, style_agreement)
    finally:
        vectors.unpersist()


def nearest(scaling: Scaling, centroids: Sequence[Sequence[float]], styles: Sequence[str]) -> list[Column]:
    """Columns `cluster` and `confidence` of a frame with the features.

    The confidence is 1 - d / e, with d the distance to the nearest centre and e that to the nearest of another style:
    0 half-way between, 1 at the centre.
    """
    place = scaling.columns()
    squares = [
        reduce(Column.__add__, [(value - centre) * (value - centre) for value, centre in zip(place, row, strict=True)])
        for row in centroids
    ]
    distances = F.array(*[F.sqrt(square) for square in squares])
    least = F.array_min(distances)
    cluster = (F.call_function("array_position", distances, least) - 1).cast("int")
    rivals = F.lit(None).cast("double")
    for number, style in enumerate(styles):
        others = [F.get(distances, F.lit(place)) for place, name in enumerate(styles) if name != style]
        nearest_other = F.array_min(F.array(*others)) if others else F.lit(None).cast("double")
        rivals = F.when(cluster == number, nearest_other).otherwise(rivals)
    confidence = F.coalesce(1 - least / F.when(rivals > 0, rivals), F.lit(1.0 if len(set(styles)) == 1 else 0.0))
    return [cluster.alias("cluster"), confidence.alias("confidence")]


def model_id(clusters: Clusters, *more: Sequence[Any]) -> str:
    """A name for a model that says what it is: the same figures, the same name."""
    facts = {**asdict(clusters.scaling), "centroids": clusters.centroids.tolist(), "more": more}
    return sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()[:16]


def _fitted(vectors: DataFrame, k: int, seed: int) -> KMeansModel:
    return KMeans(k=k, seed=seed, maxIter=300, tol=1e-9, solver="row").fit(vectors)


def _several(model: KMeansModel) -> bool:
    return sum(size > 0 for size in model.summary.clusterSizes) > 1


def _clusters(fit: KMeansModel, scaling: Scaling, vectors: DataFrame) -> Clusters:
    centroids = np.array(fit.clusterCenters())
    inside = fit.transform(vectors).groupBy("prediction").agg(*[F.stddev_pop(n).alias(n) for n in scaling.features])
    spreads = np.zeros_like(centroids)
    for row in inside.collect():
        spreads[row["prediction"]] = [row[name] for name in scaling.features]
    return Clusters(scaling, centroids, spreads, np.array(fit.summary.clusterSizes))


def _sample(vectors: DataFrame) -> Doubles:
    """Scaled features (n, features) of drills that a hash of their keys chooses."""
    chosen = vectors.orderBy(F.xxhash64("tag", "drill")).limit(_AGREE_ON).select("features").collect()
    return np.array([row["features"].toArray() for row in chosen])


def _alike(labels: Sequence[NDArray[Any]]) -> Doubles:
    """The adjusted Rand index of each fit's labels with each other's (fits, fits), NaN with its own."""
    from sklearn.metrics import adjusted_rand_score

    alike = np.full((len(labels), len(labels)), np.nan)
    for one, other in combinations(range(len(labels)), 2):
        alike[one, other] = alike[other, one] = adjusted_rand_score(labels[one], labels[other])
    return alike


def _labels(points: Doubles, centroids: Doubles) -> NDArray[np.intp]:
    return np.asarray(np.argmin(((points[:, None, :] - centroids[None]) ** 2).sum(2), axis=1))
