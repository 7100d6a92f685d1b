"""The task `strokes`: what a swimmer does in a window of 6 s."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from brazada.sensors import classic, networks
from brazada.sensors.tables import STROKE_CHANNELS, STROKE_SAMPLES, STROKE_WINDOWS, STROKES
from brazada.training import classes
from brazada.training.metrics import f1, regrouped
from brazada.training.task import Array, Arrays, Columns, Decoded, Spec, Task

if TYPE_CHECKING:
    from brazada.sensors.settings import Strokes

_NETWORKS = {"cnn": networks.cnn, "bilstm": networks.bilstm, "cnn_bilstm": networks.cnn_bilstm}
SCALE = np.array([10, 10, 10, 3, 3, 3], np.float32)  # m/s2 and rad/s, about what swimming makes
# How a watch is worn, as signs of acceleration and gyroscope: as most do, on the other wrist, turned by 180°, both. A
# mirror turns the sign of rotations about the axes that lie in it.
MOUNTINGS = np.array(
    [[1, 1, 1, 1, 1, 1], [-1, 1, 1, 1, -1, -1], [-1, -1, 1, -1, -1, 1], [1, -1, 1, -1, 1, -1]], np.float32
)

_FIGURES = {
    "f1_five": regrouped(f1(5), (0, 1, 2, 3, 4, 0)),  # what is no stroke as one, as published
    "f1_strokes": regrouped(f1(4), (None, 0, 1, 2, 3, None)),  # of the four strokes, among themselves
}


def tasks(options: Strokes) -> list[Task]:
    """One task with a network for each recipe. Splits are by swimmer."""
    declared = classes.classifier(STROKES)
    return [
        Task(
            name="strokes",
            network=name,
            table=STROKE_WINDOWS.name,
            columns=("samples", "class_number"),
            decode=decode,
            augment=augment,
            loss_weight=partial(classes.balancing, 0.5),
            build=partial(networks.build, _NETWORKS[name], STROKE_SAMPLES, STROKE_CHANNELS),
            monitor="f1_five",
            group="swimmer",
            compared={"forest": classic.forest, "minirocket": partial(classic.minirocket, on_other_wrist)},
            spec={
                "classes": list(STROKES),
                "rotation_degrees": options.rotation_degrees,
                "kernels": options.kernels,
                **recipe.spec,
            },
            **declared | {"metrics": {**declared["metrics"], **_FIGURES}},
        )
        for name, recipe in options.networks.items()
    ]


def decode(columns: Columns, spec: Spec) -> Decoded:
    """Windows [n, 180, 6] of acceleration and rotation about 1, class numbers [n], weights: 0 without a label."""
    samples = np.frombuffer(b"".join(columns["samples"]), "<f4").reshape(-1, STROKE_SAMPLES, STROKE_CHANNELS)
    numbers = np.asarray(columns["class_number"])
    return samples / SCALE, np.maximum(numbers, 0), (numbers >= 0).astype(np.float32)


def augment(windows: Arrays, spec: Spec, rng: np.random.Generator) -> Array:
    """Windows as of a watch worn otherwise: one of four mountings each, turned about a random axis."""
    samples = np.asarray(windows) * MOUNTINGS[rng.integers(0, len(MOUNTINGS), len(np.asarray(windows)))][:, None]
    rows = len(samples)
    axis = rng.normal(size=(rows, 3))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    angle = np.radians(rng.uniform(0, spec["rotation_degrees"], rows))
    turned = np.einsum("nij,ntkj->ntki", rotations(axis, angle), samples.reshape(rows, -1, 2, 3))
    found: Array = turned.reshape(samples.shape).astype(np.float32)
    return found


def on_other_wrist(windows: Array) -> Array:
    """Windows [n, 180, 6] as a watch on the other wrist would give them."""
    found: Array = windows * MOUNTINGS[1]
    return found


def rotations(axis: Array, angle: Array) -> Array:
    """Rotation matrices [n, 3, 3] about unit vectors [n, 3] by angles [n] in radians (Rodrigues's formula)."""
    x, y, z = axis.T
    zero = np.zeros_like(x)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    sine, cosine = np.sin(angle)[:, None, None], np.cos(angle)[:, None, None]
    found: Array = np.eye(3) + sine * cross + (1 - cosine) * cross @ cross
    return found
