"""What one drill's positions say of the swimmer: lengths and turns, speed, stroke rate, swing of speed, rest.

A tag is sampled every 40 ms, yet its position is seen only about six times a second and carries about 1 cm of noise;
the samples between repeat the last position seen, or lie on the line to the next, and are left out.
Differences of samples are therefore mostly noise: at 6 Hz, 1 cm is 9 cm/s of speed, as much as the swing of a front
crawl. So everything here is measured over stretches: direction over longer than a stroke cycle, speed as the slope of
position over a length away from its walls, and the stroke as one line of the spectrum of position around that slope,
where noise is spread over all frequencies and the stroke is not.

Frequency is that of the propulsive strokes, which is what speed swings with: two per arm cycle in front crawl and
backstroke, one per cycle in breaststroke and butterfly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from brazada.swim.settings import Motion

Doubles = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

FEATURES = ("speed_m_s", "stroke_rate_hz", "swing_share")
# By how much swimmers of one stroke differ (standard deviation of the logarithm): the unit of a distance that
# clustering can take as the same in every feature. Swing is known half as well as rate and speed: even inside one
# group of strokes Craig and Pendergast (1979) give it as a range, and it depends on skill and pace.
SPREADS = (0.12, 0.12, 0.24)
# Below these a feature has no logarithm worth the name; they stand for `nothing measured`.
SMALLEST = (0.05, 0.05, 0.005)
_STRAIGHT_M = 1e-6  # by which two steps along one line may differ: positions are written with eight decimals
_BETWEEN_FIXES_S = 0.5  # a straight line that is longer was swum
LARGEST_M = 1e4  # no pool is so long: what lies beyond is not even a wild position

SWUM, TOO_FEW, AT_REST, NO_STRETCH, NO_RHYTHM = range(5)
REASONS = (
    "",
    "fewer than three positions",
    "no length was swum",
    "no stretch away from the walls is long enough for a stroke rate",
    "no stroke stands out of the noise",
)


@dataclass(frozen=True)
class Length:
    """One way through the pool, or as much of it as was swum or recorded.

    Times are those of `measure`'s input. `turn` says how it ended: `turn` at a wall with the next length following,
    `stop` (rest, or turning round away from a wall), `end` where the record ends or falls silent.
    """

    number: int
    start_s: float
    end_s: float
    distance_m: float
    speed_m_s: float
    turn: str


@dataclass(frozen=True)
class _Track:
    """Wild and repeated positions gone. `own_s` is time with silences cut short, `grid_s` regular steps of it."""

    t_s: Doubles
    x_m: Doubles
    own_s: Doubles
    silent: Flags  # per interval between two positions
    step_s: float
    grid_s: Doubles
    grid_m: Doubles


@dataclass(frozen=True)
class _Runs:
    """Stretches of one direction on the grid, from `first` to `last`."""

    first: Integers
    last: Integers
    sign: Integers


@dataclass(frozen=True)
class _Stretches:
    """Positions away from the walls, grouped by length: `at` is where a group starts, `size` how many it has.

    `rest_m` is position less the group's steady progress, in its direction; `slope_m_s` is that progress.
    """

    t_s: Doubles
    rest_m: Doubles
    at: Integers
    size: Integers
    slope_m_s: Doubles


@dataclass(frozen=True)
class _Stroke:
    """The strongest line in the spectrum: strokes per second, metres of position either way, power over noise."""

    rate_hz: float
    amplitude_m: float
    share: float


def measure(t_s: Doubles, x_m: Doubles, half_m: float, settings: Motion) -> tuple[dict[str, float], list[Length]]:
    """Features and lengths of one tag's drill; all values are finite.

    `t_s` are seconds, ascending; `x_m` metres along the pool from its centre; `half_m` half of the pool's length. All
    samples or only those where the position changed give the same, as do samples on the line between two fixes.
    Features, beside those of `FEATURES`:
    `accel_m_s2` (largest change of speed in a stroke), `stroke_m` (way per stroke), `peak_share` (power of the stroke
    over that of noise), `rest_share` (of the time), `distance_m`, `lengths`, `turns`, `swim_s`, `duration_s`,
    `positions` (refreshed and kept), `spikes`, and `valid`: 1, or 0 when `FEATURES` cannot be trusted, for the reason
    `REASONS[int(reason)]`. What could not be measured stands as 0.
    """
    t, x = _fixes(*_refreshed(t_s, x_m))
    kept = ~_wild(t, x, settings)
    spikes = len(t) - np.count_nonzero(kept)
    t, x = _refreshed(t[kept], x[kept])
    features = {"positions": float(len(t)), "spikes": float(spikes)}
    if len(t) < 3:
        return _summary(features, [], TOO_FEW), []
    track = _track(t, x, settings)
    runs = _runs(track, settings)
    lengths = _lengths(track, runs, half_m, settings)
    features |= _course(track, lengths, settings)
    if not lengths:
        return _summary(features, lengths, AT_REST), lengths
    stretches = _stretches(track, runs, half_m, settings)
    if stretches is None:
        return _summary(features, lengths, NO_STRETCH), lengths
    features["speed_m_s"] = _speed(stretches)
    stroke = _stroke(stretches, track.step_s, settings)
    if stroke is None:
        return _summary(features, lengths, NO_RHYTHM), lengths
    return _summary(features | _rhythm(stroke, features["speed_m_s"]), lengths, SWUM), lengths


def transform(features: Doubles) -> Doubles:
    """Rows of `FEATURES`, (n, 3), as clustering reads them: logarithms over the spread among swimmers of one stroke.

    Strokes differ by ratios (a swing of 17 against 47 %, a rate of two strokes per arm cycle against one), and so do
    swimmers of one stroke. In these units such a group is about a ball of radius 1 in every direction, which is what
    KMeans assumes. No scaling is learned from the log, so nothing hangs on the share of its styles.
    """
    return np.asarray(np.log(np.maximum(features, SMALLEST)) / SPREADS, dtype=np.float64)


def _refreshed(t: Doubles, x: Doubles) -> tuple[Doubles, Doubles]:
    """Only positions that differ from the one before, and the first of several at one time."""
    known = np.isfinite(t) & (np.abs(x) < LARGEST_M)
    t, x = t[known], x[known]
    fresh = np.ones(len(x), dtype=np.bool_)
    np.not_equal(x[1:], x[:-1], out=fresh[1:])
    t, x = t[fresh], x[fresh]
    later = np.ones(len(t), dtype=np.bool_)
    np.greater(t[1:], t[:-1], out=later[1:])
    return t[later], x[later]


def _fixes(t: Doubles, x: Doubles) -> tuple[Doubles, Doubles]:
    """Only the positions that were seen, without those that lie on the line from one to the next.

    Of logs that repeat a position until the next is seen, all of them; lines along which one may have swum stay whole.
    """
    straight = np.zeros(len(x), dtype=np.bool_)
    straight[1:-1] = np.abs(np.diff(x, 2)) <= _STRAIGHT_M
    # Where a position was repeated before the line to the next began, the line tells when it was seen last.
    passed, begins = np.diff(t), np.flatnonzero(straight[1:] & ~straight[:-1])
    last = t[begins + 1] - passed[begins + 1]
    t = t.copy()
    t[begins] = np.where(last - t[begins] <= _BETWEEN_FIXES_S, np.maximum(last, t[begins]), t[begins])
    at, size = _groups(straight.astype(np.int64))
    before, after = np.maximum(at - 1, 0), np.minimum(at + size, len(t) - 1)
    straight &= np.repeat(t[after] - t[before] <= _BETWEEN_FIXES_S, size)
    return t[~straight], x[~straight]


def _wild(t: Doubles, x: Doubles, settings: Motion) -> Flags:
    """Positions off the median of five, by more than a slowly refreshing tag's swimmer could be at a turn."""
    if len(x) < 3:
        return np.zeros(len(x), dtype=np.bool_)
    # Mirrored ends: the first and last position, too, are judged by their neighbours and not by themselves.
    around = np.concatenate([x[2:0:-1], x, x[-2:-4:-1]])
    windows = np.lib.stride_tricks.sliding_window_view(around, 5)
    median = np.partition(windows, 2, axis=1)[:, 2]
    step_m = settings.fastest_m_s * float(np.median(np.diff(t)))
    return np.asarray(np.abs(x - median) > max(settings.spike_m, step_m))


