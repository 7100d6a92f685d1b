"""What each model forecasts at the origins of a source, in scaled changes; none has learned from what lies ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from pyspark.sql import Window
from pyspark.sql import functions as F

from brazada.prices.baselines import TREES, Statistical, Trees, statistical_forecasts, train_trees, tree_forecasts
from brazada.prices.calendars import LIVE, TEST, TRAIN, VALIDATE
from brazada.prices.features import MEDIAN, Doubles
from brazada.prices.fits import local_forecasts
from brazada.prices.origins import ForecastRequest, Origins, origins
from brazada.prices.settings import Prices
from brazada.prices.tables import SERIES
from brazada.prices.tasks import GLOBAL, QUANTILE_NAMES, global_task
from brazada.report import Job
from brazada.session import bounded_batches
from brazada.training.predict import predictions
from brazada.training.registry.model import Model
from brazada.training.registry.runs import load, newest_pair
from brazada.training.tables import PREDICTIONS

COMBINATION = "combination"
_KEY = ["series", "origin"]
_FORECASTS = "series string, origin date, horizon int, model string, forecast double"


@dataclass(frozen=True)
class Candidate:
    """A model's forecasts at n origins: points (n, H), NaN where it has none; quantiles (n, H, 5) if it makes any.

    `run` trained it, if a run did; `network` is the global one that forecast the latest origins.
    """

    points: Doubles
    quantiles: Doubles | None = None
    run: str | None = None
    network: Model | None = None


def model_forecasts(
    job: Job, request: ForecastRequest, wanted: Iterable[str] | None = None, runs: Mapping[str, str] | None = None
) -> dict[str, Candidate]:
    """Every model's forecasts, or those of the models named, by model.

    At validation origins LightGBM and the global network know the training part alone, at later ones validation too.
    Networks are those that were trained on this version of the windows or, of models that `runs` names, by these runs,
    on whatever version; that is for origins after all that they have learned from. Raises `ModelError` where the
    windows are no longer as those that a run learned from.
    """
    names = None if wanted is None else set(wanted)
    found: dict[str, Candidate] = {}

    def want(*models: str) -> bool:
        return names is None or not names.isdisjoint(models)

    if want(TREES, COMBINATION):
        found[TREES] = _trees(job, request)
    if want(GLOBAL, COMBINATION) and (network := _network(job, request, (runs or {}).get(GLOBAL))):
        found[GLOBAL] = network
    if want(COMBINATION) and GLOBAL in found:
        found[COMBINATION] = _combined(found[TREES], found[GLOBAL])
    if names is None or names - {TREES, GLOBAL, COMBINATION}:
        found |= _statistical(job, request)
        found |= {
            name: Candidate(request.at.scaled(prices), run=run)
            for name, prices, run in local_forecasts(job, request, runs)
        }
    return found if names is None else {name: model for name, model in found.items() if name in names}


def _statistical(job: Job, request: ForecastRequest) -> dict[str, Candidate]:
    source = job.settings.of(Prices).sources[request.source]
    first = int(request.at.keys["step"].min())
    season = source.season if first + 1 >= source.season else 1
    if season != source.season:
        job.note(f"{request.source}: no seasonal naive, the history of its first origin is shorter than a season")
    plan = Statistical(source.horizon, first, season, job.settings.of(Prices).judging.refit_every)
    whole = Window.partitionBy("series").orderBy("step").rowsBetween(Window.unboundedPreceding, Window.currentRow)
    # A gap that was too long for a window is no obstacle here: these models start from the last price known.
    filled = job.store.read(SERIES.name).frame.select(
        *["series", "source", "step", "date"], F.last("price", ignorenulls=True).over(whole).alias("price")
    )
    groups = F.pmod(F.xxhash64("series"), F.lit(job.spark.sparkContext.defaultParallelism))
    chosen = filled.where((F.col("source") == request.source) & F.col("price").isNotNull())
    named = request.at.keys[["series"]].drop_duplicates()
    chosen = chosen.join(F.broadcast(job.spark.createDataFrame(named)), on="series", how="left_semi")

    def forecast(prices: pd.DataFrame) -> pd.DataFrame:
        return statistical_forecasts(prices, plan)

    table = chosen.groupBy(groups.alias("part")).applyInPandas(forecast, _FORECASTS).toPandas()
    keys = pd.MultiIndex.from_frame(request.at.keys[_KEY])
    found = {}
    for name, rows in table.groupby("model"):
        prices = rows.pivot_table(index=_KEY, columns="horizon", values="forecast").reindex(keys)
        found[str(name)] = Candidate(request.at.scaled(prices.to_numpy(dtype=np.float64)))
    return found


def _trees(job: Job, request: ForecastRequest) -> Candidate:
    plan = Trees(**job.settings.of(Prices).trees.model_dump(), seed=job.settings.training.seed)
    quantiles = _staged(
        request.at,
        lambda splits, batch: tree_forecasts(train_trees(origins(request.rows(*splits)).batch, plan), batch),
    )
    return Candidate(quantiles[..., MEDIAN], quantiles)


def _network(job: Job, request: ForecastRequest, judged: str | None) -> Candidate | None:
    task = global_task(job.settings.of(Prices), request.source)
    pair = (judged, judged) if judged else newest_pair(job, task, request.windows.version)
    if pair is None:
        job.note(f"{request.source}: no global network trained on {request.windows.table} v{request.windows.version}")
        return None
    chosen, final = pair
    parts = []
    splits = set(request.at.keys["split"])
    for run, wanted in ((chosen, splits & {VALIDATE}), (final, splits & {TEST, LIVE})):
        if not wanted:
            continue
        model = load(job, [task], run)
        model.check(model.task.decode(request.at.batch, model.task.spec))
        with bounded_batches(job.spark, task.rows_per_chunk):
            said = predictions(job, model, request.rows(*wanted), _KEY, [PREDICTIONS.columns["values"]])
            parts.append(said.select(*_KEY, *[F.col("values")[name].alias(name) for name in QUANTILE_NAMES]).toPandas())
    told = pd.concat(parts).set_index(_KEY).reindex(pd.MultiIndex.from_frame(request.at.keys[_KEY]))
    quantiles = np.stack([np.stack(told[name].to_list()) for name in QUANTILE_NAMES], axis=-1)
    return Candidate(quantiles[..., MEDIAN], quantiles, final, model)


def _staged(at: Origins, learn: Any) -> Doubles:
    """Forecasts of a model learned on training windows for validation origins, and on both for later ones."""
    validate = at.rows(VALIDATE)
    later = slice(validate.stop, len(at.keys))
    parts = []
    for splits, rows in (((TRAIN,), validate), ((TRAIN, VALIDATE), later)):
        if rows.stop > rows.start:
            parts.append(learn(splits, {name: values[rows] for name, values in at.batch.items()}))
    return np.concatenate(parts)


def _combined(one: Candidate, other: Candidate) -> Candidate:
    """The equal-weight mean of two models, quantile by quantile."""
    assert one.quantiles is not None and other.quantiles is not None  # noqa: S101, PT018 - both make quantiles
    quantiles = (one.quantiles + other.quantiles) / 2
    return Candidate(quantiles[..., MEDIAN], quantiles, other.run)


def quantiles_of(found: Mapping[str, Candidate]) -> dict[str, Doubles]:
    """The quantiles of the models that make any, by model."""
    return {name: model.quantiles for name, model in found.items() if model.quantiles is not None}
