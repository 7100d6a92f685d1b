"""The learning problems of the price domain: one network over all series of a source, or one for each series."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.prices.features import (
    LARGEST_CHANGE,
    MEDIAN,
    QUANTILES,
    SMALLEST_SCALE,
    global_inputs,
    global_shapes,
    published_targets,
    training_targets,
)
from brazada.prices.settings import Prices
from brazada.prices.sources import slice_of
from brazada.prices.tables import WINDOWS
from brazada.training.metrics import mean_of
from brazada.training.task import Arrays, Columns, Decoded, Spec, Task

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

GLOBAL = "global"
LOCAL_NETWORKS = ("bilstm_attention", "bilstm", "lstm_attention", "lstm")  # the first is the published one

QUANTILE_NAMES = tuple(f"q{round(1000 * level):03d}" for level in QUANTILES)

_TARGET = ("prices", "target", "target_drift", "naive_error", "log_mean")
_GLOBAL_COLUMNS = (*_TARGET, "observed", "market_change", "log_scale", "share_unchanged")
_PRODUCT_COLUMNS = ("window", "target", "scale_min", "scale_max")


def tasks(settings: Prices) -> list[Task]:
    """Every learning problem of the prices: for each source the global one, and each network for single series."""
    return [
        task
        for source in sorted(settings.sources)
        for task in (
            global_task(settings, source),
            *(local_task(settings, source, network) for network in LOCAL_NETWORKS),
        )
    ]


def global_task(settings: Prices, source: str) -> Task:
    """One network over all series of a source, every horizon at once, which starts out as Naive."""
    publisher = settings.sources[source]
    shape = {"window": publisher.window, "horizon": publisher.horizon, "epochs": publisher.epochs}
    return Task(
        name=f"prices_{GLOBAL}_{source}",
        network="attention",
        table=WINDOWS.name,
        key=WINDOWS.key,
        where=slice_of([source]),
        columns=_GLOBAL_COLUMNS,
        decode=decode_changes,
        build=build_global,
        loss=changes_loss,
        metrics={"mae": mean_of(changes_error)},
        monitor="loss",
        optimizer=optimizer_global,
        statistics=changes_quantiles,
        baseline=naive_changes,
        refit=True,
        output=change_quantiles,
        spec=shape | global_shapes(publisher.window) | settings.networks.global_model.model_dump(),
    )


def local_task(settings: Prices, source: str, network: str) -> Task:
    """The published recipe, a network for each series of a source: `network` is one of LOCAL_NETWORKS."""
    recipe = {"bidirectional": network.startswith("bi"), "attention": network.endswith("attention")}
    shape = {"window": settings.sources[source].window}
    return Task(
        name=f"prices_local_{source}",
        network=network,
        table=WINDOWS.name,
        key=WINDOWS.key,
        where=slice_of([source]),
        by=("series",),
        columns=_PRODUCT_COLUMNS,
        decode=decode_levels,
        build=build_product,
        loss=levels_loss,
        metrics={"mae": mean_of(levels_error)},
        monitor="loss",
        baseline=naive_level,
        spec=shape | recipe | settings.networks.local_models.model_dump(),
    )


def decode_changes(columns: Columns, spec: Spec) -> Decoded:
    """Rows of prices.windows to `sequence`, `statics` and scaled changes (n, H, 3)."""
    targets = training_targets(columns)
    return global_inputs(columns), targets, np.ones(len(targets), np.float32)


def decode_levels(columns: Columns, spec: Spec) -> Decoded:
    """Rows of prices.windows to (n, L, 5) and the next min-max scaled price (n, 1, 2)."""
    targets = published_targets(columns)
    window = np.asarray(columns["window"], np.float32)
    return window.reshape(len(window), -1, 5), targets, np.ones(len(targets), np.float32)


def build_global(spec: Spec, seed: int) -> Any:
    """The global network of a spec; `statistics` holds the quantiles it starts from."""
    from brazada.prices.networks import Global, global_network

    names = ("window", "channels", "statics", "members", "units", "dense", "dropout")
    start = tuple(tuple(row) for row in spec["statistics"]["start"])
    return global_network(Global(start=start, seed=seed, **{name: spec[name] for name in names}))


def build_product(spec: Spec, seed: int) -> Any:
    """The published network of a spec."""
    from brazada.prices.networks import Published, published_network

    names = ("window", "bidirectional", "attention", "dropout", "recurrent_dropout", "l2")
    units = (spec["units"][0], spec["units"][1])
    return published_network(Published(units=units, seed=seed, **{name: spec[name] for name in names}))


def optimizer_global(spec: Spec) -> Any:
    """Adam whose gradients are clipped variable by variable, so that the members of the ensemble stay apart."""
    from tensorflow import keras

    return keras.optimizers.Adam(spec["learning_rate"], clipnorm=spec["clipnorm"])


def changes_loss(targets: Any, forecasts: Any, weight: Any) -> tuple[Any, Any]:
    """Sum over rows of the quantile loss, and of the weights."""
    import tensorflow as tf

    from brazada.prices.networks import quantile_loss

    return tf.reduce_sum(quantile_loss(targets, forecasts) * weight), tf.reduce_sum(weight)


def changes_error(targets: Any, forecasts: Any, weight: Any) -> tuple[Any, Any]:
    """Sum of the absolute error of the ensemble's median on observed scaled changes, and how many there are."""
    import tensorflow as tf

    known = targets[..., 2] * weight[:, None]
    point = tf.reduce_mean(forecasts, axis=1)[..., MEDIAN]
    return tf.reduce_sum(tf.abs(targets[..., 1] - point) * known), tf.reduce_sum(known)


