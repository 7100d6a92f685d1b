"""Every model is scored on groups that it did not learn from, nor took its statistics from."""

from dataclasses import replace

import numpy as np
import pytest
from lines import LINES, TABLE, mean_of_y
from pyspark.sql import functions as F

from brazada.errors import TrainingError, UsageError
from brazada.training.folds import AT_RANDOM, BY_GROUP, evaluate_folds


@pytest.fixture
def task(points):
    def mean_of_others(train, inputs, spec, seed):
        assert np.mean(train[1]) == pytest.approx(spec["statistics"]["mean"], rel=1e-4)
        return np.full((len(inputs), 1), spec["statistics"]["mean"], np.float32)

    for place, source in enumerate("abcd"):
        points(batch=source, rows=24 + 8 * place, source=source, first=100 * place)
    compared = {"mean": mean_of_others}
    return replace(LINES.with_spec(epochs=40, batch=8), statistics=mean_of_y, group="source", compared=compared)


def test_rows_are_scored_by_fits_that_left_out_their_group(job, task):
    found = evaluate_folds(job, [task], 4, repeats=2)
    assert set(found) == {(m, s) for m in ("network", "mean", "baseline") for s in (BY_GROUP, AT_RANDOM)}
    assert [len(found["mean", split]) for split in (BY_GROUP, AT_RANDOM)] == [2, 1]
    rows = job.store.read(TABLE.name).frame.select("source", F.col("y").cast("double")).toPandas()
    others = {source: rows[rows["source"] != source]["y"].mean() for source in "abcd"}
    expected = float(((rows["y"] - rows["source"].map(others)) ** 2).mean())
    for repeat in found["mean", BY_GROUP]:  # four groups in four folds: each is left out alone, however dealt
        assert repeat["loss"] == pytest.approx(expected, rel=1e-4)
    assert all(of["loss"] < 0.1 * expected for of in found["network", BY_GROUP])

    table = job.store.read("ml.folds").frame
    kept = table.where(f"model = 'mean' AND split = '{BY_GROUP}' AND fold IS NULL AND name = 'loss'")
    assert [row["value"] for row in kept.collect()] == pytest.approx([expected] * 2, rel=1e-4)
    assert table.where("model = 'network' AND name = 'loss' AND fold IS NOT NULL").count() == 4 * 3


def test_models_can_be_chosen_and_too_few_groups_are_told(job, task):
    assert list(evaluate_folds(job, [task], 2, 1, ["baseline"])) == [("baseline", BY_GROUP), ("baseline", AT_RANDOM)]
    with pytest.raises(UsageError, match="network, mean, baseline"):
        evaluate_folds(job, [task], 2, 1, ["forest"])
    with pytest.raises(TrainingError, match="at least 5 groups"):
        evaluate_folds(job, [task], 5, 1)
    with pytest.raises(TrainingError, match="Declare its `group`"):
        evaluate_folds(job, [replace(task, group=None)], 2, 1)
