"""Networks on series [n, steps, channels], to the probabilities of `spec["classes"]`.

Each function gives the features that the last layer tells the classes by.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from brazada.training.networks import classifier, normal
from brazada.training.task import Spec


def build(features: Callable[[Any], Any], steps: int, channels: int, spec: Spec, seed: int) -> Any:
    """The Keras model with these features; its input are series [n, steps, channels] or, of some channels, fewer."""
    shape = (steps, len(spec.get("channels", range(channels))))
    return classifier(partial(_thinned, features, spec.get("dropout", 0.3)), shape, spec, seed)


def _thinned(features: Callable[[Any], Any], dropout: float, series: Any) -> Any:
    from tensorflow.keras import layers

    return layers.Dropout(dropout)(features(series))


def cnn(x: Any) -> Any:
    """Three convolutions over time, with batch normalisation; the mean over time."""
    from tensorflow.keras import layers

    return layers.GlobalAveragePooling1D()(_convolved(x, (7, 5, 5)))


def cnn_bilstm(x: Any) -> Any:
    """Two convolutions over time, and a bidirectional LSTM over what they tell of each step."""
    from tensorflow.keras import layers

    x = layers.MaxPooling1D(2)(_convolved(x, (7, 5)))
    return layers.Bidirectional(layers.LSTM(64))(x)


def bilstm(x: Any) -> Any:
    """A bidirectional LSTM over the means of three steps each: of 30 Hz it makes 10."""
    from tensorflow.keras import layers

    return layers.Bidirectional(layers.LSTM(64))(layers.AveragePooling1D(3)(x))


def lstm(x: Any) -> Any:
    """One LSTM over the steps."""
    from tensorflow.keras import layers

    return layers.LSTM(64)(x)


def _convolved(x: Any, sizes: Sequence[int]) -> Any:
    from tensorflow.keras import layers

    for place, size in enumerate(sizes):
        x = layers.Conv1D(64, size, padding="same", use_bias=False, kernel_initializer="he_normal")(x)
        x = layers.ReLU()(normal(x))
        x = layers.MaxPooling1D(2)(x) if place < 2 else x
    return x
