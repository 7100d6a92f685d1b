"""Settings of the jobs on sensor series."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveInt, model_validator

from brazada.section import Section
from brazada.training.settings import Recipe


class Parts(Section):
    """How groups (recordings, swimmers) are divided: each is in one split, and stays there."""

    shards: PositiveInt = Field(default=4, description="files per split, read in turn by the ranks")
    validation_share: float = Field(default=0.15, gt=0, lt=1, description="of the groups")
    test_share: float = Field(default=0.2, gt=0, lt=1, description="of the groups")

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share that leave some groups to train on")
        return self


class Surfaces(Parts):
    """What a robot drives on, told from its inertial sensor."""

    channels: tuple[str, ...] = Field(default=(), description="of the features, for the networks; none: all")
    networks: dict[str, Recipe] = Field(default_factory=dict)


class Strokes(Parts):
    """Which stroke is swum, told from a watch."""

    stride: PositiveInt = Field(default=60, description="samples from one window to the next")
    clear_share: float = Field(default=0.7, gt=0, le=1, description="of the commonest label, for a window to be clear")
    networks: dict[str, Recipe] = Field(default_factory=dict)


class Sensors(Section):
    """Series of sensors."""

    surfaces: Surfaces = Surfaces()
    strokes: Strokes = Strokes()
