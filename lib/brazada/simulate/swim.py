"""A position log of swimmers in the published format, of any size, with every drill's true style beside it.

Each drill is drawn from a generator of its own, seeded by (seed, drill): what is swum in it depends neither on the
number of files nor on the other drills. Only its times do.

Known, with its source:
- How far the speed swings to either side of its mean within a stroke cycle: 15 to 20 % in front and back crawl, 45 to
  50 % in butterfly and breaststroke; faster swimming goes with a higher stroke rate in all four; the back crawl's
  highest rates and speeds are below the front crawl's. Craig and Pendergast 1979, Med Sci Sports 11(3):278-283.
- Front crawl is faster than back crawl, and back crawl than breaststroke, over 25 m in flat water. Kjendlie, Pedersen
  and Stallman 2018, Open Sports Sci J 11:41, doi 10.2174/1875399X01811010041.
- Trained swimmers glide from the wall until 1.9 to 2.2 m/s before they kick. Lyttle and Blanksby 2000, "A look at
  gliding and underwater kicking in the swim turn", ISBS proceedings.
- The arms pull in turn in both crawls, so that the speed peaks twice a cycle; in butterfly and breaststroke they pull
  together, and the legs add a peak of their own (common knowledge). The wave's shape between the peaks is a guess.

- What 28 swimmers with a watch did in 279 lengths, as `brazada sensors laps` tells by their labels (Brunner, Melnyk,
  Sigfússon and Wattenhofer 2019, "Swimming style recognition and lap counting using a smartwatch and deep learning",
  ISWC): medians of the time of a length, 40.0 s in front crawl, 48.5 s in breaststroke, 46.7 s in back crawl and 43.4 s
  in butterfly, and of the stroke rate, 0.48, 0.44, 0.40 and 0.66 cycles per second; spreads between swimmers, some 10 %
  of the time and 13 % of the rate, which do not go together, and between lengths of one swimmer, 3 to 7 % of both; at
  23 % of the walls a rest of more than 8 s, on average of 24 s. The pool is not named: 50 m is what the times tell.

Guesses: that length of the pool, and with it all speeds; how drills of one swimmer differ, and the spread of the swing;
shares of styles (near those of the published clusters, which nobody validated); glides, turns without a rest (the
labels say 4 s, with the glide), lanes, noise, wild positions.
"""

from __future__ import annotations

import datetime as dt
import heapq
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from brazada.errors import UsageError

HEADER = "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration\n"
FIRST_DAY = dt.date(2020, 1, 24)
TAGS = 31  # as many as in the published log
ROWS_PER_DRILL = 3741  # published: 18,479,898 rows of 4,940 drills
SAMPLE_MS = 40

Positions = Literal["held", "interpolated"]

_Floats = npt.NDArray[np.float64]
_Ints = npt.NDArray[np.int64]

_SAMPLE_S = SAMPLE_MS / 1000
_OPENS_MS = 7 * 3_600_000  # pools open at seven, UTC
_DAY_MS = 86_400_000
_BLOCK = 64  # drills in memory at once: about 240,000 rows, in time order among themselves
_PLAN, _DRILL, _FAULTS, _SILENCES = range(4)  # what a generator is for; part of its seed
_MAX_FAULTS = 0.5
_SILENT_MS = (15_000, 60_000)  # a tag that falls silent does so for as long, in the middle of its drill


@dataclass(frozen=True)
class Pool:
    """A pool: half its length (m) and the height (m) at which its anchors put every tag."""

    half: float
    z: float


@dataclass(frozen=True)
class Stroke:
    """One stroke: means over swimmers and drills. `harmonics` shape the speed within a cycle: order, weight, phase."""

    name: str
    style: str
    share: float  # of drills; a guess
    speed: float  # m/s: 50 m by the median time of a length of Brunner et al. 2019
    rate: float  # stroke cycles per second: theirs
    swing: float  # of the mean speed, to either side; middle of Craig and Pendergast 1979
    swing_sd: float  # between drills; a guess a bit wider than theirs, amateurs being less alike
    harmonics: tuple[tuple[int, float, float], ...]