def naive_changes(inputs: Arrays, spec: Spec) -> np.ndarray[Any, Any]:
    """Naive with the training part's empirical quantiles, as the global network would say it: (n, members, H, 5)."""
    start = np.asarray(spec["statistics"]["start"], np.float32).copy()
    start[:, MEDIAN] = 0.0
    rows = len(inputs["statics"])
    return np.broadcast_to(start, (rows, spec["members"], *start.shape))


def changes_quantiles(rows: DataFrame) -> Mapping[str, Any]:
    """`start`: the quantiles (H, 5) of the scaled changes of training rows."""
    from pyspark.sql import functions as F

    first = rows.select(F.size("target")).first()
    horizons = range(int(first[0]) if first else 0)
    scale = F.greatest(F.col("naive_error"), SMALLEST_SCALE * F.exp("log_mean"))
    changes = [(F.get("target", F.lit(step)) - F.element_at("prices", -1)) / scale for step in horizons]
    ends = F.lit(-LARGEST_CHANGE), F.lit(LARGEST_CHANGE)
    clipped = rows.select(
        *[F.greatest(F.least(change, ends[1]), ends[0]).alias(f"h{h}") for h, change in enumerate(changes)]
    )
    levels = F.array(*map(F.lit, QUANTILES))
    found = clipped.agg(*[F.percentile(f"h{step}", levels) for step in horizons]).first()
    return {"start": [list(row) if row else [0.0] * len(QUANTILES) for row in found or []]}


def levels_loss(targets: Any, forecasts: Any, weight: Any) -> tuple[Any, Any]:
    """Sum of squared errors on observed scaled prices, and how many there are."""
    import tensorflow as tf

    known = targets[..., 1] * weight[:, None]
    return tf.reduce_sum(tf.square(targets[..., 0] - forecasts) * known), tf.reduce_sum(known)


def levels_error(targets: Any, forecasts: Any, weight: Any) -> tuple[Any, Any]:
    """Sum of absolute errors on observed scaled prices, and how many there are."""
    import tensorflow as tf

    known = targets[..., 1] * weight[:, None]
    return tf.reduce_sum(tf.abs(targets[..., 0] - forecasts) * known), tf.reduce_sum(known)


def naive_level(inputs: Arrays, spec: Spec) -> np.ndarray[Any, Any]:
    """The last scaled price, (n, 1)."""
    return np.asarray(inputs)[:, -1, :1]


def change_quantiles(output: np.ndarray[Any, Any], spec: Spec) -> dict[str, np.ndarray[Any, Any]]:
    """The quantiles (n, H) of scaled changes by name, `q025` to `q975`: the means over the members."""
    from brazada.prices.networks import ensemble

    quantiles = ensemble(output)
    return {name: quantiles[..., place] for place, name in enumerate(QUANTILE_NAMES)}
