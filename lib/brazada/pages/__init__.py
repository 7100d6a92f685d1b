"""Pages for people: self-contained HTML, from tables and views alone. A domain adds one by a module and a line."""

from brazada.pages.blocks import Block, Grid, Matrix, Missing, Page, Picture, Pictures, bars, lines, percent
from brazada.pages.classes import classes
from brazada.pages.reader import Reader

__all__ = [
    "Block",
    "Grid",
    "Matrix",
    "Missing",
    "Page",
    "Picture",
    "Pictures",
    "Reader",
    "bars",
    "classes",
    "lines",
    "percent",
]