POOLS = (Pool(12.5, 0.2), Pool(11.43, 0.35))  # 25 m and 25 yards
_IN_TURN = ((2, 1.0, 0.0), (1, 0.2, 0.0))  # left and right arm, one a little the stronger
STROKES = (
    Stroke("front_crawl", "front_crawl", 0.65, 1.25, 0.48, 0.175, 0.035, _IN_TURN),
    Stroke("breaststroke", "breaststroke", 0.12, 1.03, 0.44, 0.475, 0.070, ((1, 1.0, 0.0), (2, 0.4, 1.0))),
    Stroke("backstroke", "others", 0.17, 1.07, 0.40, 0.175, 0.035, _IN_TURN),
    Stroke("butterfly", "others", 0.06, 1.15, 0.66, 0.475, 0.070, ((1, 1.0, 0.0), (2, 0.5, 0.5))),
)

# Of Brunner et al. 2019.
_SWIMMER_SD = 0.10  # between swimmers, as a share of speed
_TEMPO_SD = 0.13  # between swimmers, as a share of the stroke rate
_LENGTH_SD = 0.045  # of speed and rate between lengths of one drill, as a share
_RESTS, _SHORTEST_REST_S, _REST_S = 0.23, 8.0, 16.0  # share of turns with a rest, the least, mean length beyond

# All guesses from here on.
_SPEED_SD = 0.09  # between drills of one swimmer, as a share
_RATE_SD = 0.05  # of the stroke rate at a given speed, between drills of one swimmer, as a share
_RATE_BY_SPEED = 0.6  # share of a gain in speed that comes from the rate (the rest from the way of each stroke)
_PUSH, _PUSH_SD = 1.8, 0.2  # m/s off the wall: below trained swimmers
_GLIDE_S = 0.9  # a glide's speed falls to the swimmer's own by a factor of e in this time
_PUSHED = 0.85  # share of turns with a push
_TURN_S = 0.6  # median at the wall
_REACH = (0.15, 0.6)  # m between the wall and where the tag turns
_STILL = 0.03  # share of drills in which the tag lies at the wall
_AWAY = 0.1  # share of drills swum in the other pool
_PAUSE_MS = 60_000  # mean between a tag's drills
_NOISE = 0.01  # m, of every position
_WILD, _WILD_M = 0.0008, 8.0  # share of positions that are off, and by how much (standard deviation, m)
_JITTERY, _JITTER_MS = 0.02, 3  # share of samples that come late, and by how much at most
_REFRESH = ((3, 4, 5), (0.06, 0.88, 0.06))  # samples that show one position, and how often: 6.25 positions a second
_LANES, _LANE_M = 5, 2.3  # swum on the right: out on one side, back on the other


@dataclass(frozen=True)
class Simulated:
    """What was written: logs in order of time, truths, rows in all logs, drills, broken lines by kind of fault."""

    files: tuple[Path, ...]
    truth: Path
    silences: Path
    rows: int
    drills: int
    faults: Mapping[str, int]


@dataclass(frozen=True)
class _Plan:
    """Per drill: its rows, ms that its tag is silent in the middle, its tag, its start (ms since 1970), its stroke."""

    seed: int
    positions: Positions
    rows: _Ints
    silent_ms: _Ints
    tags: _Ints
    starts: _Ints
    strokes: _Ints
    fitness: _Floats  # per tag: its swimmer's speed as a factor
    tempo: _Floats  # per tag: its swimmer's stroke rate at a given speed as a factor


@dataclass(frozen=True)
class _Swum:
    """One drill: every sample's lateness and position (by index), the positions, the height of the pool's tags."""

    late_ms: _Ints
    shown: _Ints
    x: _Floats
    y: _Floats
    z: float


