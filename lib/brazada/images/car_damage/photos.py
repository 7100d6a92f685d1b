"""Photographs: read or refused, upright, their thumbnails and perceptual hashes."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from brazada.images.car_damage.tables import SEVERITIES, THUMBNAIL
from brazada.ingest.whole import Refused

SUFFIXES = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp")
PARTS = ("train", "val", "test")
_FORMATS = ("JPEG", "PNG", "WEBP")
_SMALLEST = 32  # pixels a side
_LARGEST = 100_000_000  # pixels: more is a decompression bomb
_ORIENTATION = 0x0112  # of EXIF
_SIDE, _LOW = 32, 8  # pixels a side that are transformed; frequencies a side that are kept

_Grey = npt.NDArray[np.uint8]


def read(told: Mapping[str, tuple[str, str | None]] | None, path: str, content: bytes) -> Iterator[tuple[Any, ...]]:
    """The row of a photograph. Its severity and part are `told` by its path, else by the names of its folders."""
    label, part = _by_folder(path) if told is None else told.get(path, ("", None))
    if label not in SEVERITIES:
        raise Refused(f"expected a folder or label out of {', '.join(SEVERITIES)}, found {label or 'none'}")
    picture, facts = opened(content)
    small = np.asarray(picture.convert("L").resize((THUMBNAIL, THUMBNAIL), 1), np.uint8)
    ident = hashlib.sha256(content).hexdigest()[:16]
    yield ident, path, label, SEVERITIES.index(label), part, content, *facts, perceptual_hash(small), small.tobytes()


def opened(content: bytes) -> tuple[Any, tuple[str, int, int, int]]:
    """A photograph as Pillow's RGB image, upright; its format, width, height and EXIF orientation.

    Raises `Refused` for what is no JPEG, PNG or WebP, for pictures that are tiny, too large by their header, which is
    all that is read of those, cut off or otherwise broken.
    """
    from PIL import Image, ImageOps, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit is lower
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError) as error:
        raise Refused(f"no JPEG, PNG or WebP that can be read: {_plain(error)}") from error
    width, height = image.size
    if width * height > _LARGEST:
        raise Refused(f"{width:,} x {height:,} pixels by its header, more than {_LARGEST:,}")
    if min(width, height) < _SMALLEST:
        raise Refused(f"{width} x {height} pixels, less than {_SMALLEST} a side")
    try:
        orientation = int(image.getexif().get(_ORIENTATION, 1))
        upright = ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, EOFError, TypeError) as error:
        raise Refused(f"a broken {image.format}: {_plain(error)}") from error
    return upright, (str(image.format), width, height, orientation if 1 <= orientation <= 8 else 1)


def perceptual_hash(grey: _Grey) -> int:
    """64 bits, signed, of square grey levels [64, 64]: which low frequencies are above their median."""
    from scipy.fft import dctn

    step = grey.shape[-1] // _SIDE
    small = grey[: _SIDE * step, : _SIDE * step].reshape(_SIDE, step, _SIDE, step).mean(axis=(1, 3))
    low = dctn(small, norm="ortho")[:_LOW, :_LOW].ravel()
    bits = low > np.median(low[1:])
    return int(np.packbits(bits).view(">i8")[0])


def squared(content: bytes, side: int) -> bytes:
    """A JPEG of a photograph, upright, drawn to a square of so many pixels a side."""
    picture, _ = opened(content)
    kept = io.BytesIO()
    picture.resize((side, side), 1, reducing_gap=2.0).save(kept, "JPEG", quality=95)
    return kept.getvalue()


def _by_folder(path: str) -> tuple[str, str | None]:
    """Severity and part by the folders of a path: .../train/minor/0001.jpg."""
    *_, part, label, _ = ["", "", *path.lower().split("/")]
    return label, part if part in PARTS else None


def _plain(error: Exception) -> str:
    return str(error).split(" <_io")[0]
