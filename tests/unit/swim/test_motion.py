"""Facts about what is measured of a drill."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest

from brazada.swim.motion import FEATURES, REASONS, _fixes, _refreshed, measure, transform
from brazada.swim.settings import Motion

HALF_M = 12.5
SETTINGS = Motion()
STROKES = {
    "front_crawl": (1.3, 1.5, 0.17),
    "breaststroke": (0.8, 0.65, 0.47),
    "backstroke": (1.0, 1.2, 0.17),
    "butterfly": (1.2, 0.85, 0.47),
}


def swimmer(speed=1.2, rate=1.5, swing=0.17, seconds=150, start=0.0, noise=0.01, seed=0):
    """Samples every 40 ms from the wall on, the position new in one of four."""
    t = np.arange(int(seconds * 25)) * 0.04
    way = start + speed * (t - swing / (2 * np.pi * rate) * (np.cos(2 * np.pi * rate * t) - 1))
    phase = np.mod(way, 4 * HALF_M)
    x = np.where(phase < 2 * HALF_M, phase - HALF_M, 3 * HALF_M - phase)
    x = x + np.random.default_rng(seed).normal(0, noise, len(t)) if noise else x
    return t, x[np.repeat(np.arange(0, len(t), 4), 4)[: len(t)]]


def of(t, x):
    return measure(t, x, HALF_M, SETTINGS)


@pytest.mark.parametrize(("speed", "rate", "swing"), STROKES.values(), ids=STROKES)
@pytest.mark.parametrize("seed", range(3))
def test_speed_rate_and_swing_are_recovered(speed, rate, swing, seed):
    features, _ = of(*swimmer(speed, rate, swing, seed=seed))
    assert features["valid"] == 1
    assert features["speed_m_s"] == pytest.approx(speed, rel=0.01)
    assert features["stroke_rate_hz"] == pytest.approx(rate, rel=0.005)
    assert features["swing_share"] == pytest.approx(swing, rel=0.1)
    assert features["accel_m_s2"] == pytest.approx(2 * np.pi * rate * swing * speed, rel=0.1)
    assert features["stroke_m"] == pytest.approx(speed / rate, rel=0.02)


def test_noise_does_not_pass_for_swing():
    """1 cm at six positions a second is 9 cm/s of speed: uncorrected, as much again as this swing."""
    swings = [of(*swimmer(swing=0.08, noise=0.015, seed=seed))[0]["swing_share"] for seed in range(10)]
    assert np.mean(swings) == pytest.approx(0.08, rel=0.05)


def test_a_swimmer_who_only_glides_has_no_stroke():
    features, lengths = of(*swimmer(swing=0.0))
    assert lengths
    assert REASONS[int(features["reason"])] == "no stroke stands out of the noise"
    assert features["speed_m_s"] == pytest.approx(1.2, rel=0.01)
    assert features["stroke_rate_hz"] == features["swing_share"] == 0


def test_positions_that_refresh_unevenly_give_the_same_swing():
    t, x = swimmer(noise=0.0)
    fresh = np.flatnonzero(np.random.default_rng(1).random(len(t)) < 0.25)
    way = 1.2 * (t - 0.17 / (2 * np.pi * 1.5) * (np.cos(2 * np.pi * 1.5 * t) - 1))
    phase = np.mod(way, 4 * HALF_M)
    x = np.where(phase < 2 * HALF_M, phase - HALF_M, 3 * HALF_M - phase)
    features, _ = of(t[fresh], x[fresh])
    assert features["stroke_rate_hz"] == pytest.approx(1.5, rel=0.01)
    assert features["swing_share"] == pytest.approx(0.17, rel=0.1)


def test_every_length_is_found():
    features, lengths = of(*swimmer(speed=1.25, seconds=100))
    assert [length.number for length in lengths] == [1, 2, 3, 4, 5]
    assert [length.turn for length in lengths] == ["turn"] * 4 + ["end"]
    assert features["lengths"] == 5
    assert features["turns"] == 4
    assert all(length.distance_m == pytest.approx(25, abs=0.3) for length in lengths)
    assert all(length.end_s - length.start_s == pytest.approx(20, abs=0.4) for length in lengths)
    assert all(length.speed_m_s == pytest.approx(1.25, rel=0.02) for length in lengths)


@pytest.mark.parametrize("start", [0.0, 7.0, 24.0, 33.3])
@pytest.mark.parametrize("stroke", STROKES)
def test_distances_of_lengths_add_up_and_lengths_follow_one_another(stroke, start):
    features, lengths = of(*swimmer(*STROKES[stroke], start=start))
    assert features["distance_m"] == pytest.approx(sum(length.distance_m for length in lengths), abs=1e-9)
    assert features["distance_m"] == pytest.approx(STROKES[stroke][0] * 150, rel=0.03)
    assert all(one.end_s <= other.start_s for one, other in pairwise(lengths))


def test_times_are_those_of_the_input():
    t, x = swimmer()
    features, lengths = of(t, x)
    shifted, moved = of(t + 1_580_000_000, x)
    assert moved[2].start_s - 1_580_000_000 == pytest.approx(lengths[2].start_s, abs=1e-3)
    assert [shifted[name] for name in FEATURES] == pytest.approx([features[name] for name in FEATURES], rel=1e-4)


def test_samples_that_repeat_the_position_change_nothing():
    t, x = swimmer()
    x[500:502] += 6.0  # wild samples amid repeats
    fresh = np.concatenate([[True], x[1:] != x[:-1]])
    assert of(t, x) == of(t[fresh], x[fresh])


@pytest.mark.parametrize("stroke", STROKES)
def test_positions_on_the_line_between_two_fixes_change_nothing(stroke):
    t, held = swimmer(*STROKES[stroke])
    held[500:504] += 6.0  # a wild fix
    fixes = np.arange(0, len(t), 4)
    between = np.interp(t, t[fixes], held[fixes]).round(8)
    (features, lengths), (expected, same) = of(t, between), of(t, held)
    assert features == pytest.approx(expected, rel=1e-4)
    assert len(lengths) == len(same) > 2


def test_fixes_of_the_published_rows_are_those_at_both_ends_of_their_line():
    """The ten rows of the thesis's log that are public: a position six times, then four steps along a line."""
    x = [8.95442339] * 6 + [8.916343615454545, 8.878263840909092, 8.840184066363637, 8.802104291818182]
    t, fixes = _fixes(*_refreshed(np.arange(10) * 0.04, np.array(x)))
    assert t == pytest.approx([0.2, 0.36])
    assert list(fixes) == [x[5], x[9]]


