"""Networks on square pictures [n, side, side, 3] of bytes, to the probabilities of three severities."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brazada.training.task import Spec

# Means and spreads of the colours of photographs (ImageNet's), on the scale of 0 to 255.
_MEANS = (123.675, 116.28, 103.53)
_SPREADS = (58.395, 57.12, 57.375)


def build(features: Callable[[Any], Any], spec: Spec, seed: int) -> Any:
    """The Keras model with these features; its input are bytes [n, side, side, 3], by `spec["size"]`."""
    import tensorflow as tf

    keras = tf.keras
    keras.utils.set_random_seed(seed)
    pictures = keras.Input((spec["size"], spec["size"], 3), dtype="uint8")
    scaled = keras.layers.Normalization(mean=_MEANS, variance=[spread**2 for spread in _SPREADS])(
        keras.layers.Rescaling(1.0)(pictures)
    )
    told = keras.layers.Dense(len(spec["classes"]), activation="softmax")(features(scaled))
    return keras.Model(pictures, told)


def published(x: Any) -> Any:
    """Four convolutions, each with batch normalisation, ReLU and max pooling; a dense layer of 512; dropout."""
    from tensorflow.keras import layers

    for filters in (32, 64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same")(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization()(x)))
    return layers.Dropout(0.5)(layers.Dense(512, activation="relu")(layers.Flatten()(x)))


def residual(x: Any) -> Any:
    """Four residual stages that halve the picture (He et al. 2016), and the mean over places."""
    from tensorflow.keras import layers

    def normal(x: Any) -> Any:
        return layers.BatchNormalization(momentum=0.9)(x)

    def convolved(x: Any, filters: int, stride: int = 1, size: int = 3) -> Any:
        return layers.Conv2D(filters, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)

    x = layers.ReLU()(normal(convolved(x, 32, 2)))
    for filters in (32, 64, 128, 256):
        y = layers.ReLU()(normal(convolved(x, filters, 2)))
        y = normal(convolved(y, filters))
        x = layers.ReLU()(layers.Add()([y, normal(convolved(layers.AveragePooling2D()(x), filters, size=1))]))
    return layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
