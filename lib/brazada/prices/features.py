"""From rows of `prices.windows` to what the networks and trees read, and back from their outputs to prices.

A batch is a mapping of arrays with n rows, window length L and horizon H: `prices`, `observed`, `market_change` (n,
L), `target`, `target_drift` (n, H), and per row the statistics of the series' training part alone: `scale_min`,
`scale_max`, `naive_error` (price), `log_scale` (mean |change of log price|), `log_mean`, `share_unchanged`. Two
scalings live here. The published recipe reads prices min-max scaled over the training part. The global models read and
forecast changes from the last price, divided by the series' mean absolute one-step change, the scale of MASE (Hyndman
and Koehler 2006); by that, series of any price level share one model.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Batch = Mapping[str, NDArray[np.generic]]

QUANTILES = (0.025, 0.1, 0.5, 0.9, 0.975)
MEDIAN = QUANTILES.index(0.5)
SMALLEST_SCALE = 1e-3  # share of a price: the scale of a series that never moved in training
LARGEST_CHANGE = 30.0  # scaled changes beyond are clipped: a misprint must not outweigh a month


def published_targets(batch: Batch) -> Floats:
    """The next min-max scaled price and whether it was observed (1 or 0), (n, 1, 2); unobserved prices stand as 0."""
    return _masked(scale_prices(_doubles(batch, "target")[:, :1], batch))


def scale_prices(prices: Doubles, batch: Batch) -> Doubles:
    """Prices (n, k) min-max scaled by their series' training range; `unscale_prices` is the inverse."""
    low, width = _range(batch)
    return np.asarray((prices - low) / width, dtype=np.float64)


def unscale_prices(scaled: Doubles, batch: Batch) -> Doubles:
    """Prices (n, k) from min-max scaled ones."""
    low, width = _range(batch)
    return np.asarray(scaled * width + low, dtype=np.float64)


def global_inputs(batch: Batch) -> dict[str, Floats]:
    """What the global models read: `sequence` (n, L, 5) and `statics` (n, f), free of price level and currency.

    The sequence holds, per step, asinh of the distance of log price to the last one and of its change, each over the
    series' mean |change of log price|; a flag for no change; a flag for observed; asinh of the market's mean change on
    the same scale. asinh is linear near 0 and logarithmic far out, so that jumps stay readable. The statics summarise
    the window (`_summary`) and tell of the series: log of that scale, asinh of the distance of the last price from its
    training mean, the share of unchanged prices in training.
    """
    log_price = np.log(_doubles(batch, "prices"))
    scale = np.maximum(_doubles(batch, "log_scale"), SMALLEST_SCALE)[:, None]
    change = np.diff(log_price, axis=1, prepend=log_price[:, :1])
    steps = [
        np.arcsinh((log_price - log_price[:, -1:]) / scale),
        np.arcsinh(change / scale),
        change == 0,
        _doubles(batch, "observed"),
        np.arcsinh(_doubles(batch, "market_change") / scale),
    ]
    sequence = np.stack(steps, axis=-1).astype(np.float32)
    distance = np.arcsinh((log_price[:, -1] - _doubles(batch, "log_mean")) / scale[:, 0])
    series = np.column_stack([np.log(scale[:, 0]), distance, _doubles(batch, "share_unchanged")])
    statics = np.concatenate([_summary(sequence), series], axis=1)
    return {"sequence": sequence, "statics": np.asarray(statics, dtype=np.float32)}


def global_shapes(window: int) -> dict[str, int]:
    """`channels` and `statics`: the last dimensions of what `global_inputs` makes of windows of this length."""
    names = ("log_scale", "log_mean", "share_unchanged")
    row = {name: np.ones((1, window)) for name in ("prices", "observed", "market_change")}
    inputs = global_inputs(row | {name: np.ones(1) for name in names})
    return {"channels": inputs["sequence"].shape[-1], "statics": inputs["statics"].shape[-1]}


