"""Facts about how a log's swimmers are told apart from its strokes, and about the names of clusters."""

from __future__ import annotations

import numpy as np
import pytest

from brazada.swim import naming
from brazada.swim.motion import SPREADS, transform

# A pool of its own: ratios that are near those expected, and not they.
STROKES = np.array([[1.2, 1.45, 0.15], [0.93, 0.66, 0.43], [1.06, 1.15, 0.15], [1.15, 0.76, 0.43]])
# Another, whose ratios are two spreads off.
FAR = np.array([[1.3, 1.5, 0.17], [0.8, 0.65, 0.47], [1.0, 1.2, 0.17], [1.2, 0.85, 0.47]])
SIZES = np.array([60.0, 10, 20, 10])


def drawn(swimmers=30, drills=40, between=0.12, sizes=SIZES, seed=0):
    """Drills of swimmers who differ by `between` in speed, as points; whose they are, of which stroke, the levels."""
    rng = np.random.default_rng(seed)
    who = np.repeat(np.arange(swimmers), drills)
    stroke = rng.choice(4, len(who), p=sizes / sizes.sum())
    levels = rng.normal(0, between, swimmers) / SPREADS[0]
    points = transform(STROKES)[stroke] + rng.normal(0, 0.7, (len(who), 3))
    points[:, 0] += levels[who]
    return points, who, stroke, levels


def learned(points, who):
    return naming.learn(points, np.ones(len(points)), who)


def of_centres(centroids, sizes):
    """What is learned from as many drills as these clusters have, each at the centre of its own."""
    return naming.learn(transform(centroids), sizes, np.zeros(len(centroids), dtype=np.int64))


def names(centroids, sizes):
    return naming.name_clusters(transform(centroids), of_centres(centroids, sizes))


def wrong(points, swimming, stroke):
    told = naming.name_clusters(points, swimming)
    return np.mean(np.array(told) != np.array(naming.STROKES)[stroke])


@pytest.mark.parametrize("seed", range(3))
def test_swimmers_levels_are_found_whatever_they_swim(seed):
    points, who, stroke, levels = drawn(seed=seed)
    swimming = learned(points, who)
    found = swimming.levels
    assert np.corrcoef(found[:, 0], levels)[0, 1] > 0.95
    assert np.abs(found[:, 0] - (levels - levels.mean())).mean() < 0.15
    assert (found[:, 2] == 0).all()
    np.testing.assert_allclose(swimming.strokes, transform(STROKES) + np.array([levels.mean(), 0, 0]), atol=0.35)
    np.testing.assert_allclose(swimming.shares, SIZES / 100, atol=0.05)
    # Beside the others of one swimmer strokes overlap less than beside those of all.
    alike = learned(points, np.zeros_like(who))
    assert 0 < wrong(points - found[who], swimming, stroke) < 0.8 * wrong(points, alike, stroke)


def test_swimmers_who_do_not_differ_get_no_level():
    points, who, _, _ = drawn(between=0.0)
    assert np.abs(learned(points, who).levels).max() < 0.2


def test_few_drills_say_little_of_a_swimmer():
    points, who, _, _ = drawn()
    strange = [transform(STROKES[:1]) + np.array([2, 0, 0])] * 20
    one = learned(np.vstack([points, *strange[:1]]), np.append(who, 30)).levels[30, 0]
    many = learned(np.vstack([points, *strange]), np.append(who, [30] * 20)).levels[30, 0]
    assert 0 < one < 1.5
    assert many == pytest.approx(2, abs=0.2)


def test_the_order_of_drills_and_what_is_no_swimming_change_nothing():
    points, who, _, _ = drawn()
    order = np.random.default_rng(1).permutation(len(points))
    plain, mixed = learned(points, who), learned(points[order], who[order])
    wild = transform(np.array([[0.01, 0.01, 0.001], [1.2, 1.4, 0.001], [9, 0.3, 3]]))
    beside = learned(np.vstack([points, wild]), np.append(who, [0, 1, 2]))
    for name in ("strokes", "shares", "spread", "levels"):
        np.testing.assert_allclose(getattr(mixed, name), getattr(plain, name), atol=1e-9)
        np.testing.assert_allclose(getattr(beside, name), getattr(plain, name), atol=1e-3)


@pytest.mark.parametrize("fast", [0.7, 1.0, 1.5], ids=["slow pool", "pool", "racers"])
@pytest.mark.parametrize("busy", [0.9, 1.0, 1.15])
@pytest.mark.parametrize("seen", [0.7, 1.0], ids=["swing blurred", "swing seen"])
@pytest.mark.parametrize("strokes", [STROKES, FAR], ids=["near", "far"])
def test_the_four_strokes_are_named_whatever_the_level_of_the_swimmers(strokes, fast, busy, seen):
    assert names(strokes * [fast, busy, seen], SIZES) == list(naming.STROKES)


def test_clusters_share_names_and_one_stroke_alone_is_named():
    crawls = np.array([[1.1, 1.7, 0.17], [1.15, 1.4, 0.16], [0.95, 1.5, 0.18]])
    assert names(crawls, np.array([30.0, 40, 30])) == ["front_crawl"] * 3
    breasts = np.array([[0.8, 0.62, 0.47], [0.7, 0.7, 0.5]])
    assert names(breasts, np.array([30.0, 40])) == ["breaststroke"] * 2


@pytest.mark.parametrize("strokes", [STROKES, FAR], ids=["near", "far"])
def test_what_is_no_swimming_is_unknown(strokes):
    centroids = np.array([*strokes, (0.05, 0.05, 0.005), (0.3, 2.5, 1.5)])
    sizes = np.array([*SIZES, 5, 5])
    assert names(centroids, sizes) == [*naming.STROKES, "unknown", "unknown"]
    assert names(centroids[4:5], sizes[4:5]) == ["unknown"]


def test_styles_of_strokes():
    assert [naming.style_of(stroke) for stroke in naming.STROKES] == ["front_crawl", "breaststroke", "others", "others"]
    assert naming.style_of("unknown") == "unknown"


def test_the_margin_tells_strokes_apart_from_almost_nothing():
    styles = ["front_crawl", "others"]
    sizes, spreads = np.array([50.0, 50]), np.ones((2, 3))
    centres = np.array([[3.0, 5.0, -7.0], [3.0, 2.0, -7.0]])
    assert naming.margin(centres, spreads, sizes, styles) == pytest.approx(3)
    assert naming.margin(centres, spreads * [1, 2, 9], sizes, styles) == pytest.approx(1.5)
    assert naming.margin(centres, spreads, sizes, ["others", "others"]) == 0
    assert naming.warning(3.0) == ""
    assert "1.50" in naming.warning(1.5)
    assert naming.warning(0.0)
