"""Settings of the jobs on pictures."""

from __future__ import annotations

from typing import Self

from pydantic import Field, PositiveInt, model_validator

from brazada.section import Section
from brazada.training.settings import Recipe


class Fashion(Section):
    """Fashion-MNIST: how the published training part is divided, and how each network is trained."""

    shards: PositiveInt = Field(default=8, description="files per split, read in turn by the ranks")
    validation_share: float = Field(default=0.05, gt=0, lt=1, description="of the training part")
    networks: dict[str, Recipe] = Field(default_factory=dict)


class PhotoRecipe(Recipe):
    """How a network on photographs is trained."""

    size: PositiveInt | None = Field(default=None, description="pixels a side that it sees; null: all that are kept")


class CarDamage(Section):
    """Photographs of damaged cars: the size they are kept at, how divided, how each network is trained."""

    size: PositiveInt = Field(default=224, description="pixels a side of the pictures that are learned from")
    shards: PositiveInt = Field(default=4, description="files per split, read in turn by the ranks")
    validation_share: float = Field(default=0.12, gt=0, lt=1, description="of what is not for the test")
    test_share: float = Field(default=0.2, gt=0, lt=1, description="where no part is named val or test")
    networks: dict[str, PhotoRecipe] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _leaves_a_training_part(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share and test_share that leave something to train with")
        return self


class Images(Section):
    """Fashion-MNIST and photographs of damaged cars."""

    fashion: Fashion = Fashion()
    car_damage: CarDamage = CarDamage()