def _summary(sequence: Floats) -> Floats:
    """Lags; per span the level, its range, size of moves, share unchanged, the market; how long the price stayed."""
    level, change, unchanged, observed, market = np.moveaxis(sequence, -1, 0)
    length = level.shape[1]
    lags = [lag for lag in (1, 2, 3, 4, 5, 7, 10, 14, 21, 28) if lag < length]
    columns = [level[:, -1 - lag] for lag in lags] + [change[:, -lag] for lag in range(1, min(6, length))]
    for span in sorted({3, max(4, length // 4), length // 2, length}):
        recent, moves = level[:, -span:], np.abs(change[:, -span:])
        columns += [recent.mean(1), recent.min(1), recent.max(1), moves.mean(1), unchanged[:, -span:].mean(1)]
        columns.append(market[:, -span:].mean(1))
    still = unchanged[:, ::-1].cumprod(axis=1).mean(axis=1)
    return np.column_stack([*columns, still, observed[:, -1], observed.mean(1), market[:, -1]])


def scaled_changes(batch: Batch) -> Doubles:
    """Target minus last price over the series' training mean |change|, (n, H), NaN where not observed."""
    change = _doubles(batch, "target") - _doubles(batch, "prices")[:, -1:]
    return np.asarray(change / change_scale(batch), dtype=np.float64)


def training_targets(batch: Batch) -> Floats:
    """For training (n, H, 3): scaled changes less the market's then, scaled changes, observed or not (1 or 0).

    Without the market's change taken out a network learns the drift of the season it was trained on. Both are clipped.
    """
    change = scaled_changes(batch)
    drift = np.nan_to_num(_doubles(batch, "target_drift"))
    both = np.stack([change - drift, change], axis=-1).clip(-LARGEST_CHANGE, LARGEST_CHANGE)
    known = np.isfinite(change)[..., None]
    return np.asarray(np.concatenate([np.where(known, both, 0.0), known], axis=-1), dtype=np.float32)


def prices_from_changes(changes: Doubles, batch: Batch) -> Doubles:
    """Price levels from scaled changes (n, H) or (n, H, quantiles); never below 0, for no price is."""
    shape = (-1,) + (1,) * (changes.ndim - 1)
    last, scale = _doubles(batch, "prices")[:, -1].reshape(shape), change_scale(batch).reshape(shape)
    return np.asarray(np.maximum(last + changes * scale, 0.0), dtype=np.float64)


def change_scale(batch: Batch) -> Doubles:
    """Training mean |one-step change| of each row's series, price, (n, 1); never 0, even if the price never moved."""
    smallest = SMALLEST_SCALE * np.exp(_doubles(batch, "log_mean"))
    return np.asarray(np.maximum(_doubles(batch, "naive_error"), smallest)[:, None], dtype=np.float64)


def around_median(quantiles: Doubles) -> Doubles:
    """Quantiles (..., 5) made monotonic around their median, which stays as it is (it is the point forecast)."""
    upper = np.maximum.accumulate(quantiles[..., MEDIAN:], axis=-1)
    lower = np.minimum.accumulate(quantiles[..., MEDIAN::-1], axis=-1)[..., ::-1]
    return np.concatenate([lower[..., :-1], upper], axis=-1)


def _range(batch: Batch) -> tuple[Doubles, Doubles]:
    low, high = _doubles(batch, "scale_min")[:, None], _doubles(batch, "scale_max")[:, None]
    return low, np.where(high > low, high - low, np.maximum(SMALLEST_SCALE * np.abs(low), SMALLEST_SCALE))


def _masked(values: Doubles) -> Floats:
    known = np.isfinite(values)
    return np.asarray(np.stack([np.where(known, values, 0.0), known], axis=-1), dtype=np.float32)


def _doubles(batch: Batch, name: str) -> Doubles:
    return np.asarray(batch[name], dtype=np.float64)
