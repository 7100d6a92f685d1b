"""The task `fashion`: which of ten pieces of clothing a picture shows."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from brazada.images.fashion import networks
from brazada.images.fashion.tables import CLASSES, FASHION, SIDE
from brazada.training import classes, optimizers
from brazada.training.task import Array, Arrays, Columns, Decoded, Spec, Task

if TYPE_CHECKING:
    from brazada.images.settings import Fashion

_NETWORKS = {
    "best": (networks.residual, optimizers.sgd),
    "cnn": (networks.cnn, optimizers.rmsprop),
    "rnn": (networks.rnn, optimizers.sgd),
    "bilstm": (networks.bilstm, optimizers.adam),
}
_SHIFT, _ERASED = 2, 10  # pixels


def tasks(options: Fashion) -> list[Task]:
    """One task with four networks, each by its recipe. The test rows are those of the published test part."""
    return [
        Task(
            name="fashion",
            network=name,
            table=FASHION.name,
            columns=("pixels", "class_number"),
            decode=decode,
            augment=augment if name == "best" else None,
            build=partial(networks.build, _NETWORKS[name][0]),
            optimizer=_NETWORKS[name][1],
            monitor="accuracy",
            spec={"classes": list(CLASSES), "mirror": name == "best", **recipe.spec},
            **classes.classifier(CLASSES, smoothing=0.1 if name == "best" else 0),
        )
        for name, recipe in options.networks.items()
    ]


def decode(columns: Columns, spec: Spec) -> Decoded:
    """Pictures [n, 28, 28] of bytes, class numbers [n], weights 1."""
    pictures = np.frombuffer(b"".join(columns["pixels"]), np.uint8).reshape(-1, SIDE, SIDE)
    return pictures, columns["class_number"], np.ones(len(pictures), np.float32)


def augment(pictures: Arrays, spec: Spec, rng: np.random.Generator) -> Array:
    """Pictures mirrored, by half, shifted by up to 2 pixels, and with a rectangle of noise, by half (Zhong 2020)."""
    levels: Array = np.asarray(pictures, np.uint8)
    rows = len(levels)
    levels = np.where((rng.random(rows) < 0.5)[:, None, None], levels[:, :, ::-1], levels)
    padded = np.pad(levels, ((0, 0), (_SHIFT, _SHIFT), (_SHIFT, _SHIFT)))
    down, right = rng.integers(0, 2 * _SHIFT + 1, (2, rows, 1)) + np.arange(SIDE)
    levels = padded[np.arange(rows)[:, None, None], down[:, :, None], right[:, None]]
    height, width = rng.integers(3, _ERASED + 1, (2, rows, 1)) * (rng.random((rows, 1)) < 0.5)
    top, left = rng.integers(0, SIDE - 3, (2, rows, 1))
    place = np.arange(SIDE)
    erased = ((place >= top) & (place < top + height))[:, :, None] & ((place >= left) & (place < left + width))[:, None]
    noise = rng.integers(0, 256, levels.shape, dtype=np.uint8)
    return np.where(erased, noise, levels)
