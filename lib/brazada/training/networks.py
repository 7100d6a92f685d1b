"""What networks of several tasks are built from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from brazada.training.task import Spec


def classifier(
    features: Callable[[Any], Any], shape: tuple[int, ...], spec: Spec, seed: int, *, dtype: str = "float32"
) -> Any:
    """The Keras model that tells `spec["classes"]` by these features of inputs [n, *shape].

    With `spec["mirror"]` inputs are pictures [n, height, width, ...] that are mirrored at random in training; outside
    of it the model tells the mean of what it tells of a picture and of its mirror.
    """
    import tensorflow as tf

    keras = tf.keras
    keras.utils.set_random_seed(seed)
    inputs = keras.Input(shape, dtype=dtype)
    told = keras.layers.Dense(len(spec["classes"]), activation="softmax", dtype="float32")(features(inputs))
    model = keras.Model(inputs, told)
    return keras.Model(inputs, _looking_both_ways(model)(inputs)) if spec.get("mirror") else model


def _looking_both_ways(model: Any) -> Any:
    """The layer that tells what a model of pictures does: in training of each, else of it and its mirror, the mean."""
    import tensorflow as tf

    class LookingBothWays(tf.keras.layers.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def call(self, pictures: Any, training: bool = False) -> Any:
            told = self.model(pictures, training=training)
            return told if training else (told + self.model(tf.reverse(pictures, [2]), training=False)) / 2

    return LookingBothWays()


def convolved(x: Any, filters: int, stride: int = 1, size: int = 3) -> Any:
    """A convolution [n, height, width, filters] without a bias, as a batch normalisation follows or came before."""
    from tensorflow.keras import layers

    return layers.Conv2D(filters, size, stride, padding="same", use_bias=False, kernel_initializer="he_normal")(x)


def normal(x: Any) -> Any:
    """Batch normalisation whose moving statistics follow within some ten steps."""
    from tensorflow.keras import layers

    return layers.BatchNormalization(momentum=0.9)(x)
