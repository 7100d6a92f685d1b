"""Drawn photographs of damaged cars, in the folders of the published ones: the worse the damage, the more of it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from brazada.images.car_damage.tables import SEVERITIES

_WIDTH, _HEIGHT = 160, 120
_FOR_THE_TEST = 0.2  # share in the part val
_MARKS = {"minor": (1, 4), "moderate": (4, 9), "severe": (10, 18)}
COPIES = ("turned", "mirrored", "cut", "smaller", "compressed")


@dataclass(frozen=True)
class Simulated:
    """What was written: photographs, copies of some (and the CSV that says of which), broken files."""

    photographs: int
    copies: Path
    broken: int


def simulate(folder: Path, photographs: int, seed: int, copies: float = 0.0, broken: float = 0.0) -> Simulated:
    """Write photographs to `<part>/<severity>/`, for a share of them a copy anywhere, and a share of broken files.

    `_copies.csv` says which file is a copy of which, and how. The same seed gives the same bytes.
    """
    rng = np.random.default_rng(seed)
    made: list[tuple[str, Any]] = []
    for number in range(photographs):
        severity = SEVERITIES[number % len(SEVERITIES)]
        name = f"{_part(rng)}/{severity}/{number:05d}.jpg"
        made.append((name, _drawn(severity, rng)))
        _save(folder / name, made[-1][1], 90)
    truth = [("copy", "of", "how")]
    for number, place in enumerate(rng.permutation(len(made))[: round(copies * len(made))]):
        name, image = made[place]
        how = COPIES[number % len(COPIES)]
        copy = f"{_part(rng)}/{name.split('/')[1]}/{place:05d}_{how}.jpg"
        _save(folder / copy, copied(how, image, rng), 40)
        truth.append((copy, name, how))
    for number in range(round(broken * photographs)):
        path = folder / f"{_part(rng)}/minor/broken_{number:05d}.jpg"
        _save(path, made[number][1], 90)
        content = path.read_bytes()
        path.write_bytes((content[: len(content) // 2], b"no picture", b"")[number % 3])
    with (folder / "_copies.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(truth)
    return Simulated(photographs, folder / "_copies.csv", round(broken * photographs))


def copied(how: str, image: Any, rng: np.random.Generator) -> Any:
    """A copy of Pillow's image as one of COPIES; what is only compressed is so when it is saved."""
    if how == "turned":
        return image.rotate(90 * int(rng.integers(1, 4)), expand=True)
    if how == "mirrored":
        return image.transpose(0)
    if how == "smaller":
        return image.resize((image.width * 2 // 3, image.height * 2 // 3))
    return _cut(image, rng) if how == "cut" else image


def _part(rng: np.random.Generator) -> str:
    return "val" if rng.random() < _FOR_THE_TEST else "train"


def _save(path: Path, image: Any, quality: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    image.save(content, "JPEG", quality=quality)
    path.write_bytes(content.getvalue())


def _cut(image: Any, rng: np.random.Generator) -> Any:
    share = rng.uniform(0.88, 0.95)
    left, top = rng.uniform(0, 1 - share, 2)
    size = np.array([image.width, image.height] * 2)
    return image.crop(tuple((np.array([left, top, left + share, top + share]) * size).astype(int)))


def _drawn(severity: str, rng: np.random.Generator) -> Any:
    """A car before a wall, with dents and scratches; no two alike."""
    from PIL import Image, ImageDraw, ImageFilter

    image = Image.fromarray(rng.integers(60, 200, (6, 8, 3), dtype=np.uint8)).resize((_WIDTH, _HEIGHT), 3)
    draw = ImageDraw.Draw(image)
    paint = tuple(rng.integers(40, 220, 3).tolist())
    left, top = rng.integers(10, 40), rng.integers(40, 60)
    right, low = _WIDTH - rng.integers(10, 40), top + rng.integers(35, 45)
    draw.rectangle((left, top, right, low), fill=paint)
    draw.polygon(((left + 20, top), (left + 40, top - 25), (right - 35, top - 25), (right - 15, top)), fill=paint)
    draw.polygon(
        ((left + 28, top - 2), (left + 43, top - 20), (right - 40, top - 20), (right - 25, top - 2)), fill=(40, 50, 60)
    )
    for wheel in (left + 25, right - 25):
        draw.ellipse((wheel - 13, low - 10, wheel + 13, low + 16), fill=(20, 20, 20))
    fewest, most = _MARKS[severity]
    for _ in range(int(rng.integers(fewest, most))):
        x, y = rng.uniform(left, right), rng.uniform(top, low)
        size = rng.uniform(2, 5) if severity == "minor" else rng.uniform(4, 10)
        dark = tuple(int(level * rng.uniform(0.1, 0.5)) for level in paint)
        draw.ellipse((x - size, y - size * 0.6, x + size, y + size * 0.6), fill=dark)
        draw.line((x, y, x + rng.uniform(-20, 20), y + rng.uniform(-8, 8)), fill=(230, 230, 230), width=1)
    return image.filter(ImageFilter.GaussianBlur(0.6))
