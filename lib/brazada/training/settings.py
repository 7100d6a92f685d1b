"""Settings of every training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from brazada.section import Section


class Recipe(Section):
    """How a network is trained: entries of a task's spec, see `brazada.training.task` and `.optimizers`."""

    epochs: PositiveInt
    batch: PositiveInt = Field(description="rows of one step, over all ranks")
    patience: PositiveInt | None = Field(default=None, description="epochs without gain before it stops; null: never")
    learning_rate: PositiveFloat
    schedule: Literal["constant", "cosine", "steps"] = "constant"
    warmup: float = Field(default=0, ge=0, lt=1, description="share of the steps in which the rate rises")
    decay_epochs: PositiveInt | None = Field(default=None, description="of `steps`: epochs until a tenth of the rate")
    momentum: float = Field(default=0, ge=0, lt=1)
    nesterov: bool = False
    weight_decay: PositiveFloat | None = None
    clipnorm: PositiveFloat | None = None
    ema: float | None = Field(default=None, gt=0, lt=1, description="what a step keeps of the average of the weights")

    @property
    def spec(self) -> dict[str, Any]:
        """What is set, as entries of a spec."""
        return self.model_dump(exclude_none=True)


class Training(Section):
    """How a task is fed, launched and watched."""

    feed: Literal["petastorm", "tfdata"] = "petastorm"
    launch: Literal["horovod", "process"] = "horovod"
    ranks: PositiveInt = 2
    threads_per_rank: PositiveInt = 1
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        default="float32", description="in which layers compute; weights are of 32 bits"
    )
    seed: NonNegativeInt = 7
    shuffle_mb: PositiveFloat = 256
    stall_warn_s: PositiveFloat = 10
    stall_shutdown_s: PositiveFloat = 30
    start_timeout_s: PositiveInt = 60
    runs_path: str | None = Field(default=None, description="null: `.training` in the warehouse")
    mlflow_uri: str | None = Field(default=None, description="null: SQLite beside the warehouse")
