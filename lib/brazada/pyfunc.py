"""What MLflow loads a stored model with: `mlflow.pyfunc.load_model`, `mlflow models predict`, MLflow's Spark UDF.

Nothing is pickled: a model's files hold weights and facts, and this package builds the network.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from brazada import domains
from brazada.settings import load
from brazada.training.data.columns import columns_of
from brazada.training.predict import named, output_of
from brazada.training.registry import model as models
from brazada.training.task import variant

if TYPE_CHECKING:
    import pandas as pd


class Predictor:
    """A model that predicts rows of its task's table."""

    def __init__(self, model: models.Model) -> None:
        self._model, self._network = model, model.keras()

    def predict(self, rows: pd.DataFrame) -> pd.DataFrame:
        """The columns that the task's output names, a row for each; what has several numbers a row is a list.

        `rows` have the columns that the task learns from; of targets any value will do. Raises ModelError for rows of
        other shapes than the training's.
        """
        import pandas as pd
        import pyarrow as pa

        task = self._model.task
        batch = pa.RecordBatch.from_pandas(rows[list(task.columns)], preserve_index=False)
        decoded = task.decode(columns_of(batch), task.spec)
        self._model.check(decoded)
        said = named(self._model, output_of(self._network, decoded))
        return pd.DataFrame({name: list(array) for name, array in said.items()})


def _load_pyfunc(path: str) -> Predictor:
    """The model in a folder. Raises UsageError for one of a task that this package does not know."""
    facts = json.loads(Path(path, models.FACTS).read_text(encoding="utf-8"))
    task = variant(domains.tasks(load(variables={}).of), facts["task"], facts["network"])
    return Predictor(models.load(Path(path), task))
