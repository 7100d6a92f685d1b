"""The price networks: the published recipe, one product at a time on levels, and the global one over all series.

Keras 2.15 models; `prices.tasks` declares how they are trained. Initial weights and dropout follow from the plan's seed
alone. The loss reads a last channel of the targets that is 1 where the target was observed and 0 where not; what
stands at 0 has no influence.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tensorflow import keras

from brazada.prices.features import MEDIAN, QUANTILES, Doubles, Floats

_PACKAGE = "brazada.prices"
_LEARNING_SHARE = 5.0  # weight of the quantile losses against the absolute error: the tails learn from few rows
_SMALLEST_GAP = 0.02  # scaled change between neighbouring quantiles at the start


@dataclass(frozen=True)
class Published:
    """The published recipe: two recurrent layers, additive attention, one step ahead; defaults are the recipe's."""

    window: int
    bidirectional: bool = False
    attention: bool = True
    seed: int = 7
    units: tuple[int, int] = (128, 64)
    dropout: float = 0.2
    recurrent_dropout: float = 0.15
    l2: float = 1e-4


@dataclass(frozen=True)
class Global:
    """The network over all series. `start` holds the quantiles (H, 5) of scaled changes that it starts from."""

    window: int
    channels: int
    statics: int
    start: tuple[tuple[float, ...], ...]
    members: int = 3
    units: int = 32
    dense: int = 64
    dropout: float = 0.2
    seed: int = 7