def simulate(
    folder: Path,
    rows: int,
    seed: int = 7,
    days: int = 1,
    faults: float = 0.0,
    silences: float = 0.0,
    positions: Positions = "held",
) -> Simulated:
    """Write `swim_YYYY-MM-DD.csv` for each day and `_truth.csv` (`DrillID,style,stroke`) into a folder.

    `silences` is the share of drills in whose middle the tag falls silent for 15 to 60 s; `_silences.csv` lists them
    (`TagID,DrillID,TimeStamp,seconds`, the time being that of the last sample before). `rows` counts the lines of all
    logs but their headers. `faults` is the share of lines that are broken, each in place of a good one: see `FAULTS`.
    Between two fixes of a tag its `positions` repeat the first one (held) or lie on the line to the next
    (interpolated). The same arguments give the same bytes.
    """
    plan = _plan(rows, seed, days, silences, positions)
    if not 0 <= silences <= 1:
        raise UsageError("a share of silences from 0 to 1", found=str(silences), todo="lower it")
    if faults and not 0 <= faults <= _MAX_FAULTS:
        raise UsageError(f"a share of faults from 0 to {_MAX_FAULTS}", found=str(faults), todo="lower it")
    folder.mkdir(parents=True, exist_ok=True)
    files, broken = [], Counter[str]()
    for drills in np.array_split(np.arange(len(plan.rows)), days):
        date = dt.datetime.fromtimestamp(plan.starts[drills[0]] / 1000, dt.UTC).date()
        files.append(folder / f"swim_{date}.csv")
        broken += _write(files[-1], plan, drills, faults)
    truth, silent = _write_truth(folder / "_truth.csv", plan), _write_silences(folder / "_silences.csv", plan)
    return Simulated(tuple(files), truth, silent, rows, len(plan.rows), dict(broken))


def _plan(rows: int, seed: int, days: int, silences: float, positions: Positions) -> _Plan:
    drills = max(1, round(rows / ROWS_PER_DRILL))
    if rows < 1 or seed < 0 or not 1 <= days <= drills:
        found = f"{rows} rows (of {drills} drills), seed {seed}, {days} days"
        raise UsageError("a row or more, a seed of 0 or more, a drill for every day", found=found, todo="ask otherwise")
    rng = np.random.default_rng((seed, _PLAN))
    weights = rng.gamma(2.0, size=drills)  # drills differ in length: standard deviation 0.7 of the mean
    sizes = 1 + rng.multinomial(rows - drills, weights / weights.sum())
    strokes = rng.choice(len(STROKES), drills, p=[stroke.share for stroke in STROKES])
    fitness, tempo = (np.exp(rng.normal(0, spread, TAGS)) for spread in (_SWIMMER_SD, _TEMPO_SD))
    chance = np.random.default_rng((seed, _SILENCES))
    falls = (chance.random(drills) < silences) & (sizes > 1)
    silent = np.where(falls, chance.integers(*_SILENT_MS, drills), 0)
    tags, starts = _schedule(rng, sizes * SAMPLE_MS + silent, days)
    return _Plan(seed, positions, sizes, silent, tags, starts, strokes, fitness, tempo)


def _schedule(rng: np.random.Generator, durations_ms: _Ints, days: int) -> tuple[_Ints, _Ints]:
    """Whoever is ready first swims the next drill; then each day's part is moved to the day, whole."""
    tags, starts = np.zeros_like(durations_ms), np.zeros_like(durations_ms)
    pauses = rng.exponential(_PAUSE_MS, len(starts)).astype(np.int64) + 1000
    ready = [(int(wait), tag) for tag, wait in enumerate(rng.exponential(_PAUSE_MS, TAGS))]
    heapq.heapify(ready)
    for drill, (swims, pause) in enumerate(zip(durations_ms.tolist(), pauses.tolist(), strict=True)):
        starts[drill], tags[drill] = start, tag = ready[0]
        heapq.heapreplace(ready, (start + swims + pause, tag))
    midnight = _midnight_ms(FIRST_DAY)
    for drills in np.array_split(np.arange(len(starts)), days):
        starts[drills] += midnight + _OPENS_MS - starts[drills[0]]
        ends = int((starts[drills] + durations_ms[drills]).max())
        midnight += (ends - midnight) // _DAY_MS * _DAY_MS + _DAY_MS
    return tags, starts


def _midnight_ms(date: dt.date) -> int:
    return int(dt.datetime.combine(date, dt.time(), dt.UTC).timestamp()) * 1000


