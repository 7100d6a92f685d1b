"""Jobs: one network over all series of a source, or the published recipe for each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from brazada.errors import UsageError
from brazada.prices.results import FITS
from brazada.prices.sources import slice_of, sources_in
from brazada.prices.tables import WINDOWS
from brazada.prices.tasks import PRODUCT_NETWORKS, global_task, product_task
from brazada.report import Job
from brazada.tables import literal
from brazada.training.many import Many, train_many
from brazada.training.registry import register_many
from brazada.training.task import Task
from brazada.training.train import train


def train_global(job: Job, source: str | None = None, resume: str | None = None) -> None:
    """Train a source's network on its training windows, then anew on training and validation windows together.

    The first is judged on the validation windows and finds the best number of epochs, the second, its refit, is the
    one that forecasts. Without `source` this is done for each; `resume` names a run to go on with.
    """
    for name, task in _tasks(job, source, resume, lambda name: global_task(job.settings.prices, name)):
        train(job, task, slice_of([name]), resume=resume, refit=True)


def train_products(job: Job, source: str | None, network: str, pattern: str = "%", resume: str | None = None) -> None:
    """Fit the published recipe to each series of a source whose name is LIKE `pattern`, into `prices.fits`.

    `network` is one of PRODUCT_NETWORKS. What a run has finished is not fitted again; a series that fails is
    recorded with its error, and the others go on.
    """
    if network not in PRODUCT_NETWORKS:
        raise UsageError(f"a network out of {', '.join(PRODUCT_NETWORKS)}", found=network, todo="name one of them")
    for name, task in _tasks(job, source, resume, lambda name: product_task(job.settings.prices, name, network)):
        where = f"{slice_of([name])} AND series LIKE {literal(pattern)}"
        many = train_many(job, task, ["series"], where, resume=resume)
        register_many(job, task, many)
        _record(job, name, network, many)


def _tasks(
    job: Job, source: str | None, resume: str | None, declare: Callable[[str], Task]
) -> Iterator[tuple[str, Task]]:
    """The sources to train for and their tasks; that of a named run alone."""
    asked = sources_in(job.store.read(WINDOWS.name).frame, job.settings.prices, source)
    tasks = {name: declare(name) for name in asked}
    chosen = {name: task for name, task in tasks.items() if not resume or resume.startswith(f"{task.name}-")}
    if not chosen:
        known = ", ".join(f"{task.name}-..." for task in tasks.values())
        raise UsageError(f"a run named {known}", found=str(resume), todo="name one that a stopped job has noted")
    yield from chosen.items()


def _record(job: Job, source: str, network: str, many: Many) -> None:
    rows = []
    for fit in many.fits:
        errors = fit.metrics.get("mae"), fit.baseline.get("mae"), fit.error
        made = network, many.run, fit.status, fit.seconds, fit.best_epoch
        rows.append((source, fit.group["series"], *made, *errors, many.version))
    job.store.merge(FITS, rows)
    failed = [fit for fit in many.fits if fit.status == "failed"]
    better = sum(fit.metrics["mae"] < fit.baseline["mae"] for fit in many.fits if fit.status == "done")
    done = len(many.fits) - len(failed)
    job.note(f"{many.run}: {done} series fitted, of which {better} beat Naive on validation; {len(failed)} failed")
    for fit in failed[:3]:
        job.note(f"failed: {fit.group['series']}: {fit.error}")
