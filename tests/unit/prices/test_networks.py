"""Facts about the price networks, without training them for long."""

from __future__ import annotations

import numpy as np
import pytest

from brazada.prices.features import MEDIAN

networks = pytest.importorskip("brazada.prices.networks")

START = ((-3.0, -1.0, 0.0, 1.0, 2.0), (-4.0, -2.0, 0.0, 2.0, 4.0))
PLAN = networks.Global(window=3, channels=5, statics=3, start=START, members=2, units=4, dense=6)


def inputs(rows=8, seed=0):
    generator = np.random.default_rng(seed)
    return {
        "sequence": generator.normal(size=(rows, 3, 5)).astype("float32"),
        "statics": generator.normal(size=(rows, 3)).astype("float32"),
    }


def targets(rows=8, seed=1):
    values = np.random.default_rng(seed).normal(size=(rows, 2, 3)).astype("float32")
    values[..., 2] = values[..., 2] > 0
    return values


@pytest.fixture(scope="module")
def untrained():
    return networks.global_network(PLAN)


@pytest.fixture(scope="module")
def trained():
    model = networks.global_network(PLAN)
    # three steps do not repay building a graph
    model.compile(optimizer="adam", loss=networks.quantile_loss, run_eagerly=True)
    model.fit(inputs(), targets(), epochs=3, verbose=0)
    return model


def test_the_untrained_network_is_naive_with_the_quantiles_it_was_given(untrained):
    quantiles = networks.ensemble(untrained(inputs()))
    np.testing.assert_allclose(quantiles, np.broadcast_to(START, (8, 2, 5)), atol=1e-5)


def test_quantiles_never_cross_after_training_whatever_the_inputs(trained):
    wild = {name: 100 * values for name, values in inputs(64, seed=5).items()}
    quantiles = np.asarray(trained(wild))
    assert (np.diff(quantiles, axis=-1) >= 0).all()
    assert np.isfinite(quantiles).all()


def test_training_moves_the_median(trained):
    assert np.abs(networks.ensemble(trained(inputs()))[..., MEDIAN]).max() > 0


def test_members_start_apart_and_the_seed_fixes_them(untrained):
    again = networks.global_network(PLAN)
    for one, other in zip(untrained.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    first, second = (untrained.get_layer(f"attention_{member}").get_weights()[0] for member in range(2))
    assert not np.allclose(first, second)


def test_attention_weights_sum_to_one_over_the_window(trained):
    weights = networks.attention_weights(trained, inputs())
    assert weights.shape == (8, 3)
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-5)


def test_a_network_without_attention_has_no_weights_to_show():
    plan = networks.Published(window=4, attention=False, units=(3, 2))
    with pytest.raises(ValueError, match="attention"):
        networks.attention_weights(networks.published_network(plan), np.zeros((1, 4, 5), "float32"))


def test_masked_targets_have_no_influence_on_the_loss():
    forecasts = np.random.default_rng(2).normal(size=(8, 2, 2, 5)).astype("float32")
    clean = targets()
    dirty = clean.copy()
    dirty[clean[..., 2] == 0, :2] = 1e6
    np.testing.assert_allclose(networks.quantile_loss(dirty, forecasts), networks.quantile_loss(clean, forecasts))


def test_the_loss_is_that_of_the_median_on_the_centred_change_and_of_the_rest_on_the_whole():
    target = np.array([[[1.0, 3.0, 1.0]]], "float32")
    forecast = np.zeros((1, 1, 1, 5), "float32")
    # |1 - 0|, and 3 (0.025 + 0.1 + 0.9 + 0.975) over 5 levels at a weight of 5
    assert networks.quantile_loss(target, forecast).numpy() == pytest.approx([1.0 + 3.0 * 2.0])


def test_the_median_is_not_moved_by_the_losses_of_the_other_quantiles():
    import tensorflow as tf

    head = networks.QuantileHead([list(row) for row in START])
    state = tf.ones((4, 3))
    with tf.GradientTape() as tape:
        outer = tf.reduce_sum(head(state)[..., 0])
    gradient = tape.gradient(outer, head.kernel).numpy().reshape(3, 2, 5)
    assert (gradient[..., 0] == 0).all()
    assert (gradient[..., 1] != 0).all()


def test_the_layers_survive_saving(trained, tmp_path):
    from tensorflow import keras

    trained.save(tmp_path / "network.keras")
    again = keras.models.load_model(tmp_path / "network.keras", compile=False)
    np.testing.assert_allclose(again(inputs()), trained(inputs()), atol=1e-6)


@pytest.mark.parametrize(("bidirectional", "attention"), [(False, True), (True, True), (False, False), (True, False)])
def test_the_published_recipe_has_its_layers_and_one_output(bidirectional, attention):
    model = networks.published_network(networks.Published(window=6, bidirectional=bidirectional, attention=attention))
    assert model.output_shape == (None, 1)
    kinds = [type(layer).__name__ for layer in model.layers[1:]]
    first = "Bidirectional" if bidirectional else "LSTM"
    assert kinds == [first, first, *(["AdditiveAttention"] if attention else []), "Dense", "Dropout", "Dense"]
    cells = [layer.forward_layer if bidirectional else layer for layer in model.layers[1:3]]
    assert [(cell.units, cell.dropout, cell.recurrent_dropout) for cell in cells] == [(128, 0.2, 0.15), (64, 0.2, 0.15)]
    assert [float(cell.kernel_regularizer.l2) for cell in cells] == pytest.approx([1e-4, 1e-4])
    assert cells[1].return_sequences is attention
