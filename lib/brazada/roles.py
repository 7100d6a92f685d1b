"""Which packages a job needs, looked for before it starts: one that is missing must not be found after hours of work.

A role is an extra of the wheel, and what `conf/deploy/pack_env.py` packs: `swim` and `train` are what the driver and
every worker need for the jobs of that name, `driver` what the driver needs beside them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.util import find_spec
from typing import TYPE_CHECKING

from brazada.errors import PackageError
from brazada.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ARROW = ("numpy", "pandas", "pyarrow")
# By role the modules that are imported; a test holds them against the imports of the package.
MODULES: dict[str, tuple[str, ...]] = {
    "swim": (*_ARROW, "sklearn", "threadpoolctl"),
    "train": (
        *_ARROW,
        *(
            "PIL",
            "fsspec",
            "horovod",
            "keras",
            "lightgbm",
            "numba",
            "petastorm",
            "pkg_resources",
            "psutil",
            "s3fs",
            "scipy",
        ),
        *("sklearn", "sktime", "statsforecast", "tensorflow", "utilsforecast"),
    ),
    "driver": (*_ARROW, "PIL", "fsspec", "matplotlib", "mlflow", "s3fs"),
}
# By the first words of a job's name; the longest that fits holds.
_ROLES = {
    "images": ("train",),
    "prices": ("train", "driver"),
    "prices ingest": (),
    "prices series": (),
    "prices windows": (),
    "sensors": ("train",),
    "swim": ("swim",),
    **dict.fromkeys(("evaluate", "predict", "train"), ("train", "driver")),
}


def roles(job: str) -> tuple[str, ...]:
    """The roles of a job, by its name as `ops.job_runs` has it."""
    fitting = [words for words in _ROLES if f"{job} ".startswith(f"{words} ")]
    return _ROLES[max(fitting, key=len)] if fitting else ()


def check_driver(jobs: Iterable[str], settings: Settings) -> None:
    """Raise PackageError for a package that one of these jobs needs and this process cannot import."""
    for role, modules in _needed(jobs, settings).items():
        _refuse(role, [name for name in modules if find_spec(name) is None], "this machine's Python")


def check_workers(jobs: Iterable[str], settings: Settings, spark: SparkSession) -> None:
    """The same on the workers: some may run another Python than the driver, and each role but `driver` is theirs."""
    context = spark.sparkContext
    if re.match(r"local(\[|$)", str(context.master)):  # they run the driver's own
        return
    wanted = {role: modules for role, modules in _needed(jobs, settings).items() if role != "driver"}
    if not wanted:
        return
    names = sorted({"brazada", *(name for modules in wanted.values() for name in modules)})

    def missing(_: Iterable[int]) -> Iterable[str]:  # of a function in a function the code goes to the workers
        from importlib.util import find_spec

        return [name for name in names if find_spec(name) is None]

    tasks = max(1, context.defaultParallelism)
    found = set(context.parallelize(range(tasks), tasks).mapPartitions(missing).collect())
    for role, modules in wanted.items():
        _refuse(role, sorted(found.intersection({"brazada", *modules})), "the workers' Python")


def _needed(jobs: Iterable[str], settings: Settings) -> dict[str, tuple[str, ...]]:
    """By role the modules that these settings need."""
    training = settings.training
    places = f"{settings.warehouse.path} {training.runs_path}"
    unused = {
        "horovod": training.launch != "horovod",
        "petastorm": training.feed != "petastorm",
        "s3fs": "s3://" not in places and "s3a://" not in places,
    }
    chosen = dict.fromkeys(role for job in jobs for role in roles(job))
    return {role: tuple(name for name in MODULES[role] if not unused.get(name)) for role in chosen}


def _refuse(role: str, missing: list[str], where: str) -> None:
    if missing:
        raise PackageError(
            f"the packages of the role {role}",
            found=f"no {', '.join(missing)} in {where}",
            todo=f"install brazada[{role}] there, or pack the environment with --roles {role}",
        )