@keras.utils.register_keras_serializable(_PACKAGE)
class AdditiveAttention(keras.layers.Layer):  # type: ignore[misc]
    """Attention over time (Bahdanau et al. 2015): weights a = softmax(tanh(xW + b)·u), context = sum of a x.

    (n, L, d) to a context (n, d) and weights (n, L), which sum to 1 in each row.
    """

    def __init__(self, units: int, seed: int, **options: Any) -> None:
        super().__init__(**options)
        self.units, self.seed = units, seed

    def build(self, shape: tf.TensorShape) -> None:
        """Create W, b and u for inputs of `shape`."""
        glorot = keras.initializers.GlorotUniform
        self.projection = self.add_weight("projection", (shape[-1], self.units), initializer=glorot(self.seed))
        self.bias = self.add_weight("bias", (self.units,), initializer="zeros")
        self.direction = self.add_weight("direction", (self.units, 1), initializer=glorot(self.seed + 1))
        super().build(shape)

    def call(self, sequence: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Return context and weights."""
        weights = tf.nn.softmax(tf.tanh(sequence @ self.projection + self.bias) @ self.direction, axis=1)
        return tf.reduce_sum(weights * sequence, axis=1), weights[..., 0]

    def get_config(self) -> dict[str, Any]:
        """Everything needed to build the layer again."""
        return {**super().get_config(), "units": self.units, "seed": self.seed}


@keras.utils.register_keras_serializable(_PACKAGE)
class QuantileHead(keras.layers.Layer):  # type: ignore[misc]
    """From (n, d) to five quantiles of scaled change per horizon, (n, H, 5), that cannot cross and start at `start`.

    Median: linear, 0 at the start, so that the network starts as Naive. The others lie beyond it by gaps that start as
    those of `start` and are multiplied by exp of a linear output, since volatility is multiplicative. They do not move
    the median: it learns from its own loss alone.
    """

    def __init__(self, start: list[list[float]], **options: Any) -> None:
        super().__init__(**options)
        self.start = [list(map(float, row)) for row in start]

    def build(self, shape: tf.TensorShape) -> None:
        """Create the linear map, all zero."""
        size = len(self.start) * len(QUANTILES)
        self.kernel = self.add_weight("kernel", (shape[-1], size), initializer="zeros")
        self.bias = self.add_weight("bias", (size,), initializer="zeros")
        self.gaps = tf.constant(np.maximum(np.diff(self.start, axis=1), _SMALLEST_GAP), dtype=tf.float32)
        super().build(shape)

    def call(self, state: tf.Tensor) -> tf.Tensor:
        """Return the quantiles in the order of QUANTILES."""
        linear = tf.reshape(state @ self.kernel + self.bias, (-1, len(self.start), len(QUANTILES)))
        median = linear[..., :1]
        gaps = self.gaps * tf.exp(4.0 * tf.tanh(linear[..., 1:] / 4.0))  # bounded, against overflow
        below = tf.cumsum(gaps[..., :MEDIAN], axis=-1, reverse=True)
        above = tf.cumsum(gaps[..., MEDIAN:], axis=-1)
        fixed = tf.stop_gradient(median)
        return tf.concat([fixed - below, median, fixed + above], axis=-1)

    def get_config(self) -> dict[str, Any]:
        """Everything needed to build the layer again."""
        return {**super().get_config(), "start": self.start}


def published_network(plan: Published) -> keras.Model:
    """The recipe's network from (n, L, 5) to the next min-max scaled price (n, 1).

    LSTM 128, LSTM 64 (dropout 0.2, recurrent dropout 0.15, L2 1e-4), both bidirectional if asked for, additive
    attention over time (or the second layer's last state), Dense 32 ReLU, dropout 0.2, Dense 1.
    """
    seeds = count(1000 * plan.seed, 10)
    inputs = keras.Input((plan.window, 5), name="sequence")
    state = inputs
    for place, units in enumerate(plan.units):
        whole = place + 1 < len(plan.units) or plan.attention
        options = {
            "dropout": plan.dropout,
            "recurrent_dropout": plan.recurrent_dropout,
            "kernel_regularizer": keras.regularizers.L2(plan.l2),
        }
        state = _recurrent(units, seeds, plan.bidirectional, return_sequences=whole, **options)(state)
    if plan.attention:
        state, _ = AdditiveAttention(plan.units[-1], next(seeds), name="attention")(state)
    state = _dense(32, seeds, activation="relu")(state)
    state = keras.layers.Dropout(plan.dropout, seed=next(seeds))(state)
    return keras.Model(inputs, _dense(1, seeds, name="price")(state), name="published")


def global_network(plan: Global) -> keras.Model:
    """The global network: `sequence` (n, L, channels) and `statics` (n, statics) to scaled changes (n, members, H, 5).

    Each member, with weights of its own: BiLSTM 32, additive attention, joined with the last step and the statics,
    dropout, Dense 64 ReLU, dropout, a QuantileHead. Members share nothing, and Adam clips and scales per variable, so
    training them in one model is training each alone. `ensemble` gives their mean.
    """
    sequence = keras.Input((plan.window, plan.channels), name="sequence")
    statics = keras.Input((plan.statics,), name="statics")
    members = []
    for member in range(plan.members):
        seeds = count(1000 * (plan.seed + member * 1009), 10)
        steps = _recurrent(plan.units, seeds, bidirectional=True, return_sequences=True)(sequence)
        context, _ = AdditiveAttention(plan.units, next(seeds), name=f"attention_{member}")(steps)
        last = keras.layers.Cropping1D((plan.window - 1, 0))(steps)
        state = keras.layers.Concatenate()([context, keras.layers.Flatten()(last), statics])
        state = keras.layers.Dropout(plan.dropout, seed=next(seeds))(state)
        state = _dense(plan.dense, seeds, activation="relu")(state)
        state = keras.layers.Dropout(plan.dropout, seed=next(seeds))(state)
        quantiles = QuantileHead([list(row) for row in plan.start], name=f"quantiles_{member}")(state)
        members.append(keras.layers.Reshape((1, len(plan.start), len(QUANTILES)))(quantiles))
    outputs = keras.layers.Concatenate(axis=1)(members) if plan.members > 1 else members[0]
    return keras.Model({"sequence": sequence, "statics": statics}, outputs, name="global")


def quantile_loss(targets: tf.Tensor, forecasts: tf.Tensor) -> tf.Tensor:
    """Loss per row, (n,), of forecasts (n, members, H, 5) on `training_targets` (n, H, 3), summed over members.

    The absolute error of the median on the change less the market's, plus the quantile losses (Koenker and Bassett
    1978) of the other quantiles on the whole change; horizons count alike.
    """
    centred, change, known = (targets[:, None, :, channel] for channel in range(3))
    loss = tf.abs(centred - forecasts[..., MEDIAN])
    for place, level in enumerate(QUANTILES):
        if place != MEDIAN:
            excess = change - forecasts[..., place]
            tilted = tf.maximum(level * excess, (level - 1.0) * excess)
            loss += _LEARNING_SHARE / len(QUANTILES) * tilted
    return tf.reduce_sum(tf.reduce_mean(loss * known, axis=-1), axis=-1)


def ensemble(outputs: Floats) -> Doubles:
    """Quantiles (n, H, 5) of scaled changes: the mean over members (n, members, H, 5)."""
    return np.asarray(np.mean(outputs, axis=1, dtype=np.float64))


def attention_weights(model: keras.Model, inputs: Any) -> Floats:
    """How much each step of each window counted, (n, L), rows summing to 1; the mean over members.

    Raises ValueError for a network without attention.
    """
    layers = [layer for layer in model.layers if isinstance(layer, AdditiveAttention)]
    if not layers:
        raise ValueError(f"expected a network with attention; found none in {model.name}")
    reader = keras.Model(model.inputs, [layer.output[1] for layer in layers])
    ordered = [inputs[name] for name in model.input_names] if isinstance(inputs, dict) else inputs
    weights: NDArray[np.float32] = np.asarray(reader.predict_on_batch(ordered), dtype=np.float32)
    return np.asarray(weights.reshape(len(layers), -1, weights.shape[-1]).mean(axis=0))


def _recurrent(units: int, seeds: Iterator[int], bidirectional: bool, **options: Any) -> keras.layers.Layer:
    def layer(**more: Any) -> keras.layers.Layer:
        seed = next(seeds)
        return keras.layers.LSTM(
            units,
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            recurrent_initializer=keras.initializers.Orthogonal(seed=seed + 1),
            seed=seed + 2,
            **options,
            **more,
        )

    if not bidirectional:
        return layer()
    return keras.layers.Bidirectional(layer(), backward_layer=layer(go_backwards=True))


def _dense(units: int, seeds: Iterator[int], **options: Any) -> keras.layers.Layer:
    return keras.layers.Dense(units, kernel_initializer=keras.initializers.GlorotUniform(next(seeds)), **options)
