"""Is this machine fit for the chosen environment? Plain checks, in seconds, none of which starts Spark."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from brazada.settings import Settings

# Ranges within which the stack was run together; what lies outside is known to break (see README, "Inside").
VERSIONS = {
    "pyspark": ("3.5", "4"),
    "delta-spark": ("3.2", "4"),
    "pyarrow": ("12", "15"),  # 15 and later break Petastorm
    "petastorm": ("0.12.1", "0.14"),
    "numpy": ("1.24", "2"),  # 2 breaks TensorFlow 2.15
    "keras": ("2.15", "3"),  # 3 breaks Horovod
}
SETUP = "run `make setup`, or install what requirements.lock names"


@dataclass(frozen=True)
class Check:
    """One finding. `needed` says whether the chosen environment and settings need it."""

    name: str
    passed: bool
    found: str
    todo: str
    needed: bool = True


def examine(settings: Settings) -> Iterator[Check]:
    """Yield every check for these settings, cheapest first."""
    local = settings.env == "local"
    training = settings.training
    yield _python()
    yield _java(needed=local)
    yield _delta(needed=local)
    feeds = training.feed == "petastorm"
    needed = {"pyarrow": feeds, "petastorm": feeds}
    for package, (low, below) in VERSIONS.items():
        yield _version(package, low, below, needed.get(package, True))
    yield _guarded("TensorFlow", _tensorflow)
    yield _guarded("Horovod with Gloo", _horovod, needed=training.launch == "horovod")
    yield _guarded("Horovod's stall fix", _stall_fix, needed=training.launch == "horovod")
    yield _slots(settings)
    yield _disk(settings)


def _python() -> Check:
    found = sys.version.split()[0]
    return Check("Python", sys.version_info[:2] == (3, 11), found, "use Python 3.11: Petastorm needs its distutils")


def _java(needed: bool) -> Check:
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    todo = "install OpenJDK 17 (Debian: openjdk-17-jre-headless), or point JAVA_HOME at it"
    if not java or not Path(java).exists():
        return Check("Java", False, "none", todo, needed)
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    match = re.search(r'version "(\d+)', said)
    major = int(match.group(1)) if match else 0
    return Check("Java", major in (11, 17), f"{major or said.strip()} at {java}", todo, needed)


def _delta(needed: bool) -> Check:
    try:
        folder = Path(str(importlib.import_module("pyspark").__file__)).parent / "jars"
    except ImportError:
        return Check("Spark with Delta", False, "no pyspark", SETUP, needed)
    jars = sorted(jar.name for pattern in ("delta-spark_*", "delta-storage-*") for jar in folder.glob(pattern))
    todo = "run `make setup`: it puts Delta's JARs into pyspark's folder, so that Spark runs offline"
    return Check("Spark with Delta", len(jars) >= 2, ", ".join(jars) or "no Delta JAR in pyspark", todo, needed)


def _version(package: str, low: str, below: str, needed: bool) -> Check:
    try:
        found = importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return Check(package, False, "not installed", SETUP, needed)
    fits = Version(low) <= Version(found) < Version(below)
    return Check(package, fits, found, f"install a version from {low} up to below {below}", needed)


def _guarded(name: str, probe: Callable[[], tuple[bool, str, str]], needed: bool = True) -> Check:
    """Run a probe that imports a native package: whatever that raises is a finding."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    try:
        passed, found, todo = probe()
    except Exception as error:
        return Check(name, False, f"{type(error).__name__}: {error}", SETUP, needed)
    return Check(name, passed, found, todo, needed)


def _tensorflow() -> tuple[bool, str, str]:
    version = importlib.import_module("tensorflow").__version__
    return version.startswith("2.15."), version, "install tensorflow-cpu 2.15 (GPU: tensorflow 2.15)"


def _horovod() -> tuple[bool, str, str]:
    horovod = importlib.import_module("horovod.tensorflow")
    version = importlib.metadata.version("horovod")
    return bool(horovod.gloo_built()), version, "build it with HOROVOD_WITH_GLOO=1: `make setup` does"


def _stall_fix() -> tuple[bool, str, str]:
    version = importlib.metadata.version("horovod")
    todo = "run `make setup`: without the fix a stopped rank hangs the job for ever"
    return "stallfix" in version, version, todo


def _slots(settings: Settings) -> Check:
    """Ranks run at the same time, so Spark must offer as many slots; on a cluster only the preflight can tell."""
    ranks, master = settings.training.ranks, settings.spark.master or "the cluster"
    match = re.fullmatch(r"local\[(\*|\d+)(?:,\d+)?\]", master)
    if not match:
        return Check("Slots for ranks", True, f"{ranks} ranks; {master} is asked at preflight", "", needed=False)
    slots = os.cpu_count() or 1 if match.group(1) == "*" else int(match.group(1))
    todo = f"set training.ranks={slots}, or spark.master=local[{ranks}]"
    return Check("Slots for ranks", slots >= ranks, f"{slots} slots for {ranks} ranks", todo)


def _disk(settings: Settings) -> Check:
    folder, where = settings.warehouse.nearest(), settings.warehouse.path or settings.warehouse.catalog
    if folder is None:
        return Check("Free disk", True, f"the warehouse is at {where}", "", needed=False)
    if not folder.is_dir():
        return Check("Free disk", False, f"{folder} is no folder", "name another --warehouse")
    free = shutil.disk_usage(folder).free / 2**30
    return Check("Free disk", free >= 2, f"{free:.1f} GiB at {folder}", "free 2 GiB, or name another --warehouse")
