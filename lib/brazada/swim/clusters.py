"""KMeans at any size: what `swim fit` learns and `swim score` uses, whichever features are clustered."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property, reduce
from hashlib import sha256
from itertools import combinations
from multiprocessing.pool import ThreadPool
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from pyspark.ml.clustering import KMeansModel
from pyspark.ml.evaluation import ClusteringEvaluator
from pyspark.ml.functions import array_to_vector
from pyspark.mllib.common import _java2py, _py2java, callMLlibFunc
from pyspark.mllib.linalg import Vectors, VectorUDT
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

SEEDS = 10  # fits of which the best is kept, and whose agreement is measured
_SAMPLE = 10_000  # rows, on which fits begin and are compared
_ROWS_PER_PARTITION = 100_000

Doubles = NDArray[np.float64]


Level = tuple[str, float, float]  # a tag's speed and stroke rate over those of the log's swimmers in the same stroke


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
class Prepared:
    """What a method gives KMeans: drills with features, their scaling, and what names the clusters.

    Of fits from several seeds the one of the least cost is kept or, with `typical`, the one most like the others.
    `limits` is the version of swim.limits that the features rest on, `levels` what was learned of each swimmer, for a
    method that does, and `expected` the strokes of which one without a cluster is told.
    """

    rows: DataFrame
    scaling: Scaling
    name: Callable[[Clusters], Names]
    typical: bool = False
    limits: int | None = None
    levels: Sequence[Level] | None = None
    expected: Sequence[str] = ()


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


@dataclass(frozen=True)
class Fit:
    """`centroids` (k, features), passes over the rows, MLlib's model, and the cost that it reports.

    That is the sum of squared distances to the centres before the last pass moved them, by the tolerance at most.
    """

    centroids: Doubles
    cost: float
    iterations: int
    model: KMeansModel


class Points:
    """A frame of doubles as MLlib's vectors, decoded once and kept as objects, for one fit or many.

    MLlib's own way decodes a frame twice before it keeps it, and once more to count clusters; one that is persisted it
    decodes in every iteration. A row is laid out as a vector is, and only called one here. The same rows in the same
    partitions give the same fits. A value that is null, or no number, fails the first job.
    """

    def __init__(self, frame: DataFrame) -> None:
        self.spark = frame.sparkSession
        session: Any = self.spark._jsparkSession
        jvm: Any = self.spark._jvm
        self._java = jvm.org.apache.spark
        missing = F.raise_error(F.lit("expected a number in every feature, found null")).cast("double")
        values = F.array(*[F.coalesce(F.col(name).cast("double"), missing) for name in frame.columns])
        dense = F.struct(
            F.lit(1).cast("byte").alias("type"),
            F.lit(None).cast("int").alias("size"),
            F.lit(None).cast("array<int>").alias("indices"),
            values.alias("values"),
        )
        rows = frame.select(dense.alias("features"))
        schema = session.parseDataType(StructType([StructField("features", VectorUDT())]).json())
        named = session.internalCreateDataFrame(rows._jdf.queryExecution().toRdd(), schema, False)
        self._rows: Any = callMLlibFunc("createRowMatrix", DataFrame(named, self.spark), 0, 0).rows().toJavaRDD()

    def __enter__(self) -> Self:
        self._rows.persist(self._java.storage.StorageLevel.MEMORY_AND_DISK())
        return self

    def __exit__(self, *error: object) -> None:
        self._rows.unpersist()

    @cached_property
    def count(self) -> int:
        """Rows."""
        return int(self._rows.count())

    def sample(self, seed: int) -> Doubles:
        """Rows at random, about 10,000 (n, features); of fewer, all."""
        chosen = self._rows.sample(False, _SAMPLE / self.count, seed) if self.count > _SAMPLE else self._rows
        return np.array([row.toArray() for row in self._python(chosen).collect()])

    def fit(self, k: int, seed: int, iterations: int = 300, tolerance: float = 1e-9) -> Fit:
        """MLlib's KMeans until no centre moves farther than `tolerance`, from `start` or, without one, k-means||."""
        algorithm = self._java.mllib.clustering.KMeans().setK(k).setSeed(seed)
        algorithm.setMaxIterations(iterations).setEpsilon(tolerance)
        if (start := self.start(k, seed)) is not None:
            vectors = [_py2java(self.spark.sparkContext, Vectors.dense(centre)) for centre in start]
            algorithm.setInitialModel(self._java.mllib.clustering.KMeansModel(vectors))
        model = algorithm.run(self._rows.rdd())
        centroids = np.array([centre.toArray() for centre in self._python(model.clusterCenters())])
        wrapped = KMeansModel(self._java.ml.clustering.KMeansModel(f"kmeans-{seed}", model))
        return Fit(centroids, float(model.trainingCost()), int(model.numIter()), wrapped)

    def start(self, k: int, seed: int) -> Doubles | None:
        """Centres (k, features) of a sample of its own, by scikit-learn; None where it has fewer rows that differ.

        k-means|| (Bahmani et al. 2012, PVLDB 5:622-633), MLlib's own start, reads all rows some seven times. It finds a
        few rows that lie far from all others; a sample may have none of them, and so may the clusters.
        """
        from sklearn.cluster import KMeans
        from threadpoolctl import threadpool_limits

        sample = self.sample(seed)
        if len(np.unique(sample, axis=0)) < k:
            return None
        with threadpool_limits(1):  # several add up in the order in which they end
            return np.asarray(KMeans(k, n_init=1, random_state=seed).fit(sample).cluster_centers_)

    def _python(self, java: Any) -> Any:
        return _java2py(self.spark.sparkContext, java)


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
    ordered = rows.repartition(parts, "tag", "drill").sortWithinPartitions("tag", "drill").drop("tag", "drill")
    vectors = ordered.withColumn("features", array_to_vector(F.array(*scaling.features))).persist()
    try:
        with Points(vectors.drop("features")) as points:
            sample = points.sample(seed)
            with ThreadPool(frame.sparkSession.sparkContext.defaultParallelism) as threads:  # each is many short jobs
                fits = threads.map(lambda number: points.fit(k, seed + number), range(SEEDS))
        costs = np.array([fit.cost for fit in fits])
        found = [_clusters(fit, scaling, vectors) for fit in fits]
        labels = [_labels(sample, clusters.centroids) for clusters in found]
        styles = [np.array(name(clusters).styles)[label] for clusters, label in zip(found, labels, strict=True)]
        pairwise = _pairwise_ari(styles)
        best = int(np.lexsort((costs, -np.nanmean(pairwise, axis=0).round(9) if typical else costs))[0])
        silhouette = 0.0
        if (found[best].sizes > 0).sum() > 1:
            silhouette = ClusteringEvaluator(metricName="silhouette").evaluate(fits[best].model.transform(vectors))
        agreement, style_agreement = (float(np.nanmean(pairs)) for pairs in (_pairwise_ari(labels), pairwise))
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


