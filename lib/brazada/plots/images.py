"""Figures of pictures and of what was told of them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from brazada.images.fashion.tables import SIDE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ACROSS = 6


def mistakes(pictures: pd.DataFrame) -> Figure:
    """Pictures with the class they have and the one predicted (rows of images.mistakes with `pixels`)."""
    from matplotlib.figure import Figure

    down = -(-len(pictures) // _ACROSS) or 1
    figure = Figure(figsize=(2 * _ACROSS, 2.4 * down), layout="constrained")
    axes = figure.subplots(down, _ACROSS, squeeze=False).ravel()
    for place in axes:
        place.axis("off")
    for place, row, pixels in zip(axes, pictures.itertuples(), pictures["pixels"].tolist(), strict=False):
        place.imshow(np.frombuffer(pixels, np.uint8).reshape(SIDE, SIDE), cmap="gray_r")
        place.set_title(f"{row.label}\nnot {row.predicted} ({row.probability:.0%})", fontsize="small")
    return figure


def duplicates(pairs: pd.DataFrame) -> Figure:
    """Photographs beside what was taken for their copy (rows of images.duplicates with `one` and `two`, the files)."""
    from matplotlib.figure import Figure
    from PIL import Image, ImageOps

    figure = Figure(figsize=(8, 2.6 * max(1, len(pairs))), layout="constrained")
    axes = figure.subplots(max(1, len(pairs)), 2, squeeze=False)
    for place in axes.ravel():
        place.axis("off")
    for (left, right), row in zip(axes, pairs.to_dict("records"), strict=False):
        for place, content in ((left, row["one"]), (right, row["two"])):
            picture = ImageOps.exif_transpose(Image.open(io.BytesIO(content)))
            picture.thumbnail((400, 400))
            place.imshow(picture)
        how = f"turned by {90 * row['turned']}°{', mirrored' if row['mirrored'] else ''}, {row['cut']}"
        left.set_title(f"{row['id']}\n{how}: likeness {row['likeness']:.3f}", fontsize="small")
        right.set_title(row["other"], fontsize="small")
    return figure