def _track(t: Doubles, x: Doubles, settings: Motion) -> _Track:
    passed = np.diff(t)
    silent = passed > settings.silence_s
    own = np.concatenate([[0.0], np.cumsum(np.minimum(passed, settings.silence_s))])
    # The tag's own pace as the step: interpolating between its positions then hardly smooths the stroke away.
    step = min(max(float(np.median(passed)), 0.1), 0.5)
    grid = np.arange(0.0, own[-1] + step / 2, step)
    return _Track(t, x, own, silent, step, grid, np.interp(grid, own, x))


def _runs(track: _Track, settings: Motion) -> _Runs:
    """Stretches of one direction, from the extreme before to the extreme after, that cover `shortest_length_m`."""
    direction = _direction(track, settings)
    edges = np.flatnonzero(np.diff(direction)) + 1
    first = np.concatenate([[0], edges])
    last = np.concatenate([edges, [len(direction)]]) - 1
    moving = direction[first] != 0
    runs = _Runs(first[moving], last[moving], direction[first][moving])
    pause = round(settings.pause_s / track.step_s)
    # Joined first, so that a length in pieces counts as long; and again, once what parted two pieces is gone.
    runs = _joined(_long_enough(_joined(runs, pause), track, settings), pause)
    return _to_extremes(runs, track, settings)


