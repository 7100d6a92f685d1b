"""Settings of the jobs on pictures."""

from __future__ import annotations

from pydantic import Field, PositiveInt

from brazada.section import Section
from brazada.training.settings import Recipe


class Fashion(Section):
    """Fashion-MNIST: how the published training part is divided, and how each network is trained."""

    shards: PositiveInt = Field(default=8, description="files per split, read in turn by the ranks")
    validation_share: float = Field(default=0.05, gt=0, lt=1, description="of the training part")
    networks: dict[str, Recipe] = Field(default_factory=dict)


class Images(Section):
    """Fashion-MNIST and photographs of damaged cars."""

    fashion: Fashion = Fashion()
