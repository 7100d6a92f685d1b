"""Made-up recordings of swimmers' watches in the format of Brunner et al. 2019, with every length beside them."""

from __future__ import annotations

import gzip
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from brazada.sensors.strokes.tasks import MOUNTINGS
from brazada.sensors.tables import STROKE_HZ, STROKES

_G = 9.81  # m/s2
_SENSORS = ("ACC", "GYRO", "MAG")
_NORMS = tuple(axes for count in (3, 2) for axes in combinations(range(3), count))
_CYCLE_S = {"freestyle": 1.5, "breaststroke": 2.4, "backstroke": 1.9, "butterfly": 1.2}
# By stroke: where up is, and how strongly the six channels move at the rhythm of the stroke and at twice that.
_MOVES = {
    "freestyle": ((0.1, -0.6, 0.8), (6, 4, 3, 2.5, 1.0, 1.5), (1, 2, 1, 0.4, 0.8, 0.3)),
    "breaststroke": ((0.3, 0.3, 0.9), (3, 6, 2, 0.8, 2.5, 0.6), (3, 3, 1, 0.9, 1.2, 0.5)),
    "backstroke": ((0.1, 0.6, -0.8), (5, 5, 4, 2.2, 0.7, 2.4), (1, 1, 2, 0.3, 0.3, 0.9)),
    "butterfly": ((-0.2, -0.4, 0.9), (9, 3, 6, 1.2, 3.2, 2.0), (4, 1, 4, 1.4, 1.6, 0.3)),
}
_OTHERWISE_WORN = 0.25  # of the swimmers


def simulate(folder: Path, swimmers: int, seed: int) -> list[Path]:
    """Write two recordings of each swimmer, one stroke each, and all lengths as _lengths.csv; the files.

    A recording is a rest, two to four lengths with turns between them, and a rest. A swimmer has a rhythm and a way to
    wear the watch of his own. The same seed gives the same bytes.
    """
    rng = np.random.default_rng(seed)
    written, truth = [], ["swimmer,recording,lap,start_s,seconds,stroke,strokes_per_min\n"]
    for swimmer in range(swimmers):
        pace = rng.uniform(0.85, 1.15)
        worn = MOUNTINGS[rng.integers(1, len(MOUNTINGS)) if rng.random() < _OTHERWISE_WORN else 0]
        for place in range(2):
            stroke = STROKES[1 + (2 * swimmer + place) % len(_MOVES)]
            samples, labels, lengths = _recording(stroke, _CYCLE_S[stroke] * pace, worn, rng)
            name = f"{stroke.capitalize()}_{1_527_000_000_000 + 1_000_000 * swimmer + 300_000 * place}"
            written.append(folder / str(swimmer) / f"{name}.csv.gz")
            written[-1].parent.mkdir(parents=True, exist_ok=True)
            written[-1].write_bytes(gzip.compress(_csv(samples, labels, rng).encode(), mtime=0))
            truth += [
                f"{swimmer},{name},{lap},{start:.3f},{seconds:.3f},{stroke},{rate:.3f}\n"
                for lap, (start, seconds, rate) in enumerate(lengths, 1)
            ]
    written.append(folder / "_lengths.csv")
    written[-1].write_text("".join(truth))
    return written


def _recording(stroke: str, cycle_s: float, worn: Any, rng: np.random.Generator) -> tuple[Any, Any, list[Any]]:
    """Samples [n, 6], labels [n], and of each length its start, seconds and cycles a minute."""
    parts = [_still(rng.uniform(8, 14), rng)]
    labels = [np.zeros(len(parts[0]), int)]
    lengths = []
    for lap in range(int(rng.integers(2, 5))):
        if lap:
            parts.append(_turn(rng.uniform(3.5, 5), rng))
            labels.append(np.full(len(parts[-1]), STROKES.index("turn")))
        own = cycle_s * rng.normal(1, 0.03)
        start = sum(map(len, parts)) / STROKE_HZ
        parts.append(_swimming(stroke, own, rng.uniform(18, 26), rng))
        labels.append(np.full(len(parts[-1]), STROKES.index(stroke)))
        lengths.append((start, len(parts[-1]) / STROKE_HZ, 60 / own))
    parts.append(_still(rng.uniform(8, 14), rng))
    labels.append(np.zeros(len(parts[-1]), int))
    return np.concatenate(parts) * worn, np.concatenate(labels), lengths


def _swimming(stroke: str, cycle_s: float, seconds: float, rng: np.random.Generator) -> Any:
    up, once, twice = (np.array(part, float) for part in _MOVES[stroke])
    time = np.arange(round(seconds * STROKE_HZ)) / STROKE_HZ
    phase = 2 * np.pi * time / cycle_s + rng.uniform(0, 2 * np.pi) + np.cumsum(rng.normal(0, 0.01, len(time)))
    shift = np.array([0, 0.9, 1.8, 2.6, 0.4, 1.3])
    moves = once * np.sin(phase[:, None] + shift) + twice * np.sin(2 * phase[:, None] + 2 * shift + 0.5)
    return _about(up, moves * rng.normal(1, 0.1, 6), 0.8, rng)


def _turn(seconds: float, rng: np.random.Generator) -> Any:
    time = np.linspace(-1, 1, round(seconds * STROKE_HZ))[:, None]
    burst = np.exp(-((time / 0.4) ** 2)) * np.array([4, -5, 6, 5, -4, 3]) * rng.normal(1, 0.2, 6)
    return _about(np.array([0.9, 0.2, 0.3]), burst, 0.5, rng)


def _still(seconds: float, rng: np.random.Generator) -> Any:
    steps = round(seconds * STROKE_HZ)
    drift = np.cumsum(rng.normal(0, 0.03, (steps, 6)), axis=0)
    return _about(rng.normal(0, 0.2, 3) + np.array([0.8, 0, 0.5]), drift, 0.15, rng)


def _about(up: Any, moves: Any, noise: float, rng: np.random.Generator) -> Any:
    """Movements [n, 6] and noise about gravity."""
    level = np.concatenate([_G * up / np.linalg.norm(up), np.zeros(3)])
    spread = noise * np.array([1, 1, 1, 0.25, 0.25, 0.25])
    return level + moves + rng.normal(size=moves.shape) * spread


def _csv(samples: Any, labels: Any, rng: np.random.Generator) -> str:
    """The recording as published: 26 columns, the last of them norms, which nobody needs."""
    count = len(samples)
    timestamp = 6e14 + np.arange(count) * 1e9 / STROKE_HZ
    field = rng.normal([15, -36, -31], 1, (count, 3))
    values = np.concatenate([samples, field], axis=1).reshape(count, 3, 3)
    norms = [np.linalg.norm(values[:, sensor, list(axes)], axis=1) for sensor in range(3) for axes in _NORMS]
    names = [f"{sensor}_{axis}" for sensor in _SENSORS for axis in range(3)]
    more = [f"{sensor}_{''.join(map(str, axes))}" for sensor in _SENSORS for axes in _NORMS]
    lines = [",".join(["", "timestamp", *names, "PRESS", "LIGHT", "label", *more])]
    for row in range(count):
        own = ",".join(f"{value:.5g}" for value in values[row].ravel())
        rest = ",".join(f"{norm[row]:.5g}" for norm in norms)
        lines.append(f"{row},{timestamp[row]:.1f},{own},1023.5,96.1,{labels[row]:.1f},{rest}")
    return "\n".join(lines) + "\n"