def _direction(track: _Track, settings: Motion) -> Integers:
    """Per step of the grid 1 or -1 along the pool, or 0 at rest, in silence, and where no swimmer is so fast."""
    reach, count = _reach(track, settings), len(track.grid_s)
    steps = np.arange(count)
    before, after = np.maximum(steps - reach, 0), np.minimum(steps + reach, count - 1)
    span = np.maximum(after - before, 1) * track.step_s
    speed = (track.grid_m[after] - track.grid_m[before]) / span
    pace = np.abs(speed)
    moving = (pace >= settings.rest_m_s) & (pace <= settings.fastest_m_s)
    if track.silent.any():
        interval = np.searchsorted(track.own_s, track.grid_s, side="right") - 1
        moving &= ~track.silent[np.minimum(interval, len(track.silent) - 1)]
    return np.asarray(np.where(moving, np.sign(speed), 0), dtype=np.int64)


def _reach(track: _Track, settings: Motion) -> int:
    return max(1, round(settings.direction_s / 2 / track.step_s))


def _joined(runs: _Runs, pause: int) -> _Runs:
    """Runs of the same direction with no more than `pause` steps between are one."""
    if not len(runs.first):
        return runs
    parted = (runs.sign[1:] != runs.sign[:-1]) | (runs.first[1:] - runs.last[:-1] > pause)
    starts = np.concatenate([[True], parted])
    return _Runs(runs.first[starts], runs.last[np.concatenate([parted, [True]])], runs.sign[starts])


def _long_enough(runs: _Runs, track: _Track, settings: Motion) -> _Runs:
    long = (track.grid_m[runs.last] - track.grid_m[runs.first]) * runs.sign >= settings.shortest_length_m
    return _Runs(runs.first[long], runs.last[long], runs.sign[long])


def _to_extremes(runs: _Runs, track: _Track, settings: Motion) -> _Runs:
    """Runs from where the swimmer left to where one arrived: direction is judged over a span, and blurred by it."""
    reach, pause, final = _reach(track, settings), round(settings.pause_s / track.step_s), len(track.grid_s) - 1
    first, last = runs.first.copy(), runs.last.copy()
    for k, sign in enumerate(runs.sign.tolist()):
        if k == 0 or first[k] != last[k - 1]:
            begin, end = max(int(first[k]) - reach, 0), min(int(first[k]) + reach, int(last[k]) - 1)
            first[k] = end - _top(-sign * track.grid_m[begin : end + 1][::-1], settings.still_m)
        turns = k + 1 < len(first) and runs.sign[k + 1] != sign and runs.first[k + 1] - runs.last[k] <= pause
        until = int(runs.first[k + 1]) if turns else int(runs.last[k])
        begin, end = max(int(last[k]) - reach, int(first[k]) + 1), min(until + reach, final)
        last[k] = begin + _top(sign * track.grid_m[begin : end + 1], 0.0 if turns else settings.still_m)
        if turns:
            first[k + 1] = last[k]
    return _Runs(first, last, runs.sign)


def _top(way: Doubles, noise_m: float) -> int:
    """The first step that is as far as the farthest, but for noise."""
    return int((way >= way.max() - noise_m).argmax())


def _lengths(track: _Track, runs: _Runs, half_m: float, settings: Motion) -> list[Length]:
    start = np.interp(track.grid_s[runs.first], track.own_s, track.t_s).tolist()
    end = np.interp(track.grid_s[runs.last], track.own_s, track.t_s).tolist()
    distance = np.abs(track.grid_m[runs.last] - track.grid_m[runs.first]).tolist()
    endings = _endings(track, runs, half_m, settings)
    return [
        Length(k + 1, start[k], end[k], distance[k], distance[k] / max(end[k] - start[k], track.step_s), ending)
        for k, ending in enumerate(endings)
    ]


