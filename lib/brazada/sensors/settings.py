"""Settings of the jobs on sensor series."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from brazada.section import Section
from brazada.training.settings import Recipe

Channel = Literal[
    "up_x",
    "up_y",
    "up_z",
    "angular_velocity_x",
    "angular_velocity_y",
    "angular_velocity_z",
    "acceleration_x",
    "acceleration_y",
    "acceleration_z",
]


class Strokes(Section):
    """Recordings of swimmers: how they are cut into windows, and how each network is trained."""

    shards: PositiveInt = Field(default=8, description="files per split, read in turn by the ranks")
    stride: PositiveInt = Field(default=60, description="samples from the start of a window to that of the next")
    ambiguous_below: float = Field(default=0.75, gt=0, le=1, description="share of a window's label in its samples")
    rotation_degrees: float = Field(default=20, ge=0, description="by which training windows are turned, at most")
    kernels: PositiveInt = Field(default=2000, description="of MiniRocket")
    networks: dict[str, Recipe] = Field(default_factory=dict)


class Surfaces(Section):
    """Series of a robot: which channels the networks see, and how each is trained."""

    shards: PositiveInt = Field(default=2, description="files per split, read in turn by the ranks")
    channels: dict[str, tuple[Channel, ...]] = Field(default_factory=dict, description="by network; default: all")
    kernels: PositiveInt = Field(default=2000, description="of MiniRocket")
    networks: dict[str, Recipe] = Field(default_factory=dict)


class Laps(Section):
    """How lengths are told from the classes of windows."""

    swims_at: float = Field(default=0.5, gt=0, lt=1, description="probability of a stroke, below it a turn or a rest")
    shortest_s: PositiveFloat = Field(default=6, description="swimming of less is no length")


class Sensors(Section):
    """Surfaces under a robot and strokes of swimmers."""

    strokes: Strokes = Strokes()
    surfaces: Surfaces = Surfaces()
    laps: Laps = Laps()
