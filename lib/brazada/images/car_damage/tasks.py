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
                # The published recipe turns, brightens and sharpens alone; ours mirrors and cuts as well.
                "mirror": name == "best",
                "zoom": 0.35 if name == "best" else 0.0,
                **recipe.spec,
            },
            **classes.classifier(SEVERITIES),
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
    pictures: Array = np.asarray(inputs)
    rows, side = pictures.shape[:2]
    angle = np.radians(rng.uniform(-spec["rotation_degrees"], spec["rotation_degrees"], rows))
    scale = 1 - rng.uniform(0, spec["zoom"], rows)
    sign = np.where(spec["mirror"] & (rng.random(rows) < 0.5), -1.0, 1.0)
    slack = (1 - scale)[:, None] * side / 2
    middle = side / 2 + rng.uniform(-1, 1, (rows, 2)) * slack
    at = np.arange(side) + 0.5 - side / 2
    across, down = sign[:, None] * at * scale[:, None], at * scale[:, None]
    cosine, sine = np.cos(angle)[:, None, None], np.sin(angle)[:, None, None]
    x = cosine * across[:, None, :] - sine * down[:, :, None] + middle[:, 0, None, None]
    y = sine * across[:, None, :] + cosine * down[:, :, None] + middle[:, 1, None, None]
    columns, lines = (np.clip(np.floor(place), 0, side - 1).astype(np.intp) for place in (x, y))
    turned = pictures[np.arange(rows)[:, None, None], lines, columns].astype(np.float32)
    gain = 1 + rng.uniform(-spec["contrast"], spec["contrast"], (rows, 1, 1, 1)).astype(np.float32)
    lift = 255 * rng.uniform(-spec["brightness"], spec["brightness"], (rows, 1, 1, 1)).astype(np.float32)
    mean = turned.mean(axis=(1, 2, 3), keepdims=True)
    found: Array = np.clip((turned - mean) * gain + mean + lift, 0, 255).astype(np.uint8)
    return found
