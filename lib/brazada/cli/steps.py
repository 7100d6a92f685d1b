"""A command's job, and several jobs one after another in one Spark session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from brazada.errors import UsageError
from brazada.settings import Settings

if TYPE_CHECKING:
    from brazada.report import Job

Work = Callable[["Job"], Any]


def look_first(settings: Settings, look: Callable[[], object]) -> None:
    """Look at input files before Spark is started; not on a cluster, where paths may be those of another filesystem."""
    if settings.env == "local":
        look()


def start(name: str, settings: Settings, verbose: bool, work: Work, shown: tuple[str, ...]) -> None:
    """Run a job, and show these sections of its settings first."""
    from brazada.report import job

    with job(name, settings, shown, verbose) as running:
        work(running)


def start_all(
    group: str, work: Mapping[str, Sequence[Work]], settings: Settings, verbose: bool, shown: tuple[str, ...]
) -> None:
    """Run the jobs of a group, by step, in turn; the settings are shown once."""
    for step, parts in work.items():
        for part in parts:
            start(f"{group} {step}", settings, verbose, part, shown)
            shown = ()


def chosen(steps: str, known: Sequence[str]) -> set[str]:
    """The steps that `--steps` names, by commas. Raises UsageError for one that is none of the known."""
    wanted = {step.strip() for step in steps.split(",")}
    if unknown := wanted - set(known):
        raise UsageError(f"steps out of {', '.join(known)}", found=", ".join(sorted(unknown)), todo="correct --steps")
    return wanted
