"""Settings of every training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from brazada.section import Section


class Recipe(Section):
    """How a network is trained: entries of a task's spec, see `brazada.training.task` and `.optimizers`."""

    epochs: PositiveInt  # at most, where patience is set
    batch: PositiveInt = Field(description="rows of one step, over all ranks")
    patience: PositiveInt | None = Field(default=None, description="epochs without gain before it stops; null: never")
    learning_rate: PositiveFloat  # its greatest, where a schedule changes it
    schedule: Literal["constant", "cosine", "steps"] = "constant"  # of the learning rate over the steps
    warmup: float = Field(default=0, ge=0, lt=1, description="share of the steps in which the rate rises")
    decay_epochs: PositiveInt | None = Field(default=None, description="of `steps`: epochs until a tenth of the rate")
    momentum: float = Field(default=0, ge=0, lt=1)  # of stochastic gradient descent, where the network uses it
    nesterov: bool = False  # momentum by Nesterov's formula
    weight_decay: PositiveFloat | None = None  # share of each weight that a step takes off; null: none
    clipnorm: PositiveFloat | None = None  # norm to which gradients are cut; null: never
    ema: float | None = Field(default=None, gt=0, lt=1, description="what a step keeps of the average of the weights")

    @property
    def spec(self) -> dict[str, Any]:
        """What is set, as entries of a spec."""
        return self.model_dump(exclude_none=True)


class Training(Section):
    """How a task is fed, launched and watched."""

    feed: Literal["petastorm", "tfdata"] = "petastorm"
    launch: Literal["horovod", "process"] = "horovod"
    ranks: PositiveInt = 2  # processes that train side by side
    threads_per_rank: PositiveInt = 1  # of TensorFlow in each
    precision: Literal["float32", "mixed_bfloat16"] = Field(
        default="float32", description="in which layers compute; weights are of 32 bits"
    )
    seed: NonNegativeInt = 7  # of first weights, shuffling and dropout
    shuffle_mb: PositiveFloat = 256
    stall_warn_s: PositiveFloat = 10
    stall_shutdown_s: PositiveFloat = 30
    start_timeout_s: PositiveInt = 60  # until all ranks must have started
    runs_path: str | None = Field(default=None, description="null: `.training` in the warehouse")
    mlflow_uri: str | None = Field(default=None, description="null: SQLite beside the warehouse")
