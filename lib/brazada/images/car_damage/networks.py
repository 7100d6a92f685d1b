"""Networks on square pictures [n, side, side, 3] of bytes, to the probabilities of three severities."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from brazada.training import networks
from brazada.training.networks import convolved, normal
from brazada.training.task import Spec

# Means and spreads of the colours of photographs (ImageNet's), on the scale of 0 to 255.
_MEANS = (123.675, 116.28, 103.53)
_SPREADS = (58.395, 57.12, 57.375)


def build(features: Callable[[Any], Any], spec: Spec, seed: int) -> Any:
    """The Keras model with these features; its input are bytes [n, side, side, 3], by `spec["size"]`."""
    shape = (spec["size"], spec["size"], 3)
    return networks.classifier(partial(_of_colours, features), shape, spec, seed, dtype="uint8")


def _of_colours(features: Callable[[Any], Any], pictures: Any) -> Any:
    from tensorflow.keras import layers

    levels = layers.Rescaling(1.0)(pictures)
    return features(layers.Normalization(mean=_MEANS, variance=[spread**2 for spread in _SPREADS])(levels))


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

    x = layers.ReLU()(normal(convolved(x, 32, 2)))
    for filters in (32, 64, 128, 256):
        y = layers.ReLU()(normal(convolved(x, filters, 2)))
        y = normal(convolved(y, filters))
        x = layers.ReLU()(layers.Add()([y, normal(convolved(layers.AveragePooling2D()(x), filters, size=1))]))
    return layers.Dropout(0.4)(layers.GlobalAveragePooling2D()(x))
