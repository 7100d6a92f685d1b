"""Networks on 28 x 28 grey pictures [n, 28, 28], to the probabilities of ten classes.

Three are exact copies of published ones, with their numbers of parameters; `best` is our own. Each function gives the
features that the last layer tells the classes by, of the grey levels, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from brazada.images.fashion.tables import SIDE
from brazada.training import networks
from brazada.training.networks import convolved, normal
from brazada.training.task import Spec


def build(features: Callable[[Any], Any], spec: Spec, seed: int) -> Any:
    """The Keras model with these features; its input are bytes [n, 28, 28]."""
    return networks.classifier(partial(_of_levels, features), (SIDE, SIDE), spec, seed, dtype="uint8")


def _of_levels(features: Callable[[Any], Any], pictures: Any) -> Any:
    from tensorflow.keras import layers

    return features(layers.Rescaling(1 / 255)(pictures))


def cnn(x: Any) -> Any:
    """Three blocks of two convolutions with tanh; 306,906 parameters, 928 of them not trainable."""
    from tensorflow.keras import layers

    x = layers.Reshape((SIDE, SIDE, 1))(x)
    for filters, dropout in ((32, 0.2), (64, 0.3), (128, 0.4)):
        for _ in range(2):
            x = layers.Conv2D(filters, 3, padding="same", activation="tanh")(x)
            x = layers.BatchNormalization()(x)
        x = layers.Dropout(dropout)(layers.MaxPooling2D()(x))
    x = layers.Dense(16, activation="relu")(layers.Flatten()(x))
    return layers.Dropout(0.5)(layers.BatchNormalization()(x))


def rnn(x: Any) -> Any:
    """Three simple recurrent layers over the rows of the picture; 135,498 parameters."""
    from tensorflow.keras import layers

    for units in (256, 128, 64):
        x = layers.SimpleRNN(units, activation="relu", return_sequences=units > 64)(x)
    return layers.BatchNormalization()(x)


def bilstm(x: Any) -> Any:
    """Two bidirectional LSTMs over the rows of the picture; 1,340,042 parameters."""
    from tensorflow.keras import layers

    x = layers.Bidirectional(layers.LSTM(256, return_sequences=True))(x)
    x = layers.Bidirectional(layers.LSTM(128))(x)
    for units in (256, 128):
        x = layers.Dropout(0.3)(layers.Dense(units, activation="relu")(x))
    return x


def residual(x: Any) -> Any:
    """Residual blocks (He et al. 2016): one at 28 x 28, two where the picture is 14 x 14, two where it is 7 x 7."""
    from tensorflow.keras import layers

    def block(x: Any, filters: int, stride: int) -> Any:
        y = layers.ReLU()(normal(x))
        if stride > 1:
            x = convolved(layers.AveragePooling2D()(y), filters, size=1)
        y = convolved(y, filters, stride)
        y = convolved(layers.ReLU()(normal(y)), filters)
        return layers.Add()([x, y])

    x = convolved(layers.Reshape((SIDE, SIDE, 1))(x), 32)
    for filters, stride in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        x = block(x, filters, stride)
    x = layers.GlobalAveragePooling2D()(layers.ReLU()(normal(x)))
    return layers.Dropout(0.2)(x)
