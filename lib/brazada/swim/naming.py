"""Names for clusters of drills, by what is known of the strokes and never by what is known of the drills.

What is known, and where from:

- Swing of speed inside a stroke cycle: 15 to 20 % either way in front crawl and backstroke, 45 to 50 % in butterfly
  and breaststroke (Craig and Pendergast 1979, Med Sci Sports 11:278-283).
- Order of speed: front crawl, butterfly, backstroke, breaststroke (Pai, Hay and Wilson 1984, J Sports Sci 2:225-239,
  elite; Kjendlie, Pedersen and Stallman 2018, Open Sports Sci J 11:41-47, who did not swim butterfly). By how much:
  the men's world records over 100 m in a 50 m pool (46.40, 49.45, 51.60 and 56.88 s in 2024).
- Stroke rates, ranges in common use and not from one source: arm cycles of 0.7 to 0.9 Hz in front crawl, 0.6 to 0.7
  in backstroke (the lowest of the four, Pai et al.), 0.8 to 0.9 in butterfly and 0.6 to 0.9 in breaststroke. Speed
  swings with each arm's pull, so that the rate measured is twice the cycle's in front crawl and backstroke, where arms
  alternate. `EXPECTED` has the middle of each. Twenty-eight swimmers with a watch turned their arms at 0.48, 0.40, 0.66
  and 0.44 Hz: from 0.55 to 0.8 of these rates (medians of 279 lengths that `brazada sensors laps` tells of the
  recordings of Brunner, Melnyk, Sigfússon and Wattenhofer 2019, ISWC; butterfly's with prior_variance).

Records are swum faster than lengths of a training, and amateurs turn their arms slower than racers. What carries over
is about the ratio of the strokes to one another. `learn` fits the rest to the log: how fast and how busy its swimmers
are, how far a tag reports their swing, how the strokes' ratios differ a little from those expected, how fast and how
busy each swimmer is beside the others. Strokes overlap less among the drills of one swimmer than among those of many.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from brazada.swim.motion import SMALLEST, SPREADS, Doubles, Flags, Integers, transform

STROKES = ("front_crawl", "breaststroke", "backstroke", "butterfly")
UNKNOWN = "unknown"
OTHERS = "others"
STYLES = ("front_crawl", "breaststroke", OTHERS)
# Per stroke: speed over that of front crawl, strokes per second, swing of speed: `FEATURES` in their order.
EXPECTED = np.array(
    [
        [1.0, 1.59, 0.17],
        [46.40 / 56.88, 0.73, 0.47],
        [46.40 / 51.60, 1.30, 0.17],
        [46.40 / 49.45, 0.85, 0.47],
    ]
)
# How far a stroke may lie from these ratios, in spreads among swimmers (standard deviation).
TRUST = np.array([0.3, 0.3, 0.1])
PRIOR_DRILLS = 100  # as many drills as `SPREADS` weighs against the log's own spread
CRAWL_SPEEDS = np.geomspace(0.5, 2.1, 37)  # m/s, from a beginner's to the record's: 4 % apart
PACES = np.geomspace(0.55, 1.25, 22)  # stroke rates over those expected, from a lazy pool's to a race's: 4 % apart
STEPS = 60  # of expectation and maximisation
STEPS_ALIKE = 5  # of these, before swimmers may differ
FARTHEST = 4.0  # what is farther from every stroke, in spreads among swimmers, is none of them
# Two equal clouds this far apart have one drill in six on the other's side of the middle.
SMALL_MARGIN = 2.0


@dataclass(frozen=True)
class Swimming:
    """How a log's swimmers swim, in the units of `transform`.

    `strokes` (4, 3) are the centres of `STROKES`, `shares` (4,) how many drills are theirs, `spread` (3, 3) is the
    covariance inside a stroke. `levels` (swimmers, 3) are what a swimmer has on the others, whatever the stroke: faster
    and busier, with 0 in swing, which belongs to the stroke.
    """

    strokes: Doubles
    shares: Doubles
    spread: Doubles
    levels: Doubles


def learn(points: Doubles, weights: Doubles, swimmers: Integers) -> Swimming:
    """Fit the strokes to drills: a mixture of four normal distributions in which each swimmer has a level.

    `points` (n, 3) are in the units of `transform`, `weights` (n,) how many drills lie at each, `swimmers` (n,) whose,
    from 0. By expectation and maximisation, to the greatest posterior: centres are held to `EXPECTED` by `TRUST`, the
    spread to `SPREADS` by `PRIOR_DRILLS`, and levels are random effects, shrunk the more the fewer a swimmer's drills
    are (Laird and Ware 1982, Biometrics 38:963-974). Swimmers are taken to swim about the same mix of strokes: of one
    who keeps to one stroke the level has a part of it. Points farther than about `FARTHEST` from all strokes, and those
    where nothing was measured, count for nothing.
    """
    weights = np.where(_swum(points), weights, 0.0)
    centres, shares = _start(points, weights)
    expected, spread, prior_variance = transform(EXPECTED), np.eye(3), TRUST**2
    drills = np.bincount(swimmers, weights) + 1e-9
    levels, variance = np.zeros((len(drills), 3)), np.array([0.2, 0.2, 0.0])
    for step in range(STEPS):
        own = points - levels[swimmers]
        closeness = np.exp(_log_closeness(own, centres, shares, spread))
        none = math.exp(-(FARTHEST**2) / 2)
        counts = weights[:, None] * closeness / (closeness.sum(axis=1, keepdims=True) + none)
        sizes = counts.sum(axis=0)[:, None] + 1e-9
        shares = (sizes[:, 0] + 1) / (sizes.sum() + len(STROKES))
        residual = counts.T @ own / sizes - expected
        # Shared offset from what is expected = effect of the log; residuals of each stroke are shrunk towards it.
        shrinkage = sizes * prior_variance / (np.diag(spread) + sizes * prior_variance)
        level = np.average(residual, axis=0, weights=shrinkage)
        centres = expected + level + shrinkage * (residual - level)
        apart = own[:, None, :] - centres
        spread = np.einsum("ns,nsi,nsj->ij", counts, apart, apart) + PRIOR_DRILLS * np.eye(3)
        spread /= sizes.sum() + PRIOR_DRILLS
        if step >= STEPS_ALIKE:
            known = np.bincount(swimmers, counts.sum(axis=1))[:, None] + 1e-9
            left = counts.sum(axis=1, keepdims=True) * points - counts @ centres
            shrinkage = known * variance / (np.diag(spread) + known * variance)
            levels = shrinkage * np.stack([np.bincount(swimmers, feature) for feature in left.T], axis=1) / known
            variance = (levels**2 + variance * (1 - shrinkage)).mean(axis=0)
            levels -= np.average(levels, axis=0, weights=drills)
    return Swimming(centres, shares, spread, levels)


def name_clusters(centroids: Doubles, swimming: Swimming) -> list[str]:
    """A stroke per cluster, `unknown` where none fits. `centroids` (k, 3) are in the units of `transform`.

    Several clusters may share a stroke and a stroke may have none. A cluster between two strokes is more likely part of
    the one that most drills are of.
    """
    likely = _log_closeness(centroids, swimming.strokes, swimming.shares, swimming.spread).argmax(axis=1)
    apart = ((centroids[:, None, :] - swimming.strokes) ** 2).sum(axis=-1).min(axis=1)
    known = _swum(centroids) & (apart <= FARTHEST**2)
    return [STROKES[stroke] if fits else UNKNOWN for stroke, fits in zip(likely, known, strict=True)]


def style_of(stroke: str) -> str:
    """The coarse style of a stroke: backstroke and butterfly are others; `unknown` stays."""
    return stroke if stroke in (*STYLES, UNKNOWN) else OTHERS


def margin(points: Doubles, spreads: Doubles, sizes: Doubles, names: list[str]) -> float:
    """How far apart the two nearest styles lie, over the spread inside them along the line between; 0 with one style.

    `points` (k, 3) are the clusters' centres and `spreads` (k, 3) the standard deviations inside them, in the units of
    `transform`; a style's centre is the mean of its clusters weighted with their `sizes`, and its spread includes that
    of its clusters' centroids. Halves of one cloud lie 2.65 of their own spreads apart: a margin up to that shows that
    styles differ as they should, not that there is a gap between them in this log.
    """
    styles = np.array([style_of(name) for name in names])
    groups = [styles == style for style in STYLES if sizes[styles == style].sum() > 0]
    return min((_apart(points, spreads, sizes, pair) for pair in combinations(groups, 2)), default=0.0)


def warning(margin: float) -> str:
    """What to tell people of the margin; empty where the styles lie well apart."""
    if margin >= SMALL_MARGIN:
        return ""
    if margin == 0:
        return "no two styles were found: all drills have one name, or none"
    return (
        f"names rest on little: the nearest two styles lie {margin:.2f} of their own spread apart; below"
        f" {SMALL_MARGIN:g}, expect more than one drill in six on the wrong side"
    )


def _swum(points: Doubles) -> Flags:
    """Whether something was measured in every feature; points may lie in the middle of a cell."""
    return np.asarray((points > transform(1.05 * np.array(SMALLEST))).all(axis=1))


def _start(points: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """Of all levels in the grid the most likely one: the strokes there, (4, 3), and their shares."""
    places, which = np.unique(np.floor(points), axis=0, return_inverse=True)
    sizes = np.bincount(which.ravel(), weights) / max(weights.sum(), 1.0)
    speed, pace = (level.ravel() for level in np.meshgrid(CRAWL_SPEEDS, PACES, indexing="ij"))
    levels = transform(EXPECTED * np.stack([speed, pace, np.ones_like(speed)], axis=-1)[:, None, :])
    apart = (places + 0.5)[:, None, :] - levels[:, None]
    closeness = np.exp(-(apart**2).sum(axis=-1) / 2) + 1e-30
    shares = np.full((len(levels), len(STROKES)), 1 / len(STROKES))
    for _ in range(STEPS):
        joint = closeness * shares[:, None, :]
        shares = sizes @ (joint / joint.sum(axis=2, keepdims=True)) + 1e-9
    likelihood = np.log((closeness * shares[:, None, :]).sum(axis=2)) @ sizes * weights.sum()
    # What was measured of one stroke alone could be another of a lazier pool: rates are known about as well as among
    # swimmers, speeds are not.
    best = (likelihood - (np.log(pace) / SPREADS[1]) ** 2 / 2).argmax()
    return levels[best], shares[best]


def _log_closeness(points: Doubles, centres: Doubles, shares: Doubles, spread: Doubles) -> Doubles:
    """Logarithm of the density of each stroke at each point times its share, but for a constant: (n, 4)."""
    apart = points[:, None, :] - centres
    squares = np.einsum("nsi,ij,nsj->ns", apart, np.linalg.inv(spread), apart)
    return np.asarray(np.log(shares) - squares / 2, dtype=np.float64)


def _apart(points: Doubles, spreads: Doubles, sizes: Doubles, pair: tuple[Flags, Flags]) -> float:
    centres = [np.average(points[group], axis=0, weights=sizes[group]) for group in pair]
    line = centres[1] - centres[0]
    distance = float(np.linalg.norm(line))
    if distance == 0:
        return 0.0
    line /= distance
    inside = [
        np.average(((points[group] - centre) @ line) ** 2 + spreads[group] ** 2 @ line**2, weights=sizes[group])
        for group, centre in zip(pair, centres, strict=True)
    ]
    # The two styles count alike, however few swim one of them.
    return distance / max(math.sqrt(float(np.mean(inside))), 1e-9)
