"""MLlib's KMeans over rows kept as vectors, against scikit-learn's on the same rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans

from brazada.swim import clusters
from brazada.swim.clusters import Points

CENTRES = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 1.0], [0.0, 5.0, 2.0]])


@pytest.mark.parametrize("count", [300, 30_000])  # fewer rows than the sample has, and more
def test_centres_are_those_of_scikit_learn(spark, count):
    rows = CENTRES[np.arange(count) % 3] + np.random.default_rng(1).normal(size=(count, 3))
    with Points(spark.createDataFrame(pd.DataFrame(rows, columns=list("abc")))) as points:
        found, sample = points.fit(3, seed=1), points.sample(1)
    there = KMeans(3, init=found.centroids, n_init=1, tol=0, max_iter=1000).fit(rows)
    assert there.cluster_centers_ == pytest.approx(found.centroids, abs=1e-6)
    assert found.cost == pytest.approx(there.inertia_)
    assert found.cost < 1.01 * KMeans(3, n_init=10, random_state=0).fit(rows).inertia_
    known = {tuple(row) for row in rows}
    assert {tuple(row) for row in sample} <= known
    assert len(sample) == count if count == 300 else 9_000 < len(sample) < 11_000
    assert found.iterations > 0


def test_what_a_sample_has_too_few_of_is_looked_for_in_all_rows(spark, monkeypatch):
    monkeypatch.setattr(clusters, "_SAMPLE", 10)
    rows = np.repeat([[0.0, 0.0], [1.0, 1.0], [50.0, 50.0]], [5_000, 4_999, 1], axis=0)
    with Points(spark.createDataFrame(pd.DataFrame(rows, columns=["a", "b"]))) as points:
        assert points.start(2, seed=1) is not None
        assert points.start(3, seed=1) is None
        found = points.fit(3, seed=1)
    assert sorted(found.centroids.tolist()) == [[0, 0], [1, 1], [50, 50]]


def test_a_null_is_no_number_and_nothing_stays_behind(spark):
    before = set(spark.sparkContext._jsc.getPersistentRDDs())
    frame = spark.createDataFrame([(1.0, 2.0), (3.0, None)], "a double, b double")
    with pytest.raises(Exception, match="a number in every feature, found null"), Points(frame) as points:
        points.fit(2, seed=1)
    assert set(spark.sparkContext._jsc.getPersistentRDDs()) == before
