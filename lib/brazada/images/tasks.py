"""The learning problems on pictures."""

from __future__ import annotations

from brazada.images.car_damage import tasks as car_damage
from brazada.images.fashion import tasks as fashion
from brazada.images.settings import Images
from brazada.training.task import Task


def tasks(options: Images) -> list[Task]:
    """All of them, by the settings of the domain."""
    return [*fashion.tasks(options.fashion), *car_damage.tasks(options.car_damage)]