def _endings(track: _Track, runs: _Runs, half_m: float, settings: Motion) -> list[str]:
    if not len(runs.first):
        return []
    reach, final = _reach(track, settings), len(track.grid_s) - 1
    goes_on = np.concatenate([runs.first[1:] == runs.last[:-1], [False]])
    at_wall = np.abs(track.grid_m[runs.last]) > half_m - settings.wall_m
    soon = np.minimum(runs.last + reach, final)
    interval = np.searchsorted(track.own_s, track.grid_s[soon], side="right") - 1
    silence = track.silent[np.minimum(interval, len(track.silent) - 1)] | (soon == final)
    endings: list[str] = np.where(goes_on & at_wall, "turn", np.where(~goes_on & silence, "end", "stop")).tolist()
    return endings


def _course(track: _Track, lengths: list[Length], settings: Motion) -> dict[str, float]:
    duration = float(track.t_s[-1] - track.t_s[0])
    swum = math.fsum(length.end_s - length.start_s for length in lengths)
    passed, way = np.diff(track.t_s), np.abs(np.diff(track.x_m))
    # A swimmer who is elsewhere after a silence has swum, if unseen: neither rest nor a length.
    unseen = float(passed[track.silent & (way >= settings.rest_m_s * passed)].sum())
    rest = 1 - (swum + unseen) / duration
    course = {"duration_s": duration, "swim_s": swum, "rest_share": min(max(rest, 0.0), 1.0)}
    distance = math.fsum(length.distance_m for length in lengths)
    return course | {"speed_m_s": distance / swum if swum else 0.0}


def _stretches(track: _Track, runs: _Runs, half_m: float, settings: Motion) -> _Stretches | None:
    begin, end = track.grid_s[runs.first], track.grid_s[runs.last]
    run = np.searchsorted(begin, track.own_s, side="right") - 1
    clean = (run >= 0) & (track.own_s <= end[run]) & (np.abs(track.x_m) < half_m - settings.wall_m)
    at, size = _groups(run[clean])
    t = track.own_s[clean]
    long = t[at + size - 1] - t[at] >= settings.shortest_stretch_s if len(at) else np.zeros(0, dtype=np.bool_)
    if not long.any():
        return None
    chosen = np.repeat(long, size)
    size = size[long]
    at = np.cumsum(size) - size
    t, x = t[chosen], (track.x_m * runs.sign[run])[clean][chosen]
    return _detrended(t, x, at, size)


def _groups(labels: Integers) -> tuple[Integers, Integers]:
    """Where each group of equal neighbours starts, and its size."""
    if not len(labels):
        return np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64)
    at = np.concatenate([[0], np.flatnonzero(np.diff(labels)) + 1])
    return at, np.diff(np.concatenate([at, [len(labels)]]))


def _detrended(t: Doubles, x: Doubles, at: Integers, size: Integers) -> _Stretches:
    """Each group less its straight line: what is left swings with the strokes."""
    time = t - np.repeat(np.add.reduceat(t, at) / size, size)
    way = x - np.repeat(np.add.reduceat(x, at) / size, size)
    slope = np.add.reduceat(time * way, at) / np.add.reduceat(time * time, at)
    return _Stretches(t, way - np.repeat(slope, size) * time, at, size, slope)


def _speed(stretches: _Stretches) -> float:
    spans = stretches.t_s[stretches.at + stretches.size - 1] - stretches.t_s[stretches.at]
    return max(float(np.average(stretches.slope_m_s, weights=spans)), SMALLEST[0])


