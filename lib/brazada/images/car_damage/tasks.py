"""The task `car_damage`: how severe the damage is that a photograph shows."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from brazada.images.car_damage import networks
from brazada.images.car_damage.tables import CAR_DAMAGE, SEVERITIES
from brazada.training import classes, optimizers
from brazada.training.task import Array, Arrays, Columns, Decoded, Spec, Task

if TYPE_CHECKING:
    from brazada.images.settings import CarDamage

_NETWORKS = {"published": (networks.published, optimizers.sgd), "best": (networks.residual, optimizers.adam)}
_SMOOTHING = 0.1  # people do not agree on the severity either


def tasks(options: CarDamage) -> list[Task]:
    """One task with two networks. The test rows are those of the published parts val and test."""
    return [
        Task(
            name="car_damage",
            network=name,
            table=CAR_DAMAGE.name,
            columns=("picture", "class_number"),
            decode=decode,
            augment=augment,
            loss_weight=partial(classes.balancing, 1.0) if name == "best" else None,
            build=partial(networks.build, _NETWORKS[name][0]),
            optimizer=_NETWORKS[name][1],
            monitor="f1",
            rows_per_chunk=256,
            spec={
                "classes": list(SEVERITIES),
                "size": options.size,
                "rotation_degrees": 15.0,
                "brightness": 0.2,
                "contrast": 0.2,
                # The published recipe turns, brightens and sharpens alone; ours mirrors and cuts too.
                "mirror": name == "best",
                "zoom": 0.35 if name == "best" else 0.0,
                **recipe.spec,
            },
            **classes.classifier(SEVERITIES, smoothing=_SMOOTHING if name == "best" else 0),
        )
        for name, recipe in options.networks.items()
    ]


def decode(columns: Columns, spec: Spec) -> Decoded:
    """Pictures [n, size, size, 3] of bytes, class numbers [n], weights 1."""
    from PIL import Image

    side = spec["size"]
    pictures = np.empty((len(columns["picture"]), side, side, 3), np.uint8)
    for place, content in enumerate(columns["picture"]):
        picture = Image.open(io.BytesIO(content))
        pictures[place] = picture if picture.size == (side, side) else picture.resize((side, side), 1)
    return pictures, columns["class_number"], np.ones(len(pictures), np.float32)


def augment(inputs: Arrays, spec: Spec, rng: np.random.Generator) -> Array:
    """Pictures turned, brightened and with more or less contrast; by the spec mirrored and cut too."""
    pictures: Array = np.asarray(inputs, np.uint8)
    rows, side = pictures.shape[:2]
    angle = np.radians(rng.uniform(-spec["rotation_degrees"], spec["rotation_degrees"], (rows, 1)))
    scale = 1 - rng.uniform(0, spec["zoom"], (rows, 1))
    sign = np.where(spec["mirror"] & (rng.random((rows, 1)) < 0.5), -1, 1)
    middle = side / 2 + rng.uniform(-1, 1, (2, rows, 1)) * (1 - scale) * side / 2
    gain = 1 + rng.uniform(-spec["contrast"], spec["contrast"], rows)
    lift = 255 * rng.uniform(-spec["brightness"], spec["brightness"], rows)
    at, levels = np.arange(side) + 0.5 - side / 2, np.arange(256)
    across, down = sign * scale * at, scale * at
    cosine, sine = np.cos(angle), np.sin(angle)
    # Where pixel (line, column) of the new picture lies in the old one: a term for its line, one for its column.
    x_of_column, x_of_line = (cosine * across + middle[0]).astype(np.float32), (-sine * down).astype(np.float32)
    y_of_column, y_of_line = (sine * across).astype(np.float32), (cosine * down + middle[1]).astype(np.float32)
    found = np.empty_like(pictures)
    for n, picture in enumerate(pictures):  # picture by picture: its pixels stay in the processor's cache
        x, y = (
            (line[n][:, None] + of[n]).astype(np.int32)
            for line, of in ((x_of_line, x_of_column), (y_of_line, y_of_column))
        )
        place = np.clip(y, 0, side - 1) * side + np.clip(x, 0, side - 1)
        mean = picture[::4, ::4].mean()
        changed = np.clip((levels - mean) * gain[n] + mean + lift[n], 0, 255).astype(np.uint8)
        np.take(changed, picture.reshape(-1, 3).take(place, axis=0), out=found[n])
    return found
