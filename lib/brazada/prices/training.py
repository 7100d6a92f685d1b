"""Jobs: one network over all series of a source, or the published recipe for each of them."""

from __future__ import annotations

from brazada.errors import UsageError
from brazada.prices.results import FITS
from brazada.prices.sources import slice_of, sources_in
from brazada.prices.tables import WINDOWS
from brazada.prices.tasks import PRODUCT_NETWORKS, global_task, product_task
from brazada.report import Job
from brazada.tables import literal
from brazada.training.many import Many, train_many
from brazada.training.registry import register_many
from brazada.training.train import train


def train_global(job: Job, source: str | None = None, resume: str | None = None) -> None:
    """Train a source's network on its training windows, then anew on training and validation windows together.

    The first is judged on the validation windows and finds the best number of epochs, the second, its refit, is the
    one that forecasts. Without `source` this is done for each; `resume` names a run to go on with.
    """
    prices = job.settings.prices
    for name in _asked(job, source):
        task, where = global_task(prices, name), slice_of([name])
        if resume and not resume.startswith(f"{task.name}-"):
            continue
        train(job, task, where, resume=resume, refit=True)


def train_products(job: Job, source: str | None, network: str, pattern: str = "%", resume: str | None = None) -> None:
    """Fit the published recipe to each series of a source whose name is LIKE `pattern`, into `prices.fits`.

    `network` is one of PRODUCT_NETWORKS. What a run has finished is not fitted again; a series that fails is
    recorded with its error, and the others go on.
    """
    if network not in PRODUCT_NETWORKS:
        raise UsageError(f"a network out of {', '.join(PRODUCT_NETWORKS)}", found=network, todo="name one of them")
    for name in _asked(job, source):
        task = product_task(job.settings.prices, name, network)
        if resume and not resume.startswith(f"{task.name}-"):
            continue
        where = f"{slice_of([name])} AND series LIKE {literal(pattern)}"
        many = train_many(job, task, ["series"], where, resume=resume)
        register_many(job, task, many)
        _record(job, name, network, many)


def _asked(job: Job, source: str | None) -> list[str]:
    return list(sources_in(job.store.read(WINDOWS.name).frame, job.settings.prices, source))


def _record(job: Job, source: str, network: str, many: Many) -> None:
    rows = []
    for fit in many.fits:
        errors = fit.metrics.get("mae"), fit.baseline.get("mae"), fit.error
        made = network, many.run, fit.status, fit.seconds, fit.best_epoch
        rows.append((source, fit.group["series"], *made, *errors, many.version))
    job.store.merge(FITS, job.spark.createDataFrame(rows, FITS.columns))
    failed = [fit for fit in many.fits if fit.status == "failed"]
    better = sum(fit.metrics["mae"] < fit.baseline["mae"] for fit in many.fits if fit.status == "done")
    job.note(f"{source} {network}: run {many.run} fitted {len(many.fits) - len(failed)} series, {len(failed)} failed")
    job.note(f"{better} of them beat Naive on validation")
    for fit in failed[:3]:
        job.note(f"failed: {fit.group['series']}: {fit.error}")
