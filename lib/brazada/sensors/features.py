"""Sensor series as the numbers that networks and other models learn from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.sensors.tables import (
    STROKE_CHANNELS,
    SURFACE_CHANNELS,
    SURFACE_STEPS,
    SURFACES_KNOWN,
    WINDOW,
)
from brazada.training import classes
from brazada.training.task import Array, Arrays, Columns, Decoded, Spec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Of the robot: the direction of gravity as the body sees it, which no heading changes; then what it measures.
ROBOT = (
    *(f"gravity_{axis}" for axis in "xyz"),
    *(f"angular_velocity_{axis}" for axis in "xyz"),
    *(f"acceleration_{axis}" for axis in "xyz"),
)
_STEADY = 1e-6  # a spread below which a channel is constant
_SCALES = np.repeat([10.0, 3.0], 3).astype(np.float32)  # of acceleration (m/s2) and angular velocity (rad/s)
_TURNED_DEGREES = 20.0
# How a watch is worn: signs of acceleration xyz and angular velocity xyz, on the same wrist, the other one, turned by
# 180 degrees, both. A mirror turns the sense of a rotation, so the two differ.
_WORN = np.array([[1, 1, 1, 1, 1, 1], [-1, 1, 1, 1, -1, -1], [-1, -1, 1, -1, -1, 1], [1, -1, 1, -1, 1, -1]], np.float32)


def decode_surfaces(columns: Columns, spec: Spec) -> Decoded:
    """Scaled features [n, 128, channels] of the robot, class numbers [n], weights 1."""
    values = robot(columns["signal"])
    learned = spec["statistics"]
    scaled = (values - np.asarray(learned["mean"], np.float32)) / np.asarray(learned["spread"], np.float32)
    chosen = [ROBOT.index(name) for name in spec.get("channels") or ROBOT]
    return scaled[:, :, chosen], columns["class_number"], np.ones(len(values), np.float32)


def learned_of_surfaces(rows: DataFrame) -> dict[str, Any]:
    """Mean and spread of every feature of the robot, and the shares of classes, over the training rows."""
    frame = rows.select("signal").toPandas()
    values = robot(frame["signal"].to_numpy()).reshape(-1, len(ROBOT)).astype(np.float64)
    spread = values.std(axis=0)
    scales = {"mean": values.mean(axis=0).tolist(), "spread": np.where(spread > _STEADY, spread, 1.0).tolist()}
    return {**scales, **classes.shares("class_number", len(SURFACES_KNOWN), rows)}


def robot(signals: Array) -> Array:
    """Features [n, 128, 9] of series as they are stored: the quaternion's gravity, then velocity and acceleration."""
    raw = np.frombuffer(b"".join(signals), "<f4").reshape(-1, SURFACE_STEPS, SURFACE_CHANNELS)
    x, y, z, w = np.moveaxis(raw[:, :, :4], 2, 0)
    gravity = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z], axis=2)
    found: Array = np.concatenate([gravity, raw[:, :, 4:]], axis=2).astype(np.float32)
    return found


def decode_strokes(columns: Columns, spec: Spec) -> Decoded:
    """Acceleration and angular velocity [n, 180, 6] of a watch, scaled, class numbers [n], weights 1."""
    values = watch(columns["signal"])
    return values[:, :, :6] / _SCALES, columns["class_number"], np.ones(len(values), np.float32)


def watch(signals: Array) -> Array:
    """Samples [n, 180, 9] of windows as they are stored."""
    found: Array = np.frombuffer(b"".join(signals), "<f4").reshape(-1, WINDOW, STROKE_CHANNELS).astype(np.float32)
    return found


def otherwise_worn(inputs: Arrays, spec: Spec, rng: np.random.Generator) -> Array:
    """Windows [n, 180, 6] as a watch worn on either wrist, either way round and somewhat turned would give them."""
    windows: Array = np.asarray(inputs, np.float32)
    worn = windows * _WORN[rng.integers(0, len(_WORN), len(windows))][:, None]
    turned = _rotations(rng, len(windows))
    found: Array = np.concatenate([worn[:, :, :3] @ turned, worn[:, :, 3:] @ turned], axis=2)
    return found


def on_other_wrist(windows: Array) -> Array:
    """Windows [n, 180, 6] as a watch on the other wrist would give them."""
    worn: Array = windows * _WORN[1]
    return worn


def _rotations(rng: np.random.Generator, count: int) -> Array:
    """Rotation matrices [count, 3, 3] about random axes by a uniform angle (Rodrigues)."""
    axes = rng.normal(size=(count, 3))
    x, y, z = (axes / np.linalg.norm(axes, axis=1, keepdims=True)).T
    angle = np.deg2rad(rng.uniform(-_TURNED_DEGREES, _TURNED_DEGREES, count))[:, None, None]
    zero = np.zeros(count)
    cross = np.stack([zero, -z, y, z, zero, -x, -y, x, zero], axis=1).reshape(-1, 3, 3)
    found: Array = (np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).astype(np.float32)
    return found


def window_statistics(inputs: Arrays) -> Array:
    """Numbers [n, 14 * channels] that sum up series [n, steps, channels]: level, spread, range, quantiles, rhythm."""
    series = np.asarray(inputs, np.float32)
    centred = series - series.mean(axis=1, keepdims=True)
    change = np.diff(series, axis=1)
    spectrum = np.abs(np.fft.rfft(centred, axis=1)) ** 2
    power = spectrum / np.maximum(spectrum.sum(axis=1, keepdims=True), 1e-12)
    places = np.arange(spectrum.shape[1])[None, :, None]
    crossings = (np.diff(np.signbit(centred), axis=1)).mean(axis=1)
    quantiles = np.quantile(series, [0.05, 0.25, 0.5, 0.75, 0.95], axis=1)
    parts = [
        series.mean(axis=1),
        series.std(axis=1),
        np.abs(change).mean(axis=1),
        change.std(axis=1),
        np.ptp(series, axis=1),
        *quantiles,
        crossings,
        power.argmax(axis=1),
        (power * places).sum(axis=1),
        -(power * np.log(power + 1e-12)).sum(axis=1),
    ]
    found: Array = np.concatenate(parts, axis=1).astype(np.float32)
    return found