def _swim(plan: _Plan, drill: int) -> _Swum:
    """Draw one drill: its path every 40 ms, of which the log shows what the anchors saw about six times a second."""
    rng = np.random.default_rng((plan.seed, _DRILL, drill))
    rows, tag = int(plan.rows[drill]), int(plan.tags[drill])
    pool = POOLS[(tag + (rng.random() < _AWAY)) % len(POOLS)]
    path = _path(rng, STROKES[plan.strokes[drill]], (plan.fitness[tag], plan.tempo[tag]), pool, rows)
    late = (rng.random(rows) < _JITTERY) * rng.integers(1, _JITTER_MS + 1, rows)
    held = rng.choice(_REFRESH[0], rows // min(_REFRESH[0]) + 1, p=_REFRESH[1])
    shown = np.repeat(np.arange(len(held)), held)[:rows]
    fixed = np.flatnonzero(np.diff(shown, prepend=-1))
    seen = path[fixed]
    x = seen + rng.normal(0, _NOISE, len(seen))
    heading = np.sign(np.diff(seen, prepend=seen[0]))
    lane = (int(rng.integers(_LANES)) - _LANES // 2) * _LANE_M
    y = lane + heading * 0.4 + rng.normal(0, 2 * _NOISE, len(seen))
    wild = rng.random(len(seen)) < _WILD
    x[wild] += rng.normal(0, _WILD_M, int(wild.sum()))
    if plan.positions == "interpolated":
        x, y = (np.interp(np.arange(rows), fixed, seen) for seen in (x, y))
        shown = np.arange(rows)
    return _Swum(late, shown, _written(x), _written(y), pool.z)


def _written(metres: _Floats) -> _Floats:
    """Eight decimals, as published, and nothing so small that it would be written with an exponent."""
    return np.where(np.abs(metres) < 1e-4, 1e-4, metres.round(8))


def _path(rng: np.random.Generator, stroke: Stroke, swimmer: tuple[float, float], pool: Pool, rows: int) -> _Floats:
    """Metres from the pool's centre, every 40 ms: lengths there and back, with turns and rests between."""
    wall = float(rng.choice((-1, 1))) * (pool.half - rng.uniform(*_REACH))
    if rng.random() < _STILL:
        return np.full(rows, wall)
    gait, wave = _gait(rng, stroke, swimmer), _wave(stroke.harmonics)
    pieces, samples = [np.full(int(rng.exponential(3) / _SAMPLE_S), wall)], 0
    samples += len(pieces[0])
    while samples < rows:
        swum = wall - np.sign(wall) * _length(rng, gait, wave, 2 * abs(wall))
        wall = -wall
        turned = np.full(1 + int(_at_wall(rng) / _SAMPLE_S), wall)
        pieces += [swum, turned]
        samples += len(swum) + len(turned)
    path: _Floats = np.concatenate(pieces)
    return path[:rows]


def _at_wall(rng: np.random.Generator) -> float:
    """Seconds of a turn, or of a rest."""
    turn = float(rng.lognormal(np.log(_TURN_S), 0.3))
    return turn + (_SHORTEST_REST_S + float(rng.exponential(_REST_S)) if rng.random() < _RESTS else 0)


def _gait(rng: np.random.Generator, stroke: Stroke, swimmer: tuple[float, float]) -> tuple[float, float, float]:
    """Speed (m/s), stroke rate (1/s) and swing (share of speed) of one drill of a swimmer: his fitness and tempo."""
    fitness, tempo = swimmer
    pace = fitness * float(np.exp(rng.normal(0, _SPEED_SD)))
    rate = stroke.rate * tempo * pace**_RATE_BY_SPEED * float(np.exp(rng.normal(0, _RATE_SD)))
    return stroke.speed * pace, rate, max(0.05, float(rng.normal(stroke.swing, stroke.swing_sd)))


def _length(rng: np.random.Generator, gait: tuple[float, float, float], wave: _Floats, distance: float) -> _Floats:
    """Metres from the wall, sample by sample until the other wall: a glide that passes into strokes."""
    speed, rate = np.array(gait[:2]) * np.exp(rng.normal(0, _LENGTH_SD, 2))
    longest = int(1.5 * distance / speed / _SAMPLE_S) + 1
    glide = np.exp(-np.arange(longest) * _SAMPLE_S / _GLIDE_S)
    push = max(speed, rng.normal(_PUSH, _PUSH_SD)) if rng.random() < _PUSHED else speed
    # No two cycles last alike: the phase wanders by some 0.2 radians in a second.
    cycles = rng.random() + np.cumsum(rate * _SAMPLE_S + rng.normal(0, 0.006, longest))
    swing = gait[2] * wave[(cycles * len(wave)).astype(np.int64) % len(wave)]
    gone: _Floats = np.cumsum((speed * (1 + swing * (1 - glide)) + (push - speed) * glide) * _SAMPLE_S)
    there = int(np.searchsorted(gone, distance))
    return gone[:there]


@cache
def _wave(harmonics: tuple[tuple[int, float, float], ...]) -> _Floats:
    """The speed over one cycle: mean 0, half as far from trough to peak as from -1 to 1 makes a swing of 1."""
    turn = np.linspace(0, 2 * np.pi, 256, endpoint=False)
    wave = sum((weight * np.sin(order * turn + phase) for order, weight, phase in harmonics), np.zeros(256))
    return wave * 2 / np.ptp(wave)


def _write(path: Path, plan: _Plan, drills: _Ints, faults: float) -> Counter[str]:
    """One day's log, under another name until it is whole: who watches the folder sees all of it or none."""
    unfinished, broken = path.with_name(f".{path.name}.part"), Counter[str]()
    with unfinished.open("wb") as log:
        log.write(HEADER.encode())
        row = int(plan.rows[: drills[0]].sum())
        for start in range(0, len(drills), _BLOCK):
            lines = _lines(plan, drills[start : start + _BLOCK], row)
            row += len(lines)
            if faults:
                lines, kinds = _break(lines, faults, np.random.default_rng((plan.seed, _FAULTS, row)))
                broken += kinds
            log.write(_bytes(lines))
    unfinished.replace(path)
    return broken


def _lines(plan: _Plan, drills: _Ints, first_row: int) -> Any:
    """The lines of a block of drills in order of time, each with its end, as one Arrow array."""
    swum = [_swim(plan, int(drill)) for drill in drills]
    sizes = plan.rows[drills]
    times = np.concatenate([_times(plan, int(d), one.late_ms) for d, one in zip(drills, swum, strict=True)])
    order = np.argsort(times, kind="stable")
    counts = np.array([len(one.x) for one in swum])
    shown = np.concatenate([one.shown for one in swum]) + np.repeat(counts.cumsum() - counts, sizes)
    names = pa.array([f",ObjectId({_drill_id(plan.seed, d)}),{_tag(plan.tags[d])}," for d in drills])
    # Sixteen digits without any padding: the first is 1.
    ids = pa.array(first_row + 10**15 + np.arange(len(order))).cast("string")
    return pc.binary_join_element_wise(
        f"ObjectId({plan.seed % 2**32:08x}",
        ids,
        "),",
        pa.array(times[order]).cast("string"),
        names.take(pa.array(np.repeat(np.arange(len(drills)), sizes)[order])),
        _positions(swum, counts).take(pa.array(shown[order])),
        ',"[0,0,0]","[0,0,0]"\n',
        "",
    )


def _times(plan: _Plan, drill: int, late_ms: _Ints) -> _Ints:
    """Milliseconds since 1970 of a drill's samples."""
    samples = np.arange(plan.rows[drill])
    silent = np.where(samples < plan.rows[drill] // 2, 0, plan.silent_ms[drill])
    times: _Ints = plan.starts[drill] + samples * SAMPLE_MS + silent + late_ms
    return times


def _positions(swum: list[_Swum], counts: _Ints) -> Any:
    x, y = (pa.array(np.concatenate([getattr(one, axis) for one in swum])).cast("string") for axis in "xy")
    z = pa.array([str(one.z) for one in swum]).take(pa.array(np.repeat(np.arange(len(swum)), counts)))
    return pc.binary_join_element_wise('"[', x, ",", y, ",", z, ']"', "")


def _drill_id(seed: int, drill: int) -> str:
    """24 hex digits, as MongoDB's: a time, here the same for all, and what tells the drills of all seeds apart."""
    return f"5e2a3200{seed % 2**32:08x}{drill:08x}"


def _tag(tag: int) -> str:
    return f"b827eb{0x51A000 + tag:06x}"


def _bytes(lines: Any) -> memoryview:
    """What an Arrow array of text holds, end to end."""
    _, offsets, content = lines.buffers()
    start, end = (int(np.frombuffer(offsets, np.int32)[lines.offset + at]) for at in (0, len(lines)))
    return memoryview(content)[start:end]


def _truncated(line: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    """Cut before the position, so that a field is missing whichever way it is read."""
    return line[: int(rng.integers(1, line.index(b'"')))] + b"\n"


def _binary(line: bytes, _: bytes, rng: np.random.Generator) -> bytes:
    """Noise from the time to the position; an end of line in it would make two lines of one."""
    return line[:40] + rng.bytes(70).translate(None, b"\r\n") + line[110:]


def _conflicting(line: bytes, before: bytes, _: np.random.Generator) -> bytes:
    """A row of its own at the tag, drill and time of the row before, mirrored in the pool's centre."""
    ident, rest = line.split(b",", 1)[0], before.split(b",", 1)[1]
    return ident + b"," + rest.replace(b'"[', b'"[-', 1).replace(b"[--", b"[", 1)


def _with_x(line: bytes, x: bytes) -> bytes:
    start, _, rest = line.partition(b'"[')
    return start + b'"[' + x + b"," + rest.partition(b",")[2]


# What may befall a line, given the one before it in the file, which is whole.
FAULTS: Mapping[str, Callable[[bytes, bytes, np.random.Generator], bytes]] = {
    "truncated": _truncated,
    "binary": _binary,
    "quotes": lambda line, _before, _rng: line.replace(b'"', b"'"),
    "nan": lambda line, _before, _rng: _with_x(line, b"NaN"),
    "huge": lambda line, _before, rng: _with_x(line, b"9" * int(rng.integers(300, 400))),
    "separator": lambda line, _before, _rng: line.replace(b",", b";"),
    "repeated": lambda _line, before, _rng: before,
    "conflicting": _conflicting,
}


def _break(lines: Any, share: float, rng: np.random.Generator) -> tuple[Any, Counter[str]]:
    """Break a share of the lines, never two in a row: what a repeated or conflicting one refers to is whole."""
    at = np.sort(rng.choice(len(lines) // 2, int(share * len(lines)), replace=False)) * 2 + 1
    kinds = rng.choice(list(FAULTS), len(at))
    whole = lines.cast("binary")
    made = [
        FAULTS[kind](whole[i].as_py(), whole[i - 1].as_py(), rng) for i, kind in zip(at.tolist(), kinds, strict=True)
    ]
    mask = np.zeros(len(lines), bool)
    mask[at] = True
    return pc.replace_with_mask(whole, pa.array(mask), pa.array(made, pa.binary())), Counter(kinds.tolist())


def _write_truth(path: Path, plan: _Plan) -> Path:
    told = (STROKES[kind] for kind in plan.strokes)
    lines = (f"{_drill_id(plan.seed, drill)},{one.style},{one.name}\n" for drill, one in enumerate(told))
    path.write_text("DrillID,style,stroke\n" + "".join(lines))
    return path


def _write_silences(path: Path, plan: _Plan) -> Path:
    lines = []
    for drill in np.flatnonzero(plan.silent_ms):
        before, after = _times(plan, int(drill), _swim(plan, int(drill)).late_ms)[
            np.array((-1, 0)) + plan.rows[drill] // 2
        ]
        lines.append(f"{_tag(plan.tags[drill])},{_drill_id(plan.seed, drill)},{before},{(after - before) / 1000}\n")
    path.write_text("TagID,DrillID,TimeStamp,seconds\n" + "".join(lines))
    return path
