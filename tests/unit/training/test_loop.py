"""One rank's loop: it learns, keeps the best, goes on where it was cut, and refuses to go on with NaN."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from lines import LINES

from brazada.errors import ModelError, TrainingError
from brazada.training import optimizers
from brazada.training.data.reader import MemoryFeed
from brazada.training.loop import checkpoint
from brazada.training.loop.epochs import Feeds, evaluate, fit
from brazada.training.loop.learner import Learner
from brazada.training.loop.ranks import SingleProcess
from brazada.training.metrics import confusion_matrix, mean_of


@pytest.fixture
def feeds(line_rows):
    return Feeds(MemoryFeed(LINES, line_rows(200), 32, seed=7), MemoryFeed(LINES, line_rows(80, seed=1), 32))


def run(task, feeds, folder=None, seed=7):
    return fit(Learner(task, SingleProcess(), seed, 100), feeds, folder=folder and str(folder))


def test_it_learns_the_line(feeds):
    outcome = run(LINES.with_spec(epochs=40), feeds)
    kernel, bias = outcome.weights
    np.testing.assert_allclose([*kernel[:, 0], bias[0]], [1, 2, 3, 1], atol=0.05)
    assert outcome.metrics["loss"] < 0.01 < outcome.baseline["loss"]
    # The Naive zero: mean of y squared over the validation rows, exactly.
    assert outcome.baseline["loss"] == pytest.approx(float(np.mean(feeds.validate.rows[1] ** 2)), rel=1e-5)
    assert outcome.shapes == {"inputs": [3]}


def test_early_stopping_restores_the_best_weights(feeds):
    wild = LINES.with_spec(epochs=60, patience=3, learning_rate=0.9)
    outcome = run(wild, feeds)
    losses = [entry["val_loss"] for entry in outcome.history]
    assert len(losses) < 60
    assert outcome.best_epoch == int(np.argmin(losses)) + 1 == len(losses) - 3
    learner = Learner(wild, SingleProcess(), 7, 100)
    learner.model.set_weights(outcome.weights)
    x, y, _ = feeds.validate.rows
    assert np.mean((learner.model(x).numpy()[:, 0] - y) ** 2) == pytest.approx(min(losses), rel=1e-5)


def test_a_run_cut_after_any_epoch_ends_as_if_it_had_not_been(feeds, tmp_path):
    task = LINES.with_spec(epochs=5, norm=True)
    whole = run(task, feeds)
    for cut in (1, 3):
        run(task.with_spec(epochs=cut), feeds, tmp_path / str(cut))
        resumed = run(task, feeds, tmp_path / str(cut))
        for a, b in zip(whole.weights, resumed.weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert [e["val_loss"] for e in resumed.history] == [e["val_loss"] for e in whole.history]


def test_a_finished_run_resumed_gives_its_result_again(feeds, tmp_path):
    first, again = (run(LINES.with_spec(epochs=3), feeds, tmp_path) for _ in range(2))
    assert again.history == first.history
    assert again.shapes == first.shapes
    np.testing.assert_array_equal(first.weights[0], again.weights[0])


def test_without_validation_the_last_weights_are_kept(feeds):
    outcome = run(LINES.with_spec(epochs=4, patience=1), Feeds(feeds.train, None))
    assert (outcome.best_epoch, len(outcome.history), outcome.metrics) == (4, 4, {})


def test_weight_zero_is_as_if_the_row_were_not_there(line_rows):
    x, y, weights = line_rows(64)
    spoilt = (np.concatenate([x, x + 9]), np.concatenate([y, -y]), np.concatenate([weights, 0 * weights]))
    task = LINES.with_spec(epochs=2, batch=128)
    one = run(task, Feeds(MemoryFeed(LINES, (x, y, weights), 128), None))
    other = run(task, Feeds(MemoryFeed(LINES, spoilt, 128), None))
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_loss_that_is_not_finite_ends_the_run(line_rows):
    x, y, weights = line_rows(32)
    y[3] = np.nan
    with pytest.raises(TrainingError, match="epoch 1"):
        run(LINES, Feeds(MemoryFeed(LINES, (x, y, weights), 32), None))


def test_dropout_differs_between_ranks_but_first_weights_do_not(line_rows):
    class Second(SingleProcess):
        rank, size = 1, 2

    x, drawn, first = line_rows(200)[0], [], []
    for ranks in (SingleProcess(), Second(), SingleProcess()):
        learner = Learner(LINES.with_spec(dropout=0.5), ranks, 7, 100)
        first.append(learner.weights()[0])
        drawn.append(learner.model(x, training=True).numpy())
    np.testing.assert_array_equal(first[0], first[1])
    np.testing.assert_array_equal(drawn[0], drawn[2])
    assert not np.allclose(drawn[0], drawn[1])


def test_a_checkpoint_of_another_model_or_a_damaged_one_is_refused(feeds, tmp_path):
    run(LINES.with_spec(epochs=1), feeds, tmp_path)
    with pytest.raises(ModelError, match="checkpoint of this model"):
        run(LINES.with_spec(epochs=2, norm=True), feeds, tmp_path)
    (tmp_path / "checkpoint.npz").write_bytes(b"PK\x03\x04 half a file")
    with pytest.raises(ModelError, match="damaged"):
        checkpoint.load(str(tmp_path))


def test_the_task_refuses_a_faulty_declaration():
    with pytest.raises(ValueError, match="batch"):
        LINES.with_spec(batch=0)
    with pytest.raises(ValueError, match="JSON"):
        LINES.with_spec(scale=float("nan"))
    with pytest.raises(ValueError, match="monitor names none of loss, mae"):
        replace(LINES, monitor="accuracy")
    with pytest.raises(ValueError, match="monitor names none of loss: 'cells'"):  # several figures have no order
        replace(LINES, monitor="cells", metrics={"cells": confusion_matrix(("a", "b"))})


# A model that is a bias alone: the loss moves it, whatever the rows are.
def walk(spec, seed):
    import tensorflow as tf

    return tf.keras.Sequential([tf.keras.Input((3,)), tf.keras.layers.Dense(1, kernel_initializer="zeros")])


def off_by(target, y_true, y_pred, weight):
    import tensorflow as tf

    return tf.reduce_sum(weight * tf.abs(y_pred[:, 0] - target + 0 * y_true)), tf.reduce_sum(weight)


@pytest.fixture
def wanderer():
    """A model whose figure goes from 0 up by about 0.1 a step, towards 2, where its loss is least."""
    return replace(
        LINES.with_spec(epochs=6, batch=200, learning_rate=0.1),
        build=walk,
        loss=partial(off_by, 2.0),
        metrics={
            "near": mean_of(partial(off_by, 0.3)),
            "score": mean_of(partial(off_by, -1.0), greater_is_better=True),
        },
        baseline=None,
    )


@pytest.fixture
def still(line_rows):
    x, y, weights = line_rows(64)
    return Feeds(MemoryFeed(LINES, (0 * x, y, weights), 64, seed=7), MemoryFeed(LINES, (0 * x, y, weights), 64))


@pytest.mark.parametrize(("monitor", "best"), [("loss", 6), ("near", 3), ("score", 6)])
def test_the_best_epoch_is_that_of_the_monitored_figure_in_its_direction(wanderer, still, monitor, best):
    outcome = run(replace(wanderer, monitor=monitor), still)
    assert outcome.best_epoch == best
    assert outcome.metrics[monitor] == outcome.history[best - 1][f"val_{monitor}"]


def test_early_stopping_waits_for_the_monitored_figure(wanderer, still):
    outcome = run(replace(wanderer, monitor="near").with_spec(patience=2, epochs=30), still)
    assert (outcome.best_epoch, len(outcome.history)) == (3, 5)
    assert outcome.ended == "no gain in near for 2 epochs"


def test_a_model_that_falls_back_to_chance_ends_the_run_with_its_best_weights(wanderer, still):
    """Its steps are too large: figure and loss leave what they were at first and do not come back for two epochs."""
    away = replace(wanderer, loss=partial(off_by, 0.15), monitor="near", baseline=0.25)
    away = away.with_spec(learning_rate=0.3, epochs=40)
    outcome = run(away, still)
    assert outcome.ended.startswith("failed to learn: fell back to chance in epoch")
    assert len(outcome.history) < 40
    assert outcome.metrics["near"] == min(entry["val_near"] for entry in outcome.history) < 0.25


def test_a_loss_that_is_no_number_after_a_good_epoch_keeps_the_best_weights(line_rows, tmp_path):
    class Spoiling(MemoryFeed):
        def batches(self, epoch):
            for x, y, weights in super().batches(epoch):
                yield x, y * (np.nan if epoch == 3 else 1), weights

    feeds = Feeds(Spoiling(LINES, line_rows(64), 32, seed=7), MemoryFeed(LINES, line_rows(32, seed=1), 32))
    outcome = run(LINES.with_spec(epochs=9), feeds, tmp_path)
    assert len(outcome.history) == outcome.best_epoch == 2
    assert outcome.ended == "failed to learn: loss nan in epoch 3"
    assert np.isfinite(outcome.weights[0]).all()
    again = run(LINES.with_spec(epochs=9), feeds, tmp_path)
    assert (again.ended, again.history) == (outcome.ended, outcome.history)


def shift(inputs, spec, rng):
    return inputs + rng.normal(size=(len(inputs), 1)).astype(np.float32) * spec["shift"]


def test_training_rows_are_augmented_alike_for_a_seed_epoch_and_rank_and_no_others(line_rows):
    task, rows = replace(LINES.with_spec(shift=1.0), augment=shift), line_rows(50)

    def inputs(seed, epoch=1, rank=0):
        return np.concatenate([batch[0] for batch in MemoryFeed(task, rows, 8, seed, rank).batches(epoch)])

    np.testing.assert_array_equal(inputs(7), inputs(7))
    assert not np.allclose(np.sort(inputs(7), axis=0), np.sort(rows[0], axis=0))
    for other in (inputs(8), inputs(7, epoch=2), inputs(7, rank=1)):
        assert not np.allclose(np.sort(inputs(7), axis=0), np.sort(other, axis=0))
    np.testing.assert_array_equal(inputs(None), rows[0])


def heavier_above(targets, spec):
    return np.where(targets > spec["above"], 3, 1).astype(np.float32)


def test_rows_weigh_in_the_loss_by_their_targets_and_in_no_metric(line_rows):
    task, rows = replace(LINES.with_spec(above=0.5), loss_weight=heavier_above), line_rows(50)
    for batch in MemoryFeed(task, rows, 8, seed=7).batches(1):
        np.testing.assert_array_equal(batch[2], np.where(batch[1] > 0.5, 3, 1))
    assert all((batch[2] == 1).all() for batch in MemoryFeed(task, rows, 8).batches(1))


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        ({}, [0.5, 0.5, 0.5]),
        ({"schedule": "cosine"}, [0.5, 0.25, 0]),
        ({"schedule": "cosine", "warmup": 0.5}, [0, 0.5, 0]),
        ({"schedule": "steps", "decay_epochs": 5}, [0.5, 0.05, 0.005]),
    ],
)
def test_the_learning_rate_follows_its_schedule_over_the_steps_of_the_run(schedule, rates):
    spec = {"learning_rate": 0.5, "epochs": 10, "steps": 40, **schedule}
    rate = optimizers.learning_rate(spec)
    assert [float(rate(step) if callable(rate) else rate) for step in (0, 20, 40)] == pytest.approx(rates)


def test_with_a_moving_average_its_weights_are_validated_and_kept(feeds, tmp_path):
    task = replace(LINES, optimizer=optimizers.adam).with_spec(epochs=3, ema=0.9, learning_rate=0.01)
    learner = Learner(task, SingleProcess(), 7, 100)
    outcome = fit(learner, feeds, folder=str(tmp_path))
    last = learner.model.get_weights()
    assert outcome.best_epoch == 3
    assert not np.allclose(outcome.weights[0], last[0])
    assert evaluate(learner, feeds.validate)["loss"] != pytest.approx(outcome.metrics["loss"])
    learner.model.set_weights(outcome.weights)
    assert evaluate(learner, feeds.validate)["loss"] == pytest.approx(outcome.metrics["loss"])
    again = Learner(task, SingleProcess(), 7, 100)
    fit(again, feeds, folder=str(tmp_path))  # the checkpoint has both
    assert np.array_equal(again.model.get_weights()[0], last[0])
    assert np.array_equal(again.weights()[0], outcome.weights[0])


def test_layers_compute_in_the_precision_of_the_spec_and_weights_are_of_32_bits(feeds):
    task = replace(LINES, optimizer=optimizers.adam).with_spec(epochs=30, learning_rate=0.02)
    mixed = Learner(task.with_spec(precision="mixed_bfloat16"), SingleProcess(), 7, 7)
    assert {layer.compute_dtype for layer in mixed.model.layers if layer.weights} == {"bfloat16"}
    found, exact = fit(mixed, feeds), fit(Learner(task, SingleProcess(), 7, 7), feeds)
    assert {array.dtype.name for array in found.weights} == {"float32"}
    assert found.metrics["loss"] == pytest.approx(exact.metrics["loss"], abs=0.05)
    assert found.metrics["loss"] != exact.metrics["loss"]
    assert Learner(task, SingleProcess(), 7, 7).model.layers[-1].compute_dtype == "float32"


@pytest.mark.parametrize("name", ["known.keras", "known.weights.h5", "known.h5"])
def test_a_model_begins_with_the_weights_of_a_file_or_says_what_does_not_fit(tmp_path, name):
    known = Learner(LINES, SingleProcess(), 3, 100).model
    file = tmp_path / name
    known.save(file) if name == "known.keras" else known.save_weights(file)
    begun = Learner(LINES, SingleProcess(), 7, 100, (name, file.read_bytes()))
    np.testing.assert_array_equal(begun.model.get_weights()[0], known.get_weights()[0])
    with pytest.raises(ModelError, match=r"weights of all layers: .*batch_normalization"):
        Learner(LINES.with_spec(norm=True), SingleProcess(), 7, 100, (name, file.read_bytes()))
    with pytest.raises(ModelError, match="file that Keras wrote"):
        Learner(LINES, SingleProcess(), 7, 100, (name, file.read_bytes()[:300]))
