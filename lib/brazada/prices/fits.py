"""Forecasts of the networks that were fitted to one series each: one step at a time, each fed with the one before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from pyspark.sql import functions as F

from brazada.prices.features import Doubles, unscale_prices
from brazada.prices.origins import ForecastRequest
from brazada.prices.settings import Prices
from brazada.prices.tasks import LOCAL_NETWORKS, local_task
from brazada.report import Job
from brazada.training.registry.runs import group_models, known_runs
from brazada.training.task import Task

_AND = ", "  # between the runs of one network


def local_forecasts(
    job: Job, request: ForecastRequest, judged: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Doubles, str]]:
    """For each network fitted to series: its name, prices (n, H) with NaN for series without a fit, its runs.

    The runs are those on this version of the windows, or those that `judged` names by network.
    """
    for network in sorted(LOCAL_NETWORKS):
        task = local_task(job.settings.of(Prices), request.source, network)
        prices = np.full(np.shape(request.at.batch["target"]), np.nan)
        runs = _runs(job, task, request.windows.version, None if judged is None else judged.get(network, ""))
        for run in runs:
            for group, model in group_models(job, task, run):
                rows = np.flatnonzero(request.at.keys["series"] == group["series"])
                batch = {name: values[rows] for name, values in request.at.batch.items()}
                prices[rows] = unscale_prices(rolled(model.keras(), batch), batch)
        if runs:
            yield network, prices, _AND.join(sorted(runs))


def _runs(job: Job, task: Task, version: int, judged: str | None) -> list[str]:
    """The runs of a task and network, the newest last: its fits are those that count."""
    those = F.col("version") == version if judged is None else F.col("run").isin(judged.split(_AND))
    alike = (F.col("task") == task.name) & (F.col("network") == task.network) & those
    return [row["run"] for row in known_runs(job.store).where(alike).orderBy("finished_at").collect()]


def rolled(model: Any, batch: Any) -> Doubles:
    """Min-max scaled prices (n, H) of a one-step network rolled forward over its own forecasts."""
    window = np.asarray(batch["window"], np.float32)
    window = window.reshape(len(window), -1, 5)
    ahead = np.asarray(batch["target_calendar"], np.float32).reshape(len(window), -1, 4)
    steps = []
    for step in range(ahead.shape[1]):
        forecast = np.asarray(model(window, training=False))
        steps.append(forecast)
        following = np.concatenate([forecast, ahead[:, step]], axis=1)[:, None]
        window = np.concatenate([window[:, 1:], following], axis=1)
    return np.asarray(np.concatenate(steps, axis=1), dtype=np.float64)
