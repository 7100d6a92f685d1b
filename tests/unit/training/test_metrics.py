"""Every metric equals scikit-learn's, however the rows are cut into batches, and says so where nothing can be said."""

import math
import pickle
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from brazada.training import metrics

BINS = 64
NAMES = ("a", "b", "c", "d")


def figure(metric, true, told, weight, cuts=()):
    """The metric over batches that are cut at these places."""
    sums = []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(weight)], strict=True):
        if stop > start:
            batch = None, true[start:stop], weight[start:stop]
            sums = metrics.added(sums, metrics.scored({"it": metric}, batch, told[start:stop]))
    return metrics.results({"it": metric}, sums)


@st.composite
def classified(draw):
    """Classes [n], probabilities [n, classes], weights, where to cut. Not every class need occur."""
    classes, rows = draw(st.integers(2, 4)), draw(st.integers(1, 12))
    true = np.array(draw(st.lists(st.integers(0, classes - 1), min_size=rows, max_size=rows)))
    raw = np.array(draw(st.lists(st.integers(0, 9), min_size=rows * classes, max_size=rows * classes)))
    told = raw.reshape(rows, classes) + 0.5
    weight = np.array(draw(st.lists(st.sampled_from([0.5, 1.0, 2.0]), min_size=rows, max_size=rows)), np.float32)
    cuts = draw(st.lists(st.integers(0, rows), max_size=2))
    return true, (told / told.sum(axis=1, keepdims=True)).astype(np.float32), weight, cuts


@settings(max_examples=60)
@given(classified())
def test_figures_of_classes_are_those_of_scikit_learn(rows):
    true, told, weight, cuts = rows
    classes, best = told.shape[1], told.argmax(axis=1)
    expected = {metrics.accuracy(): sk.accuracy_score(true, best, sample_weight=weight)}
    expected[metrics.log_loss()] = sk.log_loss(true, told, labels=range(classes), sample_weight=weight)
    for average in ("macro", "micro", "weighted"):
        for mine, theirs in (
            (metrics.precision, sk.precision_score),
            (metrics.recall, sk.recall_score),
            (metrics.f1, sk.f1_score),
        ):
            expected[mine(classes, average)] = theirs(
                true, best, average=average, sample_weight=weight, zero_division=0
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that is told and does not occur
        expected[metrics.balanced_accuracy(classes)] = sk.balanced_accuracy_score(true, best, sample_weight=weight)
    for metric, known in expected.items():
        assert figure(metric, true, told, weight, cuts)["it"] == pytest.approx(known, rel=1e-5, abs=1e-6), metric


@settings(max_examples=40)
@given(classified())
def test_the_confusion_matrix_and_the_classes_figures_are_those_of_scikit_learn(rows):
    true, told, weight, cuts = rows
    names, best = NAMES[: told.shape[1]], told.argmax(axis=1)
    cells = figure(metrics.confusion_matrix(names), true, told, weight, cuts)
    known = sk.confusion_matrix(true, best, labels=range(len(names)), sample_weight=weight)
    assert [[cells[f"it.{a}>{b}"] for b in names] for a in names] == known.tolist()
    each = figure(metrics.per_class(names), true, told, weight, cuts)
    table = sk.precision_recall_fscore_support(
        true, best, labels=range(len(names)), sample_weight=weight, zero_division=0
    )
    for what, column in zip(("precision", "recall", "f1", "support"), table, strict=True):
        assert [each[f"it.{what}.{name}"] for name in names] == pytest.approx(column.tolist())


@settings(max_examples=60)
@given(classified())
def test_the_area_under_the_curve_is_that_of_the_binned_scores(rows):
    true, told, weight, cuts = rows
    classes, binned = told.shape[1], np.floor(told.astype(np.float64) * BINS)
    areas = []
    for number in [1] if classes == 2 else range(classes):
        if 0 < np.sum(true == number) < len(true):
            areas.append(sk.roc_auc_score(true == number, binned[:, number], sample_weight=weight))
    found = figure(metrics.auc(classes, BINS), true, told, weight, cuts)["it"]
    assert found == pytest.approx(np.mean(areas)) if areas else math.isnan(found)


@settings(max_examples=40)
@given(
    st.lists(st.tuples(*[st.integers(-50, 50)] * 2, st.sampled_from([0.5, 1.0, 3.0])), min_size=2, max_size=12),
    st.lists(st.integers(0, 12), max_size=2),
)
def test_figures_of_numbers_are_those_of_scikit_learn(rows, cuts):
    true, told, weight = (np.array(column, np.float32) for column in zip(*rows, strict=True))
    cuts = [min(cut, len(true)) for cut in cuts]
    known = {
        metrics.mean_absolute_error(): sk.mean_absolute_error(true, told, sample_weight=weight),
        metrics.mean_squared_error(): sk.mean_squared_error(true, told, sample_weight=weight),
        metrics.root_mean_squared_error(): sk.mean_squared_error(true, told, sample_weight=weight) ** 0.5,
    }
    if len(set(true.tolist())) > 1:
        known[metrics.r2()] = sk.r2_score(true, told, sample_weight=weight)
    else:
        assert math.isnan(figure(metrics.r2(), true, told, weight)["it"])
    for metric, expected in known.items():
        assert figure(metric, true, told[:, None], weight, cuts)["it"] == pytest.approx(expected, rel=1e-5, abs=1e-5)


def test_top_k_counts_the_true_class_among_the_likeliest():
    told = np.array([[0.5, 0.3, 0.2], [0.1, 0.2, 0.7], [0.6, 0.3, 0.1]], np.float32)
    found = [
        figure(metrics.top_k_accuracy(k), np.array([1, 0, 0]), told, np.ones(3, np.float32))["it"] for k in (1, 2, 3)
    ]
    assert found == pytest.approx([1 / 3, 2 / 3, 1])


def test_a_prediction_that_is_no_number_is_wrong_and_seen():
    true, weight = np.array([0, 0, 1]), np.ones(3, np.float32)
    told = np.array([[np.nan, np.nan], [0.9, 0.1], [0.2, 0.8]], np.float32)
    assert figure(metrics.accuracy(), true, told, weight)["it"] == pytest.approx(2 / 3)
    assert figure(metrics.confusion_matrix(("a", "b")), true, told, weight)["it.a>"] == 1
    assert figure(metrics.recall(2), true, told, weight)["it"] == pytest.approx(0.75)
    assert math.isnan(figure(metrics.log_loss(), true, told, weight)["it"])
    assert math.isnan(figure(metrics.auc(2), true, told, weight)["it"])


def test_rows_of_weight_0_count_nowhere():
    true, told = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]], np.float32)
    light, heavy = np.array([1, 1, 0], np.float32), slice(0, 2)
    for metric in (metrics.accuracy(), metrics.f1(2), metrics.auc(2), metrics.log_loss()):
        without = figure(metric, true[heavy], told[heavy], light[heavy])
        assert figure(metric, true, told, light) == pytest.approx(without)
    assert math.isnan(figure(metrics.accuracy(), true, told, 0 * light)["it"])
    told[2] = np.nan  # of a row that is padding
    for metric in (metrics.accuracy(), metrics.f1(2), metrics.auc(2), metrics.log_loss()):
        assert math.isfinite(figure(metric, true, told, light)["it"])
    for metric in (metrics.mean_absolute_error(), metrics.root_mean_squared_error(), metrics.r2()):
        assert math.isfinite(figure(metric, true.astype(np.float32), told[:, 0], light)["it"])