def _stroke(stretches: _Stretches, step_s: float, settings: Motion) -> _Stroke | None:
    """The stroke's line, found on the grid's spectrum and measured at the positions' own times.

    Power is added over lengths: a stroke does not keep its phase through a turn. The spectrum is that of position:
    there noise is the same at all frequencies and a stroke's second harmonic, strong in the speed of breaststroke, is
    half as high.
    """
    power, grid_weight, df = _spectrum(stretches, step_s)
    low = math.ceil(settings.slowest_stroke_hz / df)
    high = min(math.floor(settings.fastest_stroke_hz / df), round(0.9 * len(power)))
    band = power[low : high + 1]
    inner = band[1:-1]
    peaks = np.flatnonzero((inner > band[:-2]) & (inner >= band[2:])) + 1
    if not len(peaks):
        return None
    peak = int(peaks[band[peaks].argmax()])
    noise = float(np.median(band)) / _median_share(len(stretches.at))
    share = float(band[peak]) / max(noise, 1e-12)
    if share < settings.peak_share:
        return None
    left, top, right = np.log(np.maximum(band[peak - 1 : peak + 2], 1e-30)).tolist()
    rate = (low + peak + _vertex(left, top, right)) * df
    return _Stroke(rate, _amplitude(stretches, rate, noise / grid_weight), share)


def _spectrum(stretches: _Stretches, step_s: float) -> tuple[Doubles, float, float]:
    """Power of position added over lengths, the sum of squared weights behind it, and the step of frequency in Hz."""
    begin = stretches.t_s[stretches.at][:, None]
    span = stretches.t_s[stretches.at + stretches.size - 1][:, None] - begin
    steps = np.arange(int(float(span.max()) / step_s) + 1)
    offset = step_s * steps
    weight = _hann(offset / span)
    rest = np.interp((begin + offset).ravel(), stretches.t_s, stretches.rest_m).reshape(weight.shape)
    # Zeros behind make the steps of frequency finer than the line is wide, so that a parabola finds its top.
    size = max(1024, 1 << (2 * len(steps) - 1).bit_length())
    lines = np.fft.rfft(rest * weight, size, axis=1)
    power = (lines.real**2 + lines.imag**2).sum(axis=0)
    return power, float((weight**2).sum()), 1 / (size * step_s)


def _hann(share: Doubles) -> Doubles:
    """Hann's window at shares of the stretch; 0 outside."""
    return np.asarray(np.where(share <= 1, 0.5 - 0.5 * np.cos(2 * np.pi * share), 0.0), dtype=np.float64)


def _median_share(lengths: int) -> float:
    """Median over mean of noise power added over lengths, chi-squared with 2 degrees each (Wilson and Hilferty)."""
    return (1 - 1 / (9 * lengths)) ** 3


def _vertex(left: float, top: float, right: float) -> float:
    """Where a parabola through three neighbouring points has its top, from the middle one, in steps."""
    bend = left - 2 * top + right
    return 0.5 * (left - right) / bend if bend < 0 else 0.0


def _amplitude(stretches: _Stretches, rate_hz: float, noise: float) -> float:
    """Metres of position at one frequency, by Hann-weighted sums at the positions' own times, less noise's part."""
    begin = np.repeat(stretches.t_s[stretches.at], stretches.size)
    span = np.repeat(stretches.t_s[stretches.at + stretches.size - 1], stretches.size) - begin
    weight = _hann((stretches.t_s - begin) / span)
    angle = 2 * np.pi * rate_hz * stretches.t_s
    weighted = weight * stretches.rest_m
    cosine = np.add.reduceat(weighted * np.cos(angle), stretches.at)
    sine = np.add.reduceat(weighted * np.sin(angle), stretches.at)
    power = float((cosine**2 + sine**2).sum()) - noise * float((weight**2).sum())
    total = float((np.add.reduceat(weight, stretches.at) ** 2).sum())
    return 2 * math.sqrt(max(power, 0.0) / total)


def _rhythm(stroke: _Stroke, speed_m_s: float) -> dict[str, float]:
    turning = 2 * math.pi * stroke.rate_hz
    return {
        "stroke_rate_hz": stroke.rate_hz,
        "swing_share": turning * stroke.amplitude_m / speed_m_s,
        "accel_m_s2": turning**2 * stroke.amplitude_m,
        "stroke_m": speed_m_s / stroke.rate_hz,
        "peak_share": stroke.share,
    }


def _summary(measured: dict[str, float], lengths: list[Length], reason: int) -> dict[str, float]:
    features = dict.fromkeys((*FEATURES, "accel_m_s2", "stroke_m", "peak_share"), 0.0)
    features |= {"rest_share": 1.0, "swim_s": 0.0, "duration_s": 0.0}
    features["distance_m"] = math.fsum(length.distance_m for length in lengths)
    features["lengths"] = float(len(lengths))
    features["turns"] = float(sum(length.turn == "turn" for length in lengths))
    return features | measured | {"valid": float(reason == SWUM), "reason": float(reason)}