def _clusters(fit: Fit, scaling: Scaling, vectors: DataFrame) -> Clusters:
    figures = [F.stddev_pop(name).alias(name) for name in scaling.features]
    spreads = np.zeros_like(fit.centroids)
    sizes = np.zeros(len(fit.centroids), dtype=np.int64)
    for row in fit.model.transform(vectors).groupBy("prediction").agg(F.count("*").alias("size"), *figures).collect():
        sizes[row["prediction"]] = row["size"]
        spreads[row["prediction"]] = [row[name] for name in scaling.features]
    return Clusters(scaling, fit.centroids, spreads, sizes)


def _pairwise_ari(labels: Sequence[NDArray[Any]]) -> Doubles:
    """The adjusted Rand index of each fit's labels with each other's (fits, fits), NaN with its own."""
    from sklearn.metrics import adjusted_rand_score

    pairwise = np.full((len(labels), len(labels)), np.nan)
    for one, other in combinations(range(len(labels)), 2):
        pairwise[one, other] = pairwise[other, one] = adjusted_rand_score(labels[one], labels[other])
    return pairwise


def _labels(points: Doubles, centroids: Doubles) -> NDArray[np.intp]:
    return np.asarray(np.argmin(((points[:, None, :] - centroids[None]) ** 2).sum(2), axis=1))
