"""Bounds around forecasts: from a model's errors on validation, or from quantile outputs that are calibrated there.

Everything is in scaled changes (see `features`), shapes (n, H) for actuals and points and (n, H, 5) for quantiles in
the order of QUANTILES; NaN actuals do not count. `prices_from_changes` turns bounds into prices.

Bounds do not narrow with the horizon: what is farther ahead is not known better. Those of 95 % lie outside of those of
80 % wherever errors vary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from brazada.errors import InputError
from brazada.prices.features import MEDIAN, QUANTILES, Doubles, around_median

CONFORMAL = "conformal"
LEVELS = np.array(QUANTILES)
_WIDTHS = np.exp(np.linspace(np.log(0.5), np.log(2.0), 57))
_LEAST = 0.25  # of a quantile's own distance from its median, that a bound keeps from another model's point
_APART = 0.05  # standard deviations of the errors, at least, between one bound and the next


@dataclass(frozen=True)
class Bounds:
    """How quantiles are made of forecasts: one of the two is None.

    `offsets` (H, 5) are added to the point; `widths` (5,) stretch the distances of quantile outputs from their median.
    """

    offsets: Doubles | None = None
    widths: Doubles | None = None


def empirical_offsets(actuals: Doubles, points: Doubles) -> Doubles:
    """Per horizon the quantiles of a forecast's errors, pooled over series, (H, 5), and 0 for the median.

    The split-conformal bounds of Vovk et al. (2005) with signed errors: around Naive they are what a model must beat.
    Pooling over series is fair since errors are scaled by each series' own. Of n errors none tells of a level above
    n / (n + 1): such a bound is the farthest error, times what it would be in a normal distribution. Raises InputError
    where a horizon has no actuals.
    """
    errors = actuals - points
    if not np.isfinite(errors).any(axis=0).all():
        raise InputError(
            "observed validation targets at every horizon", found="none at one", todo="lengthen the validation part"
        )
    offsets = np.stack([_quantiles(of[np.isfinite(of)]) for of in errors.T])
    offsets[:, MEDIAN] = 0.0
    apart = _APART * np.nanstd(errors, axis=0)
    for place in range(MEDIAN + 1, len(LEVELS)):  # outwards, on both sides
        offsets[:, place] = np.maximum(offsets[:, place], offsets[:, place - 1] + apart)
        mirrored = len(LEVELS) - 1 - place
        offsets[:, mirrored] = np.minimum(offsets[:, mirrored], offsets[:, mirrored + 1] - apart)
    return offsets


def _quantiles(errors: Doubles) -> Doubles:
    """The quantiles (5,) of n errors in which one error more would be expected (Vovk et al. 2005)."""
    count = len(errors)
    farther = np.maximum(LEVELS, 1 - LEVELS)  # alike on both sides
    known = np.minimum(farther, count / (count + 1))
    rank = np.minimum(1.0, known * (count + 1) / count)
    found = np.quantile(errors, np.where(LEVELS < 0.5, 1 - rank, rank))
    normal = NormalDist().inv_cdf
    wider = [normal(far) / normal(at) if at > 0.5 else 1.0 for far, at in zip(farther, known, strict=True)]
    return np.asarray(found * np.where(known < farther, wider, 1.0), dtype=np.float64)


def calibrated_widths(actuals: Doubles, quantiles: Doubles, trust: float = 0.5) -> Doubles:
    """Per quantile the factor on its distance from the median with the least pinball loss, to the power `trust`, (5,).

    Quantile regression calibrated on data it has not seen (after Romano et al. 2019, multiplicative and by loss rather
    than by coverage). `trust` below 1 shrinks towards what was learned in training: volatility of the few weeks of
    validation lasts only in part. A bound is stretched by no less than the one inside of it.
    """
    median = quantiles[..., MEDIAN]
    factors = np.ones(len(QUANTILES))
    for place, level in enumerate(QUANTILES):
        if place == MEDIAN:
            continue
        distance = quantiles[..., place] - median
        losses = [np.nanmean(_tilted(actuals - median - width * distance, level)) for width in _WIDTHS]
        factors[place] = _WIDTHS[int(np.argmin(losses))] ** trust
    upper = np.maximum.accumulate(factors[MEDIAN + 1 :])
    lower = np.maximum.accumulate(factors[:MEDIAN][::-1])[::-1]
    return np.concatenate([lower, [1.0], upper])


def apply_bounds(bounds: Bounds, points: Doubles, quantiles: Doubles | None = None) -> Doubles:
    """Quantiles (n, H, 5) whose median are the points (n, H).

    `quantiles`, the outputs of a model, are needed for `widths` alone. With widths, the model's quantiles keep their
    place, stretched around their own median, but never pass the point, from which they keep a quarter of that distance
    at least: so a forecast of another model (Naive, say) can stand within them.
    """
    if bounds.offsets is not None:
        return _never_narrower(points, points[..., None] + bounds.offsets)
    if bounds.widths is None or quantiles is None:
        raise InputError(
            "offsets, or widths and quantiles", found="neither", todo="fit the bounds on validation forecasts first"
        )
    median = quantiles[..., MEDIAN, None]
    away = bounds.widths * (quantiles - median)
    stretched, least = median + away, points[..., None] + _LEAST * away
    stretched[..., :MEDIAN] = np.minimum(stretched, least)[..., :MEDIAN]
    stretched[..., MEDIAN] = points
    stretched[..., MEDIAN + 1 :] = np.maximum(stretched, least)[..., MEDIAN + 1 :]
    return _never_narrower(points, around_median(stretched))


def _never_narrower(points: Doubles, quantiles: Doubles) -> Doubles:
    """Quantiles (n, H, 5) that are as far from the points as at any shorter horizon."""
    away = quantiles - points[..., None]
    away[..., :MEDIAN] = np.minimum.accumulate(away[..., :MEDIAN], axis=-2)
    away[..., MEDIAN + 1 :] = np.maximum.accumulate(away[..., MEDIAN + 1 :], axis=-2)
    return points[..., None] + away


def pinball(actuals: Doubles, quantiles: Doubles) -> Doubles:
    """The quantile loss (Koenker and Bassett 1978), mean over the five quantiles, (n, H); NaN where the actual is."""
    losses = [_tilted(actuals - quantiles[..., place], level) for place, level in enumerate(QUANTILES)]
    return np.asarray(np.mean(losses, axis=0), dtype=np.float64)


def choose_bounds(
    actuals: Doubles, points: Doubles, sources: Mapping[str, Doubles], trust: float = 0.5
) -> tuple[str, Bounds]:
    """The bounds with the least pinball loss on validation: "conformal", or those of one of the quantile `sources`.

    Rows must be in order of origin. Each candidate is fitted on one half of the validation and scored on the other,
    both ways, so that none is judged on what it was fitted to; the chosen one is then fitted on all of it.
    """
    half = len(actuals) // 2
    parts = (slice(0, half), slice(half, None))
    losses = {}
    for name in (CONFORMAL, *sources):
        crossed = []
        for fit, judge in (parts, parts[::-1]):
            quantiles = sources[name][judge] if name in sources else None
            bounds = _fitted(name, actuals[fit], points[fit], sources, fit, trust)
            crossed.append(pinball(actuals[judge], apply_bounds(bounds, points[judge], quantiles)))
        losses[name] = float(np.nanmean(np.concatenate(crossed)))
    best = min(losses, key=lambda name: losses[name])
    return best, _fitted(best, actuals, points, sources, slice(None), trust)


def _fitted(
    name: str, actuals: Doubles, points: Doubles, sources: Mapping[str, Doubles], rows: slice, trust: float
) -> Bounds:
    if name in sources:
        return Bounds(widths=calibrated_widths(actuals, sources[name][rows], trust))
    return Bounds(offsets=empirical_offsets(actuals, points))


def _tilted(excess: Doubles, level: float) -> Doubles:
    return np.maximum(level * excess, (level - 1) * excess)
