"""Drawn pieces of clothing in the IDX files of Fashion-MNIST: as easily told apart as a test needs, no easier."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from brazada.images.fashion.tables import CLASSES, SIDE

_SCALE = 4  # drawn so many times as large, then reduced
_BODY = [(9, 4), (19, 4), (19, 25), (9, 25)]
_SHAPES: tuple[Any, ...] = (
    [_BODY, [(9, 4), (4, 9), (6, 13), (9, 10)], [(19, 4), (24, 9), (22, 13), (19, 10)]],  # T-shirt/top
    [[(10, 2), (18, 2), (19, 26), (15.5, 26), (14, 8), (12.5, 26), (9, 26)]],  # Trouser
    [_BODY, [(9, 4), (4, 8), (4, 24), (7, 24), (9, 10)], [(19, 4), (24, 8), (24, 24), (21, 24), (19, 10)]],  # Pullover
    [[(12, 2), (16, 2), (17, 11), (21, 26), (7, 26), (11, 11)]],  # Dress
    [[(8, 2), (20, 2), (21, 27), (7, 27)], [(8, 2), (3, 9), (4, 25), (7, 25)], [(20, 2), (25, 9), (24, 25), (21, 25)]],
    [[(2, 20), (26, 17), (26, 20), (2, 23)], [(6, 20), (11, 12), (13, 12), (8, 21)], [(17, 19), (20, 12), (22, 12)]],
    [
        [(10, 3), (18, 3), (19, 26), (9, 26)],
        [(10, 3), (5, 18), (7, 19), (10, 9)],
        [(18, 3), (23, 18), (21, 19)],
    ],  # Shirt
    [[(2, 17), (9, 16), (16, 12), (20, 15), (26, 18), (26, 22), (2, 22)]],  # Sneaker
    [[(4, 12), (24, 12), (25, 25), (3, 25)], [(9, 12), (10, 5), (18, 5), (19, 12), (17, 12), (16, 7), (12, 7)]],  # Bag
    [[(4, 4), (13, 4), (14, 14), (25, 18), (25, 24), (4, 24)]],  # Ankle boot
)


def simulate(folder: Path, pictures: int, seed: int) -> list[Path]:
    """Write so many training pictures and a sixth as many test pictures, with labels, as .gz; the files.

    All classes are alike in number, to one. The same seed gives the same bytes.
    """
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for part, count in (("train", pictures), ("t10k", max(len(CLASSES), pictures // 6))):
        labels = rng.permutation(np.arange(count) % len(CLASSES)).astype(np.uint8)
        levels = np.stack([_drawn(int(label), rng) for label in labels])
        for kind, array in (("images-idx3", levels), ("labels-idx1", labels)):
            written.append(folder / f"{part}-{kind}-ubyte.gz")
            written[-1].write_bytes(gzip.compress(idx(array), mtime=0))
    return written


def idx(array: npt.NDArray[np.uint8]) -> bytes:
    """An IDX file of unsigned bytes."""
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes() + array.tobytes()


def _drawn(label: int, rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """One picture [28, 28]: the class's shape, somewhat moved, turned and stretched, with folds and noise."""
    from PIL import Image, ImageDraw

    turn, stretch = rng.normal(0, 0.06), rng.normal(1, 0.07, 2)
    move, level = rng.normal(0, 0.8, 2), rng.uniform(90, 230)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * stretch
    image = Image.new("L", (SIDE * _SCALE, SIDE * _SCALE))
    draw = ImageDraw.Draw(image)
    for shape in _SHAPES[label]:
        corners = (np.array(shape) + rng.normal(0, 0.3, (len(shape), 2)) - SIDE / 2) @ matrix + SIDE / 2 + move
        draw.polygon([tuple(corner) for corner in corners * _SCALE], fill=round(level * rng.uniform(0.8, 1)))
    levels: npt.NDArray[np.float32] = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX), np.float32)
    folds = 1 + 0.15 * np.sin(np.arange(SIDE) * rng.uniform(0.3, 1.5) + rng.uniform(0, 6))
    noise = rng.normal(0, 12, levels.shape) * (levels > 0)
    drawn: npt.NDArray[np.uint8] = np.clip(levels * folds + noise, 0, 255).astype(np.uint8)
    return drawn
