"""Settings of every training."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from brazada.section import Section


class Training(Section):
    """How a task is fed, launched and watched."""

    feed: Literal["petastorm", "tfdata"] = "petastorm"
    launch: Literal["horovod", "process"] = "horovod"
    ranks: PositiveInt = 2
    threads_per_rank: PositiveInt = 1
    seed: NonNegativeInt = 7
    shuffle_mb: PositiveFloat = 256
    stall_warn_s: PositiveFloat = 10
    stall_shutdown_s: PositiveFloat = 30
    start_timeout_s: PositiveInt = 60
    runs_path: str | None = Field(default=None, description="null: `.training` in the warehouse")
    mlflow_uri: str | None = Field(default=None, description="null: SQLite beside the warehouse")
