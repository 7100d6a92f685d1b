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
  alternate. `EXPECTED` has the middle of each.

Records are swum faster than lengths of a training, and amateurs turn their arms slower than racers. What carries over
is the ratio of the strokes to one another; how fast and how busy this pool's swimmers are is fitted to the centroids.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np

from brazada.swim.motion import SMALLEST, Doubles, Flags, transform

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
CRAWL_SPEEDS = np.geomspace(0.5, 2.1, 73)  # m/s, from a beginner's to the record's: 2 % apart
PACES = np.geomspace(0.8, 1.25, 23)  # stroke rates over those expected, from a lazy pool's to a race's: 2 % apart
STEPS = 30  # of expectation and maximisation
FARTHEST = 4.0  # a centroid farther from every stroke, in spreads among swimmers, is none of them
# Two equal clouds this far apart have one drill in six on the other's side of the middle.
SMALL_MARGIN = 2.0


def name_clusters(centroids: Doubles, sizes: Doubles) -> list[str]:
    """A stroke per cluster, `unknown` where none fits. `centroids` (k, 3) are `FEATURES` in physical units.

    Several clusters may share a stroke and a stroke may have none. `sizes` are the drills of each cluster. They weigh
    it in fitting the level of this pool's swimmers and the share of each stroke: a cluster between two strokes is more
    likely part of the one that most of them swim.
    """
    swimming = (centroids > 1.01 * np.array(SMALLEST)).all(axis=1)
    if not sizes[swimming].sum() > 0:
        return [UNKNOWN] * len(centroids)
    strokes, shares = _level(transform(centroids[swimming]), sizes[swimming] / sizes[swimming].sum())
    apart = _squares(transform(centroids), strokes)
    names = [STROKES[stroke] for stroke in (np.log(shares) - apart / 2).argmax(axis=1)]
    known = swimming & (apart.min(axis=1) <= FARTHEST**2)
    return [name if fits else UNKNOWN for name, fits in zip(names, known, strict=True)]


def style_of(stroke: str) -> str:
    """The coarse style of a stroke: backstroke and butterfly are others; `unknown` stays."""
    return stroke if stroke in (*STYLES, UNKNOWN) else OTHERS


def margin(centroids: Doubles, spreads: Doubles, sizes: Doubles, names: list[str]) -> float:
    """How far apart the two nearest styles lie, over the spread inside them along the line between; 0 with one style.

    `spreads` (k, 3) are standard deviations inside the clusters of `transform`'s features; a style's centre is the
    mean of its clusters weighted with their `sizes`, and its spread includes that of its clusters' centroids. Halves
    of one cloud lie 2.65 of their own spreads apart: a margin up to that shows that styles differ as they should, not
    that there is a gap between them in this log.
    """
    points, styles = transform(centroids), np.array([style_of(name) for name in names])
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


def _level(points: Doubles, weights: Doubles) -> tuple[Doubles, Doubles]:
    """The strokes as this pool's swimmers swim them, (4, 3), and their shares: of all levels the most likely.

    Each level makes a mixture of four strokes; its shares are found by expectation and maximisation.
    """
    speed, pace = (level.ravel() for level in np.meshgrid(CRAWL_SPEEDS, PACES, indexing="ij"))
    levels = EXPECTED * np.stack([speed, pace, np.ones_like(speed)], axis=-1)[:, None, :]
    closeness = np.exp(-_squares(points, levels) / 2) + 1e-30
    shares = np.full((len(levels), len(STROKES)), 1 / len(STROKES))
    for _ in range(STEPS):
        joint = closeness * shares[:, None, :]
        shares = weights @ (joint / joint.sum(axis=2, keepdims=True)) + 1e-9
    likelihood = np.log((closeness * shares[:, None, :]).sum(axis=2)) @ weights
    best = likelihood.argmax()
    return levels[best], shares[best]


def _squares(points: Doubles, strokes: Doubles) -> Doubles:
    """Squared distances of points (k, 3) to physical strokes (..., 4, 3), in spreads among swimmers: (..., k, 4)."""
    between = points[:, None, :] - transform(strokes)[..., None, :, :]
    return np.asarray((between**2).sum(axis=-1), dtype=np.float64)


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
