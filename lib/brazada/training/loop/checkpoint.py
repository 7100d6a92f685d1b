"""A training's state after an epoch, in one .npz file that replaces the one before: arrays and JSON, no pickle."""

from __future__ import annotations

import math
import zipfile
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from brazada.errors import ModelError
from brazada.training import files
from brazada.training.task import Array

_FILE = "checkpoint.npz"


@dataclass(frozen=True)
class Progress:
    """What decides how a training goes on.

    `best` are the model's weights after `best_epoch`, `figure` what was monitored then. Of the `epochs_without_gain`
    since, the last `at_chance` were no better than chance. `ended` says why training ended, once it has.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0
    best: list[Array] = field(default_factory=list)
    figure: float = math.nan
    epochs_without_gain: int = 0
    at_chance: int = 0
    ended: str | None = None
    shapes: dict[str, list[int | None]] = field(default_factory=dict)

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return len(self.history)

    def without_weights(self) -> Progress:
        """The same without arrays."""
        return replace(self, best=[])


def save(folder: str, progress: Progress, state: list[Any]) -> None:
    """Write the checkpoint of an epoch; `state` are the variables of model and optimizer."""
    arrays = files.numbered("state", [variable.numpy() for variable in state]) | files.numbered("best", progress.best)
    files.write(f"{folder}/{_FILE}", files.pack(arrays, asdict(progress.without_weights())))


def load(folder: str) -> tuple[Progress, list[Array]] | None:
    """The last checkpoint and its state, or None where there is none. Raises `ModelError` for a damaged file."""
    content = files.read(f"{folder}/{_FILE}")
    if content is None:
        return None
    try:
        arrays, meta = files.unpack(content)
        return Progress(**{**meta, "best": files.listed("best", arrays)}), files.listed("state", arrays)
    except (ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"a checkpoint in {folder}", found=f"a damaged {_FILE} ({error})", todo="start the training anew"
        ) from error
