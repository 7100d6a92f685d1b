"""Networks on series [n, steps, channels], to the probabilities of classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brazada.training.task import Spec


def build(features: Callable[[Any], Any], shape: tuple[int, int], spec: Spec, seed: int) -> Any:
    """The Keras model with these features of series of a shape; the spec's `channels`, where named, are fewer."""
    import tensorflow as tf

    keras = tf.keras
    keras.utils.set_random_seed(seed)
    steps, channels = shape
    series = keras.Input((steps, len(spec.get("channels") or ()) or channels))
    told = keras.layers.Dense(len(spec["classes"]), activation="softmax")(features(series))
    return keras.Model(series, told)


def lstm(x: Any) -> Any:
    """One LSTM over the steps."""
    from tensorflow.keras import layers

    return layers.Dropout(0.3)(layers.LSTM(64)(x))


def bilstm(x: Any) -> Any:
    """A bidirectional LSTM over means of three steps."""
    from tensorflow.keras import layers

    return layers.Dropout(0.3)(layers.Bidirectional(layers.LSTM(64))(layers.AveragePooling1D(3)(x)))


def cnn(x: Any) -> Any:
    """Three convolutions, and the mean over the steps (Wang, Yan and Oates 2017)."""
    from tensorflow.keras import layers

    x = layers.MaxPooling1D(2)(_convolved(x, 7))
    x = layers.MaxPooling1D(2)(_convolved(x, 5))
    return layers.Dropout(0.3)(layers.GlobalAveragePooling1D()(_convolved(x, 5)))


def cnn_bilstm(x: Any) -> Any:
    """Two convolutions, and a bidirectional LSTM over what they give (Ordonez and Roggen 2016)."""
    from tensorflow.keras import layers

    x = layers.MaxPooling1D(2)(_convolved(x, 7))
    x = layers.MaxPooling1D(2)(_convolved(x, 5))
    return layers.Dropout(0.3)(layers.Bidirectional(layers.LSTM(64))(x))


def _convolved(x: Any, size: int) -> Any:
    from tensorflow.keras import layers

    return layers.ReLU()(layers.BatchNormalization(momentum=0.9)(layers.Conv1D(64, size, padding="same")(x)))
