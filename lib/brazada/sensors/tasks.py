"""The learning problems on sensor series."""

from __future__ import annotations

from brazada.sensors.settings import Sensors
from brazada.sensors.strokes import tasks as strokes
from brazada.sensors.surfaces import tasks as surfaces
from brazada.training.task import Task


def tasks(options: Sensors) -> list[Task]:
    """All of them, by the settings of the domain."""
    return [*strokes.tasks(options.strokes), *surfaces.tasks(options.surfaces)]
