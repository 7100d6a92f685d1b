"""Made-up series of a robot's inertial unit in the format of Kaggle's CareerCon 2019."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from brazada.sensors.surfaces.ingest import SIGNALS
from brazada.sensors.tables import SURFACE_STEPS, SURFACES

_G = 9.81  # m/s2
_SERIES = 4  # of a recording
_HZ = 100.0


def simulate(folder: Path, recordings: int, seed: int) -> list[Path]:
    """Write X_train.csv and y_train.csv with so many recordings of each surface, of four series each; the files.

    A surface shakes the robot at a rhythm and with a strength of its own; a recording has a heading, a tilt and a
    strength of its own, by which its series resemble each other. The same seed gives the same bytes.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows: list[str] = []
    labels: list[str] = []
    groups = rng.permutation(np.repeat(np.arange(len(SURFACES)), recordings))
    for recording, surface in enumerate(groups.tolist()):
        heading, tilt, strength = rng.uniform(-np.pi, np.pi), rng.normal(0, 0.02, 2), rng.lognormal(0, 0.15)
        for _ in range(_SERIES):
            number = len(labels)
            labels.append(f"{number},{recording},{SURFACES[surface]}\n")
            series = _series(surface, heading + rng.normal(0, 0.05), tilt, strength, rng)
            rows += [
                f"{number}_{step},{number},{step},{','.join(f'{value:.6g}' for value in values)}\n"
                for step, values in enumerate(series)
            ]
    files = folder / "X_train.csv", folder / "y_train.csv"
    files[0].write_text(",".join(("row_id", "series_id", "measurement_number", *SIGNALS)) + "\n" + "".join(rows))
    files[1].write_text("series_id,group_id,surface\n" + "".join(labels))
    return list(files)


def _series(surface: int, heading: float, tilt: Any, strength: float, rng: np.random.Generator) -> Any:
    """One series [128, 10]: quaternion of a sensor that hangs upside down, angular velocity, acceleration."""
    time = np.arange(SURFACE_STEPS) / _HZ
    rhythm, shaking = 4 + 4.5 * surface, (0.15 + 0.12 * ((3 * surface) % len(SURFACES))) * strength
    phase = rng.uniform(0, 2 * np.pi, 6)
    wave = np.sin(2 * np.pi * rhythm * time[:, None] + phase) + 0.5 * rng.normal(size=(SURFACE_STEPS, 6))
    turn = heading + np.cumsum(wave[:, 2] * 0.1 * shaking) / _HZ
    roll, pitch = np.pi + tilt[0] + 0.005 * shaking * wave[:, 0], tilt[1] + 0.005 * shaking * wave[:, 1]
    quaternion = _quaternion(roll, pitch, turn)
    x, y, z, w = quaternion.T
    up = np.stack([2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)], axis=1)
    return np.concatenate([quaternion, 0.1 * shaking * wave[:, :3], _G * up + shaking * wave[:, 3:]], axis=1)


def _quaternion(roll: Any, pitch: Any, yaw: Any) -> Any:
    """Quaternions [n, 4], x y z w, of angles in radians about x, y, z, in the order z, y, x."""
    cosines, sines = zip(*((np.cos(angle / 2), np.sin(angle / 2)) for angle in (roll, pitch, yaw)), strict=True)
    (cr, cp, cy), (sr, sp, sy) = cosines, sines
    parts = sr * cp * cy - cr * sp * sy, cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy
    return np.stack([*parts, cr * cp * cy + sr * sp * sy], axis=1)
