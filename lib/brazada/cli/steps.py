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


def start(
    name: str,
    settings: Settings,
    verbose: bool,
    work: Work,
    shown: tuple[str, ...],
    jobs: Sequence[str] | None = None,
) -> Any:
    """Run a job, and show these sections of its settings first. Returns what the work returns.

    Raises PackageError where packages are missing that it needs, or any of `jobs`, the ones to come (default: itself).
    """
    from brazada import roles
    from brazada.report import job

    needing = [name] if jobs is None else jobs
    roles.check_driver(needing, settings)
    with job(name, settings, shown, verbose) as running:
        roles.check_workers(needing, settings, running.spark)
        return work(running)


def start_all(
    group: str, work: Mapping[str, Sequence[Work]], settings: Settings, verbose: bool, shown: tuple[str, ...]
) -> None:
    """Run the jobs of a group, by step, in turn; the settings are shown, and the packages of all looked for, once."""
    jobs = [f"{group} {step}" for step in work]
    for step, parts in work.items():
        for part in parts:
            start(f"{group} {step}", settings, verbose, part, shown, jobs)
            shown, jobs = (), []


def chosen(steps: str, known: Sequence[str]) -> set[str]:
    """The steps that `--steps` names, by commas. Raises UsageError for one that is none of the known."""
    wanted = {step.strip() for step in steps.split(",")}
    if unknown := wanted - set(known):
        raise UsageError(f"steps out of {', '.join(known)}", found=", ".join(sorted(unknown)), todo="correct --steps")
    return wanted
