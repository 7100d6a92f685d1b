"""MLflow as far as it is used: a run, its figures, its model's files. SQLite and a folder, or a server.

MLflow keeps the full path of each run's files. In a local warehouse that may be moved or copied, so they are found
where they lie beneath it, never by that path.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from brazada.errors import ModelError, SettingsError
from brazada.settings import Settings

log = logging.getLogger(__name__)

_TAG = "brazada.run"
_FOLDER = "model"
_LOCAL = f"artifacts/{_FOLDER}"  # MLflow's own place beneath a run's folder, so that its pages show the files


class Tracking:
    """An MLflow server, or the files that stand for one. Importing MLflow takes seconds: made only when needed."""

    def __init__(self, settings: Settings) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        uri, self._artifacts = location(settings)
        from mlflow.tracking import MlflowClient

        for name in ("mlflow", "alembic"):
            logging.getLogger(name).setLevel(logging.ERROR)
        self._databricks = uri.startswith("databricks")
        self._client = MlflowClient(tracking_uri=uri)

    def log(
        self,
        run: str,
        task: str,
        params: Mapping[str, Any],
        history: list[dict[str, float]],
        model: Path,
        tags: Mapping[str, str],
    ) -> str:
        """Log a finished run and its model's files; logging it again replaces nothing and adds no second run."""
        from mlflow.entities import Metric, Param

        experiment = self._experiment(task)
        known = self._client.search_runs([experiment], f"tags.`{_TAG}` = '{run}'", max_results=1)
        here = known[0] if known else self._client.create_run(experiment, tags={_TAG: run, **tags}, run_name=run)
        now = int(time.time() * 1000)
        figures = [
            Metric(name, value, now, int(entry["epoch"]))
            for entry in history
            for name, value in entry.items()
            if name != "epoch"
        ]
        self._client.log_batch(here.info.run_id, figures, [Param(k, str(v)[:500]) for k, v in params.items()])
        if self._artifacts:
            shutil.copytree(model, self._artifacts / task / here.info.run_id / _LOCAL, dirs_exist_ok=True)
        else:
            self._client.log_artifacts(here.info.run_id, str(model), _FOLDER)
        self._client.set_terminated(here.info.run_id)
        return str(here.info.run_id)

    def register(self, mlflow_run: str, task: str, champion: bool) -> None:
        """Add a logged run's model to the versions of the model `task`; a champion gets that alias. Twice adds one.

        Not on Databricks, whose catalog takes only models with a signature of MLflow's.
        """
        from mlflow.exceptions import MlflowException

        if self._databricks:
            return
        try:
            if not self._client.search_registered_models(f"name = '{task}'"):
                self._client.create_registered_model(task)
            found = self._client.search_model_versions(f"name = '{task}' AND run_id = '{mlflow_run}'")
            if self._artifacts:
                source = (self._artifacts / task / mlflow_run / _LOCAL).as_uri()
            else:
                source = f"{self._client.get_run(mlflow_run).info.artifact_uri}/{_FOLDER}"
            version = found[0] if found else self._client.create_model_version(task, source, mlflow_run)
            if champion:
                self._client.set_registered_model_alias(task, "champion", str(version.version))
        except MlflowException as error:  # ml.runs says what is champion: MLflow's pages show it to people
            log.warning("MLflow's registry did not take the model of run %s: %s", mlflow_run, error)

    @contextmanager
    def model(self, mlflow_run: str) -> Iterator[Path]:
        """The model's files, to be read here and nowhere else. Raises `ModelError` where there are none."""
        from mlflow.exceptions import MlflowException

        if self._artifacts:
            found = next(self._artifacts.glob(f"*/{mlflow_run}/{_LOCAL}"), None)
            if found is None:
                raise ModelError(
                    f"the model of MLflow run {mlflow_run}", found=f"none in {self._artifacts}", todo="train anew"
                )
            yield found
            return

        with TemporaryDirectory(prefix="brazada-model-") as folder:
            try:
                path = self._client.download_artifacts(mlflow_run, _FOLDER, folder)
            except (MlflowException, OSError) as error:
                raise ModelError(
                    f"the model of MLflow run {mlflow_run}", found=str(error).splitlines()[0], todo="train anew"
                ) from error
            yield Path(path)

    def _experiment(self, task: str) -> str:
        name = f"/Shared/brazada/{task}" if self._databricks else task
        found = self._client.get_experiment_by_name(name)
        if found:
            return str(found.experiment_id)
        place = (self._artifacts / task).as_uri() if self._artifacts else None
        return str(self._client.create_experiment(name, place))


def location(settings: Settings) -> tuple[str, Path | None]:
    """Tracking URI, and the folder where models lie unless a server decides that. Raises SettingsError without one."""
    if settings.training.mlflow_uri:
        return settings.training.mlflow_uri, None
    if not settings.warehouse.is_local:
        raise SettingsError(
            "training.mlflow_uri where the warehouse is no local folder",
            found="null",
            todo="set it to `databricks`, or to a server's URL",
        )
    folder = Path(str(settings.warehouse.path)).resolve() / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts"
