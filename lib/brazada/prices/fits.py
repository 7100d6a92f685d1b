"""Forecasts of the networks that were fitted to one series each: one step at a time, each fed with the one before."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from brazada.prices.features import Doubles, unscale_prices
from brazada.prices.results import FITS
from brazada.prices.tasks import product_task
from brazada.report import Job
from brazada.training.many import model_of

if TYPE_CHECKING:
    from brazada.prices.candidates import Question


def product_forecasts(job: Job, asked: Question) -> Iterator[tuple[str, Doubles, str]]:
    """For each network fitted on these windows: its name, prices (n, H) with NaN for series without a fit, its run."""
    if not job.store.exists(FITS.name):
        return
    done = (F.col("source") == asked.source) & (F.col("status") == "done")
    fits = job.store.read(FITS.name).frame.where(done & (F.col("data_version") == asked.windows.version)).collect()
    for network in sorted({fit["network"] for fit in fits}):
        prices = np.full(np.shape(asked.at.batch["target"]), np.nan)
        task = product_task(job.settings.prices, asked.source, network)
        runs = {fit["run"] for fit in fits if fit["network"] == network}
        for fit in (fit for fit in fits if fit["network"] == network):
            rows = np.flatnonzero(asked.at.keys["series"] == fit["series"])
            model = model_of(job, task, fit["run"], {"series": fit["series"]}).keras()
            batch = {name: values[rows] for name, values in asked.at.batch.items()}
            prices[rows] = unscale_prices(rolled(model, batch), batch)
        yield network, prices, ", ".join(sorted(runs))


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
