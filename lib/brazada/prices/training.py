"""Job: the global network of each source, trained by the general path."""

from __future__ import annotations

from brazada.prices.settings import Prices
from brazada.prices.sources import sources_in
from brazada.prices.tables import WINDOWS
from brazada.prices.tasks import global_task
from brazada.report import Job
from brazada.training.train import train


def train_global(job: Job, source: str | None = None) -> None:
    """Train the global task of a source, or of each source that has windows."""
    settings = job.settings.of(Prices)
    for name in sources_in(job.store.read(WINDOWS.name).frame, settings, source):
        train(job, global_task(settings, name))
