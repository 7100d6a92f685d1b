"""One rank's loop: it learns, keeps the best, goes on where it was cut, and refuses to go on with NaN."""

from dataclasses import replace

import numpy as np
import pytest
from lines import LINES

from brazada.errors import ModelError, TrainingError
from brazada.training import checkpoint
from brazada.training.learner import Learner
from brazada.training.loop import Feeds, fit
from brazada.training.ranks import Alone
from brazada.training.reader import MemoryFeed


@pytest.fixture
def feeds(line_rows):
    return Feeds(MemoryFeed(line_rows(200), 32, seed=7), MemoryFeed(line_rows(80, seed=1), 32))


def run(task, feeds, folder=None, seed=7):
    return fit(Learner(task, Alone(), seed), feeds, folder=folder and str(folder))


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
    learner = Learner(wild, Alone(), 7)
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
    one = run(task, Feeds(MemoryFeed((x, y, weights), 128), None))
    other = run(task, Feeds(MemoryFeed(spoilt, 128), None))
    for a, b in zip(one.weights, other.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_a_loss_that_is_not_finite_ends_the_run(line_rows):
    x, y, weights = line_rows(32)
    y[3] = np.nan
    with pytest.raises(TrainingError, match="epoch 1"):
        run(LINES, Feeds(MemoryFeed((x, y, weights), 32), None))


def test_dropout_differs_between_ranks_but_first_weights_do_not(line_rows):
    class Second(Alone):
        rank, size = 1, 2

    x, drawn, first = line_rows(200)[0], [], []
    for ranks in (Alone(), Second(), Alone()):
        learner = Learner(LINES.with_spec(dropout=0.5), ranks, 7)
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
    with pytest.raises(ValueError, match="judged_by"):
        replace(LINES, judged_by="accuracy")