def test_better_goes_by_the_metrics_direction():
    less, more = metrics.mean_of(metrics.squared_error), metrics.accuracy()
    assert less.better(1, 2)
    assert more.better(2, 1)
    assert not less.better(1, 1)
    assert not more.better(1, 1)
    assert not less.better(1, 1.5, by=0.6)
    assert not more.better(1.5, 1, by=0.6)
    for metric in (less, more):
        assert metric.better(1, math.nan)
        assert not metric.better(math.nan, 1)
        assert not metric.better(math.nan, math.nan)


def test_metrics_travel_by_pickle():
    rows = np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.3, 0.7], [0.8, 0.2]], np.float32), np.ones(3, np.float32)
    for metric in (metrics.accuracy(), metrics.f1(2), metrics.auc(2), metrics.per_class(("a", "b")), metrics.r2()):
        again = pickle.loads(pickle.dumps(metric))
        if metric.update is not metrics._moments:
            assert figure(again, *rows) == figure(metric, *rows)


def test_classes_put_together_or_left_out():
    rng = np.random.default_rng(5)
    true, told, weight = rng.integers(0, 4, 200), rng.dirichlet(np.ones(4), 200).astype(np.float32), np.ones(200)
    two = metrics.regrouped(metrics.f1(2), (0, 1, 1, 0))
    of = np.array([0, 1, 1, 0])
    best = (told[:, 1] + told[:, 2] > told[:, 0] + told[:, 3]).astype(int)
    assert figure(two, true, told, weight)["it"] == pytest.approx(sk.f1_score(of[true], best, average="macro"))
    alone, kept = metrics.regrouped(metrics.accuracy(), (None, 0, 1, None)), (true == 1) | (true == 2)
    expected = np.mean((told[kept, 2] > told[kept, 1]) == (true[kept] == 2))
    assert figure(alone, true, told, weight)["it"] == pytest.approx(expected)
    assert alone.greater_is_better


def test_the_interval_of_a_figure_is_that_of_a_bootstrap_over_rows():
    rng = np.random.default_rng(3)
    true = rng.integers(0, 3, 300)
    best = np.where(rng.random(300) < 0.7, true, rng.integers(0, 3, 300))
    told = np.eye(3, dtype=np.float32)[best]
    metric = metrics.f1(3)
    (vector,) = metrics.scored({"it": metric}, (None, true, np.ones(300, np.float32)), told)
    low, high = metrics.interval(metric, vector)
    rows = [rng.integers(0, 300, 300) for _ in range(1000)]
    expected = np.quantile([sk.f1_score(true[drawn], best[drawn], average="macro") for drawn in rows], [0.025, 0.975])
    assert (low, high) == pytest.approx(expected, abs=0.01)
    assert low < metric.result(vector) < high


def test_the_smoothed_loss_is_that_of_keras():
    import tensorflow as tf

    true, told = np.array([0, 2, 1]), np.float32([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.5, 0.0, 0.5]])
    weight = np.float32([1, 2, 0])
    loss, weights = metrics.cross_entropy(true, told, weight, smoothing=0.1)
    expected = tf.keras.losses.categorical_crossentropy(np.eye(3)[true], told, label_smoothing=0.1)
    assert float(loss) == pytest.approx(float(np.sum(expected * weight)), rel=1e-5)
    assert float(weights) == 3
