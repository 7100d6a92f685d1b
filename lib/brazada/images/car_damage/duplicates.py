"""Near-duplicates among photographs, found by bands of their perceptual hashes and judged by their grey levels.

Of every photograph views are made as a copy might show it: turned by quarters, mirrored, each whole or cut to nine
tenths. A photograph is compared with another where one of five bands of its hash is that of a view of the other
(locality-sensitive hashing), so that the work grows with their number, not with its square. What is like enough then
is looked at more closely: cut to many sizes at many places, until it is as alike as it gets.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.images.car_damage.photos import perceptual_hash
from brazada.images.car_damage.tables import THUMBNAIL

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

_BANDS = (13, 13, 13, 13, 12)  # bits
_FARTHEST = 16  # bits between hashes of a pair that is looked at
_ALIKE = 0.9  # correlation of a pair that is one
_NEARLY = 0.6  # correlation of a pair that is looked at more closely
_ALIKE_THEN = 0.95  # correlation of a pair that is one by a closer look, which finds the best of many
_STEP = 2  # pixels between the sizes and the places of a closer look
_SMALLEST = 54  # pixels of the smallest cut of a closer look
_CELL = 4  # pixels a side of which the mean is compared
_CUT = round(0.9 * THUMBNAIL)
_REST = THUMBNAIL - _CUT
CUTS = {
    "whole": (0, 0, THUMBNAIL),
    "middle": (_REST // 2, _REST // 2, _CUT),
    "top left": (0, 0, _CUT),
    "top right": (0, _REST, _CUT),
    "bottom left": (_REST, 0, _CUT),
    "bottom right": (_REST, _REST, _CUT),
}
_Grey = np.ndarray[Any, np.dtype[np.uint8]]
_VIEW = "id string, hash long, view int"
_PAIR = "id string, other string, likeness double, distance int, turned int, mirrored boolean, cut string"


def pairs(photos: DataFrame) -> DataFrame:
    """Pairs of near-duplicates among photographs (id, hash, thumbnail), in the columns of `images.duplicates`."""
    from pyspark.sql import functions as F

    def bands(frame: DataFrame) -> DataFrame:
        places = [sum(_BANDS[:number]) for number in range(len(_BANDS))]
        keys = [
            F.struct(F.lit(n).alias("band"), F.shiftrightunsigned("hash", at).bitwiseAND((1 << bits) - 1).alias("bits"))
            for n, (at, bits) in enumerate(zip(places, _BANDS, strict=True))
        ]
        return frame.withColumn("key", F.explode(F.array(*keys)))

    views = bands(photos.select("id", "thumbnail").mapInPandas(_views, _VIEW))
    whole = bands(photos.select(F.col("id").alias("other"), "hash")).withColumnRenamed("hash", "hash_of")
    distance = F.bit_count(F.col("hash").bitwiseXOR(F.col("hash_of")))
    near = views.join(whole, on="key", how="inner").where((F.col("id") != F.col("other")) & (distance <= _FARTHEST))
    near = near.select("id", "other", "view", distance.cast("int").alias("distance")).distinct()
    one = photos.select("id", "thumbnail")
    other = photos.select(F.col("id").alias("other"), F.col("thumbnail").alias("of"))
    seen = near.join(one, on="id", how="inner").join(other, on="other", how="inner")
    judged = seen.select("id", "other", "view", "distance", "thumbnail", "of").mapInPandas(_judged, _PAIR)
    ordered = judged.withColumn("first", F.least("id", "other")).withColumn("last", F.greatest("id", "other"))
    best = ordered.groupBy("first", "last").agg(F.max_by(F.struct(*judged.columns), "likeness").alias("best"))
    told = [f"best.{name}" for name in judged.columns[2:]]
    return best.select(F.col("first").alias("id"), F.col("last").alias("other"), *told)


def grouped(found: pd.DataFrame) -> dict[str, str]:
    """By id the group of every photograph that is in a pair: the lowest id of all that pairs connect with it."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    names, places = np.unique(found[["id", "other"]].to_numpy(str), return_inverse=True)
    one, other = places.reshape(-1, 2).T
    _, component = connected_components(coo_matrix((np.ones(len(one)), (one, other)), (len(names), len(names))), False)
    lowest: dict[int, str] = {}
    for name, number in zip(names.tolist(), component.tolist(), strict=True):  # names are in order
        lowest.setdefault(number, name)
    return {name: lowest[number] for name, number in zip(names.tolist(), component.tolist(), strict=True)}


