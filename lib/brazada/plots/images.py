"""Figures of pictures and of what was told of them."""

from __future__ import annotations

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
