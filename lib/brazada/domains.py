"""The list of domains. Nothing else lists them: settings, commands, tables, views and tasks are found through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from brazada.images.settings import Images
from brazada.prices.settings import Prices
from brazada.section import Section
from brazada.sensors.settings import Sensors
from brazada.swim.settings import Swim

if TYPE_CHECKING:
    import click

    from brazada.pages import Page, Reader
    from brazada.tables import Table, View
    from brazada.training.task import Task


@dataclass(frozen=True)
class Domain:
    """One field of work: its name, also that of its section of the settings and of its tables' schema, and its parts.

    Parts are named `module:attribute` and imported when they are asked for: `commands` is a click group, `views` a
    tuple of `View`, `tasks` a function of the domain's section that returns its tasks, `report` a function of a
    `Reader` that returns the domain's page. `ingests` maps the commands that take in files to functions of a job that
    take `paths` and `again`; `tables` names the modules that declare its tables.
    """

    name: str
    settings: type[Section]
    commands: str
    views: str | None = None
    tasks: str | None = None
    report: str | None = None
    ingests: Mapping[str, str] = field(default_factory=dict)
    tables: tuple[str, ...] = ()


DOMAINS: tuple[Domain, ...] = (
    Domain(
        "images",
        Images,
        "brazada.cli.images:images",
        "brazada.images.views:VIEWS",
        "brazada.images.tasks:tasks",
        "brazada.images.page:page",
        {
            "ingest-fashion": "brazada.images.fashion.ingest:ingest",
            "ingest-car-damage": "brazada.images.car_damage.ingest:ingest",
        },
        ("brazada.images.fashion.tables", "brazada.images.car_damage.tables"),
    ),
    Domain(
        "prices",
        Prices,
        "brazada.cli.prices:prices",
        "brazada.prices.views:VIEWS",
        "brazada.prices.tasks:tasks",
        "brazada.prices.page:page",
        {"ingest": "brazada.prices.ingest:ingest"},
        ("brazada.prices.tables", "brazada.prices.results"),
    ),
    Domain(
        "sensors",
        Sensors,
        "brazada.cli.sensors:sensors",
        "brazada.sensors.views:VIEWS",
        "brazada.sensors.tasks:tasks",
        "brazada.sensors.page:page",
        {
            "ingest-strokes": "brazada.sensors.strokes.ingest:ingest",
            "ingest-surfaces": "brazada.sensors.surfaces.ingest:ingest",
        },
        ("brazada.sensors.tables",),
    ),
    Domain(
        "swim",
        Swim,
        "brazada.cli.swim:swim",
        "brazada.swim.views:VIEWS",
        report="brazada.swim.page:page",
        ingests={"ingest": "brazada.swim.ingest:ingest"},
        tables=("brazada.swim.tables",),
    ),
)


def commands(name: str) -> click.Command | None:
    """The commands of the domain of a name, where there is one."""
    return next((_part(domain.commands) for domain in DOMAINS if domain.name == name), None)


def tables() -> list[Table]:
    """The tables of every domain and those of all jobs and trainings, by name."""
    from brazada.tables import Table

    named = ("brazada.tables.ops", "brazada.training.tables", *(name for domain in DOMAINS for name in domain.tables))
    found = {
        table.name: table for name in named for table in vars(import_module(name)).values() if isinstance(table, Table)
    }
    return [found[name] for name in sorted(found)]


def views() -> tuple[View, ...]:
    """The views of every domain, those of all trainings first."""
    named = ("brazada.training.views:VIEWS", *(domain.views for domain in DOMAINS if domain.views))
    return tuple(view for name in named for view in _part(name))


def tasks(section: Callable[[type[Section]], Section]) -> list[Task]:
    """The learning problems of every domain; `section` gives the settings of one by their class."""
    return [task for domain in DOMAINS if domain.tasks for task in _part(domain.tasks)(section(domain.settings))]


def ingests() -> dict[str, tuple[str, Callable[..., None]]]:
    """What takes in files, by the name of the job: its domain, and a function of a job, `paths` and `again`."""
    return {
        f"{domain.name} {command}": (domain.name, _part(name))
        for domain in DOMAINS
        for command, name in domain.ingests.items()
    }


def reports() -> tuple[str, ...]:
    """The names of the pages: those of the domains that have one, then those of all jobs."""
    return (*(domain.name for domain in DOMAINS if domain.report), "training", "operations")


def report(name: str) -> Callable[[Reader], Page]:
    """The function that makes the page of a name, one of `reports`."""
    own = {domain.name: domain.report for domain in DOMAINS if domain.report}
    made: Callable[[Reader], Page] = _part(own.get(name) or f"brazada.pages.{name}:page")
    return made


def _part(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