def view(grey: _Grey, number: int) -> _Grey:
    """Grey levels as view `number` of a photograph shows them: mirrored, turned, then cut and drawn to its size."""
    turned, cut = number % 8, list(CUTS.values())[number // 8]
    upright = np.rot90(grey[:, ::-1] if turned >= 4 else grey, turned % 4)
    top, left, side = cut
    nearest = (np.arange(THUMBNAIL) + 0.5) * side // THUMBNAIL
    seen: _Grey = upright[np.ix_(top + nearest.astype(int), left + nearest.astype(int))]
    return seen


def closest(grey: _Grey, other: _Grey) -> tuple[float, tuple[int, int, int]]:
    """The cut of grey levels that is most like another picture: correlation, and (top, left, side) in pixels."""
    sides = range(_SMALLEST, THUMBNAIL + 1, _STEP)
    cuts = [
        (top, left, side)
        for side in sides
        for top in range(0, THUMBNAIL - side + 1, _STEP)
        for left in range(0, THUMBNAIL - side + 1, _STEP)
    ]
    # Sums over all rectangles from the corner: the mean of any other is the difference of four of them.
    sums = np.pad(grey.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    cells = THUMBNAIL // _CELL
    places = np.array(cuts)
    edges = np.rint(np.arange(cells + 1) / cells * places[:, 2:]).astype(int)
    down, across = places[:, :1] + edges, places[:, 1:2] + edges
    corners = sums[down[:, :, None], across[:, None, :]]
    totals = corners[:, 1:, 1:] - corners[:, 1:, :-1] - corners[:, :-1, 1:] + corners[:, :-1, :-1]
    areas = np.diff(down, axis=1)[:, :, None] * np.diff(across, axis=1)[:, None, :]
    likeness = _correlation(totals / areas, _coarse(other))
    best = int(likeness.argmax())
    return float(likeness[best]), cuts[best]


def _views(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    for batch in batches:
        rows = [
            (ident, perceptual_hash(view(_levels(thumbnail), number)), number)
            for ident, thumbnail in zip(batch["id"], batch["thumbnail"], strict=True)
            for number in range(8 * len(CUTS))
        ]
        yield pd.DataFrame(rows, columns=["id", "hash", "view"])


def _judged(batches: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    import pandas as pd

    names = list(CUTS)
    for batch in batches:
        rows = []
        for ident, other, number, distance, thumbnail, of in batch.itertuples(index=False):
            one, two, cut = _levels(thumbnail), _levels(of), names[number // 8]
            likeness = float(_correlation(_coarse(view(one, number)), _coarse(two)))
            needed = _ALIKE
            if _NEARLY <= likeness < _ALIKE:
                needed = _ALIKE_THEN
                likeness, (top, left, side) = closest(view(one, number % 8), two)
                cut = f"{side / THUMBNAIL:.0%}, from {top / THUMBNAIL:.0%} down and {left / THUMBNAIL:.0%} across"
            if likeness >= needed:
                rows.append((ident, other, likeness, distance, number % 4, number % 8 >= 4, cut))
        yield pd.DataFrame(rows, columns=[part.split()[0] for part in _PAIR.split(", ")])


def _levels(thumbnail: bytes) -> _Grey:
    return np.frombuffer(thumbnail, np.uint8).reshape(THUMBNAIL, THUMBNAIL)


def _coarse(grey: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Means of 4 x 4 pixels: a cut that is off by a few of them counts little."""
    cells = THUMBNAIL // _CELL
    means: np.ndarray[Any, Any] = grey.reshape(cells, _CELL, cells, _CELL).mean(axis=(1, 3))
    return means


def _correlation(one: np.ndarray[Any, Any], other: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The correlation of grey levels [..., height, width] with those of one other; 0 for what is of one level."""
    one, other = one - one.mean(axis=(-2, -1), keepdims=True), other - other.mean()
    norm = np.sqrt((one**2).sum(axis=(-2, -1)) * (other**2).sum())
    shared = (one * other).sum(axis=(-2, -1))
    found: np.ndarray[Any, Any] = np.divide(shared, norm, out=np.zeros_like(shared), where=norm > 0)
    return found
