"""A trained model as data: arrays in .npz, facts in JSON beside it. What it computes is in its task's `build`."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from brazada.errors import ModelError
from brazada.training import files
from brazada.training.task import Array, Decoded, Task, flat

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WEIGHTS, FACTS = "weights.npz", "model.json"


@dataclass(frozen=True)
class Model:
    """Weights of a run, with the task whose spec and statistics are those of the training."""

    task: Task
    run: str
    weights: list[Array]
    shapes: Mapping[str, list[int | None]]

    def keras(self) -> Any:
        """The Keras model. Raises `ModelError` where the task builds another than the one that was stored."""
        model = self.task.build(self.task.spec, 0)
        expected, stored = [tuple(v.shape) for v in model.weights], [w.shape for w in self.weights]
        if expected != stored:
            raise ModelError(
                f"{len(stored)} weights of the model that run {self.run} stored ({_differing(stored, expected)})",
                found=f"{len(expected)} weights in what {self.task.name} builds now",
                todo="use the code version that ml.runs names for the run, or train anew",
            )
        model.set_weights(self.weights)
        return model

    def check(self, decoded: Decoded) -> None:
        """Refuse inputs of other names or shapes than the training's, with `ModelError`."""
        found = {name: list(array.shape[1:]) for name, array in flat(decoded[0], "inputs").items()}
        if found != dict(self.shapes):
            raise ModelError(
                f"inputs {dict(self.shapes)} for the model of run {self.run}",
                found=str(found),
                todo="predict on a table that was made with the settings of the training",
            )


def save(folder: Path, model: Model, facts: Mapping[str, Any]) -> None:
    """Write the model's two files into a local folder."""
    known = {
        "task": model.task.name,
        "network": model.task.network,
        "run": model.run,
        "spec": dict(model.task.spec),
        "inputs": dict(model.shapes),
        "weights": [list(array.shape) for array in model.weights],
    }
    (folder / WEIGHTS).write_bytes(files.pack(files.numbered("weight", model.weights), {"run": model.run}))
    (folder / FACTS).write_text(json.dumps(known | dict(facts), indent=1), encoding="utf-8")


def describe(folder: Path, rows: DataFrame) -> None:
    """Write, beside a model's files, what MLflow loads them by as a `pyfunc`: brazada.pyfunc, and what `rows` have.

    `rows` are those that the model learned from, in the columns of its task; none is read.
    """
    import warnings

    from mlflow import models, pyfunc

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of whole numbers, which cannot be missing: nor may they here
        made = models.Model(signature=models.infer_signature(rows))
    pyfunc.add_to_model(made, loader_module="brazada.pyfunc", data=".")
    made.save(str(folder / "MLmodel"))


def load(folder: Path, task: Task) -> Model:
    """Read a model's two files. Raises `ModelError` where they are missing or damaged, or of another task."""
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        arrays, _ = files.unpack((folder / WEIGHTS).read_bytes())
        weights = files.listed("weight", arrays)
        name, network, spec, run, shapes = (facts[key] for key in ("task", "network", "spec", "run", "inputs"))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ModelError(f"{WEIGHTS} and {FACTS} of a model", found=f"{folder}: {error}", todo="train anew") from error
    if (name, network) != (task.name, task.network):
        expected = f"a model of the task {task.name}, network {task.network}"
        raise ModelError(expected, found=f"one of {name}, {network}", todo="name a run of that task and network")
    if [list(array.shape) for array in weights] != facts["weights"]:
        raise ModelError(f"weights of the shapes that {FACTS} names", found=f"{WEIGHTS} with others", todo="train anew")
    return Model(task.with_spec(**spec), run, weights, shapes)


def _differing(stored: list[Any], expected: list[Any]) -> str:
    pairs = [f"{a} against {b}" for a, b in zip(stored, expected, strict=False) if a != b]
    return pairs[0] if pairs else "another number"