def test_a_steady_swimmer_without_noise_is_seen_throughout():
    t = np.arange(0, 15, 0.04)
    features, _ = of(t, -10 + 1.2 * t)
    assert features["positions"] == len(t)
    assert features["distance_m"] == pytest.approx(1.2 * t[-1])


def test_wild_positions_are_rejected():
    t, x = swimmer()
    wild = x.copy()
    places = np.random.default_rng(2).choice(len(t), 10, replace=False)
    wild[[*places, 0]] += np.resize([5.0, -8.0, 1.0, 20.0], 11)
    clean, lengths = of(t, x)
    features, found = of(t, wild)
    assert features["spikes"] >= 11
    assert len(found) == len(lengths)
    assert [features[name] for name in FEATURES] == pytest.approx([clean[name] for name in FEATURES], rel=0.03)
    assert features["distance_m"] == pytest.approx(clean["distance_m"], rel=0.01)


def test_a_standing_swimmer_has_no_lengths():
    features, lengths = of(*swimmer(speed=0.0))
    assert lengths == []
    assert REASONS[int(features["reason"])] == "no length was swum"
    assert features["rest_share"] == 1
    assert features["distance_m"] == features["speed_m_s"] == 0


def test_rest_at_the_wall_parts_lengths_and_is_rest():
    _, x = swimmer(speed=1.25, seconds=20)
    noise = np.random.default_rng(3).normal(HALF_M, 0.01, 500)
    features, lengths = of(np.arange(1500) * 0.04, np.concatenate([x, noise, -x]))
    assert [length.turn for length in lengths] == ["stop", "end"]
    assert features["rest_share"] == pytest.approx(1 / 3, abs=0.03)
    assert lengths[1].start_s == pytest.approx(40, abs=1)


def test_a_silence_ends_a_length_and_no_distance_crosses_it():
    t, x = swimmer(speed=1.0, seconds=24)
    later = t + 3600
    features, lengths = of(np.concatenate([t, later]), np.concatenate([x, x]))
    assert [length.turn for length in lengths] == ["end", "end"]
    assert features["distance_m"] == pytest.approx(48, abs=1)
    assert features["speed_m_s"] == pytest.approx(1.0, rel=0.01)


def test_a_drill_lasts_from_the_first_to_the_last_new_position():
    _, x = swimmer(speed=1.25, seconds=20)
    still = np.full(1000, HALF_M)
    features, lengths = of(np.arange(1500) * 0.04, np.concatenate([x, still]))
    assert len(lengths) == 1
    assert features["duration_s"] == pytest.approx(20, abs=0.2)  # nothing is known after the last new position


def odd_drills():
    t, x = swimmer(seconds=30)
    noise = np.random.default_rng(4)
    yield "no row", np.zeros(0), np.zeros(0)
    yield "one row", t[:1], x[:1]
    yield "two rows", t[:8], x[:8]
    yield "three positions", t[:12], x[:12]
    yield "one time", np.zeros(len(t)), x
    yield "one position", t, np.full(len(t), 3.0)
    yield "not numbers", t, np.where(noise.random(len(t)) < 0.5, np.nan, x)
    yield "huge", t, np.where(noise.random(len(t)) < 0.5, 1e300, x)
    yield "clock back", np.sort(np.concatenate([t, t + 0.013])), np.column_stack([x, -x]).ravel()
    yield "half of the times equal", np.floor(t), x
    yield "random", np.sort(noise.random(2000) * 100), noise.normal(0, 8, 2000)
    yield "years", t * 1e7, x
    yield "all in a millisecond", t * 1e-6, x
    yield "sparse", t * 30, x


@pytest.mark.parametrize(("t", "x"), [drill[1:] for drill in odd_drills()], ids=[drill[0] for drill in odd_drills()])
def test_odd_drills_give_finite_figures(t, x):
    with np.errstate(all="raise"):
        features, lengths = of(t, x)
    usual, _ = of(*swimmer())
    assert set(features) == set(usual)
    assert np.isfinite(list(features.values())).all()
    assert features["distance_m"] == pytest.approx(sum(length.distance_m for length in lengths))
    assert np.isfinite(transform(np.array([[features[name] for name in FEATURES]]))).all()
    assert bool(features["valid"]) == (not REASONS[int(features["reason"])])


def test_a_drill_takes_little_time():
    t, x = swimmer()
    started = time.perf_counter()
    for _ in range(20):
        of(t, x)
    assert (time.perf_counter() - started) / 20 < 0.01  # 1 ms; ten times that under load
