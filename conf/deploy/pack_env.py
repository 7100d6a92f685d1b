"""Pack the wheel and what it needs into an archive for a cluster that carries Spark and Delta's JARs.

    .venv/bin/python conf/deploy/pack_env.py OUT.tar.gz [--extras arrow,train]

Then: PYSPARK_PYTHON=./environment/bin/python spark-submit --archives OUT.tar.gz#environment jobs/prices.py ingest ...
The workers need the same Python (path included) as the machine that packs; docs/deploy.md says more.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import venv
from importlib.metadata import requires
from pathlib import Path

import venv_pack
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"


def run(*command: str | Path) -> None:
    """Run a command; end with its exit code when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit(f"packing failed (exit {done.returncode}) at: {' '.join(map(str, command))}")


def needed(package: str, extras: tuple[str, ...]) -> set[str]:
    """What a package needs, by the metadata of what is installed here: nothing has to be asked of an index."""
    found = set()
    for requirement in map(Requirement, requires(package) or []):
        if not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            name = canonicalize_name(requirement.name)
            found |= {name} | needed(name, tuple(requirement.extras))
    return found


def main() -> None:
    """Build the wheel, install it with locked versions into an empty environment, and pack that."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--extras", default="arrow", help="what the cluster does not carry (default arrow)")
    chosen = parser.parse_args()
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # else modules since removed would be packed again
    with tempfile.TemporaryDirectory() as scratch:
        wheels, environment = Path(scratch) / "wheels", Path(scratch) / "environment"
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", wheels, ROOT)
        wheel = next(wheels.glob("brazada-*.whl"))
        venv.create(environment, symlinks=True)
        uv = (Path(sys.executable).parent / "uv", "pip", "install", "-q", "--python", environment / "bin" / "python")
        # delta-spark's Python half too: its dependency pyspark is the cluster's
        wanted = {*needed("brazada", tuple(filter(None, chosen.extras.split(",")))), "delta-spark"}
        locked = [line for line in LOCK.read_text().splitlines() if canonicalize_name(line.split("==")[0]) in wanted]
        run(*uv, "--no-deps", wheel, *locked)
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        venv_pack.pack(prefix=str(environment), output=str(chosen.out), force=True)


if __name__ == "__main__":
    main()
