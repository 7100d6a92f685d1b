"""The task `surfaces`: what a robot rolls over, by 128 steps of its inertial unit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from brazada.sensors import classic, networks
from brazada.sensors.settings import Channel
from brazada.sensors.tables import SURFACE_CHANNELS, SURFACE_SERIES, SURFACE_STEPS, SURFACES
from brazada.training import classes
from brazada.training.task import Array, Columns, Decoded, Spec, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.sensors.settings import Surfaces

CHANNELS: tuple[str, ...] = get_args(Channel)
_NETWORKS = {"lstm": networks.lstm, "cnn": networks.cnn}


def tasks(options: Surfaces) -> list[Task]:
    """One task with a network for each recipe. Splits are by recording."""
    return [
        Task(
            name="surfaces",
            network=name,
            table=SURFACE_SERIES.name,
            columns=("samples", "class_number"),
            decode=decode,
            loss_weight=partial(classes.balancing, 1.0),
            build=partial(networks.build, _NETWORKS[name], SURFACE_STEPS, len(CHANNELS)),
            monitor="f1",
            group="recording",
            compared={
                "forest": classic.forest,
                "extra_trees": classic.extra_trees,
                "minirocket": partial(classic.minirocket, None),
            },
            spec={
                "classes": list(SURFACES),
                "channels": list(options.channels.get(name, CHANNELS)),
                "kernels": options.kernels,
                **recipe.spec,
            },
            **classes.classifier(SURFACES) | {"statistics": statistics},
        )
        for name, recipe in options.networks.items()
    ]


def decode(columns: Columns, spec: Spec) -> Decoded:
    """Series [n, 128, channels of the spec], scaled as the training rows are; class numbers [n]; weights 1."""
    learned = spec["statistics"]
    scaled = (heading_free(columns["samples"]) - np.float32(learned["mean"])) / np.float32(learned["deviation"])
    chosen = [CHANNELS.index(name) for name in spec["channels"]]
    return scaled[..., chosen], columns["class_number"], np.ones(len(scaled), np.float32)


def heading_free(samples: Array) -> Array:
    """The nine CHANNELS [n, 128, 9] of series as stored: where up is, instead of the orientation, and the rest.

    The direction of up in the robot's own axes is what is left of a quaternion (x, y, z, w) without the heading, which
    tells the room that a recording was made in, not the surface.
    """
    raw = np.frombuffer(b"".join(samples), "<f4").reshape(-1, SURFACE_STEPS, SURFACE_CHANNELS)
    x, y, z, w = (raw[..., place] for place in range(4))
    up = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=-1)
    return np.concatenate([up, raw[..., 4:]], axis=-1)


def statistics(rows: DataFrame) -> Mapping[str, Any]:
    """`mean` and `deviation` of each channel over the training rows, and the `shares` of the classes."""
    from pyspark.sql import functions as F

    names = [f"{what}_{place}" for what in ("sum", "squares") for place in range(len(CHANNELS))]
    schema = ", ".join(f"{name} double" for name in (*names, "steps"))
    found = rows.select("samples").mapInArrow(_sums, schema).agg(*map(F.sum, (*names, "steps"))).collect()[0]
    sums, squares = np.reshape(found[:-1], (2, -1)) / found[-1]
    deviation = np.sqrt(np.maximum(squares - sums**2, 1e-12))
    scale = {"mean": sums.tolist(), "deviation": deviation.tolist()}
    return scale | classes.shares("class_number", len(SURFACES), rows)


def _sums(batches: Iterable[Any]) -> Iterator[Any]:
    import pyarrow as pa

    names = [f"{what}_{place}" for what in ("sum", "squares") for place in range(len(CHANNELS))]
    for batch in batches:
        if batch.num_rows:
            values = heading_free(batch.column(0).to_numpy(zero_copy_only=False)).astype(np.float64)
            sums = [*values.sum(axis=(0, 1)), *np.square(values).sum(axis=(0, 1)), values.shape[0] * values.shape[1]]
            yield pa.RecordBatch.from_pydict(
                {name: [float(v)] for name, v in zip((*names, "steps"), sums, strict=True)}
            )
