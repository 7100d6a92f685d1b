"""Set up `.venv` at the project's root: locked packages, Horovod with its stall fix, Delta's JARs, brazada itself.

Packages are compiled and Java's classes archived, once for all processes to come.

    python3.11 conf/setup/setup_env.py

Needs g++, cmake, make and git once, to build Horovod; the wheel and the JARs are then kept in a user cache
(`$XDG_CACHE_HOME/brazada`, else `~/.cache/brazada`), so that a second set-up takes under a minute. Standard library
only.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
BRAZADA = VENV / "bin" / "brazada"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "brazada"
LOCK = ROOT / "requirements.lock"
PATCH = Path(__file__).with_name("horovod-stall.patch")
UV = "uv==0.9.30"
HOROVOD = "0.28.1"
HOROVOD_FLAGS = {
    "HOROVOD_WITH_TENSORFLOW": "1",
    "HOROVOD_WITH_GLOO": "1",
    "HOROVOD_WITHOUT_MPI": "1",
    "HOROVOD_WITHOUT_PYTORCH": "1",
    "HOROVOD_WITHOUT_MXNET": "1",
    "HOROVOD_LOCAL_VERSION": "stallfix",  # `brazada doctor` looks for this mark
    "MAKEFLAGS": "-j2",
}
# On a machine with CUDA and NCCL, for a cluster with NVIDIA GPUs; not tested, for want of one.
HOROVOD_GPU_FLAGS = {**HOROVOD_FLAGS, "HOROVOD_GPU_OPERATIONS": "NCCL"}
MAVEN = "https://repo1.maven.org/maven2"
JARS = {  # antlr4-runtime is in pyspark already
    "io/delta/delta-spark_2.12/3.3.3/delta-spark_2.12-3.3.3.jar": "8083a378e42f6d04c5a78cb6e8566f59f4e9ed1c",
    "io/delta/delta-storage/3.3.3/delta-storage-3.3.3.jar": "a5bf8cebb3a669f83b14a8f4a707545ed861303d",
}


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> None:
    """Run a command; end the set-up with its name when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=cwd, env={**os.environ, **(env or {})}, check=False)
    if done.returncode:
        sys.exit(f"set-up failed (exit {done.returncode}) at: {' '.join(map(str, command))}")


def check_tools() -> None:
    """Fail in a second, in plain words, when a prerequisite of the README is missing."""
    if sys.version_info[:2] != (3, 11):
        sys.exit(f"expected Python 3.11 (Petastorm and TensorFlow 2.15 need it), found {sys.version.split()[0]}")
    missing = [tool for tool in ("java", "g++", "cmake", "make", "git") if shutil.which(tool) is None]
    if missing:
        sys.exit(f"expected the prerequisites of README.md, found no {', '.join(missing)}: install them and run again")


def uv_install(*arguments: str | Path) -> None:
    """`uv pip install` into the project's environment."""
    run(VENV / "bin" / "uv", "pip", "install", "--quiet", "--python", PYTHON, *arguments)


def horovod_wheel(gpu: bool = False) -> Path:
    """The Horovod wheel from the cache, built first when this version, patch and TensorFlow were not built before."""
    flags = HOROVOD_GPU_FLAGS if gpu else HOROVOD_FLAGS
    tensorflow = next(line for line in LOCK.read_text().splitlines() if line.startswith("tensorflow-cpu=="))
    mark = "\n".join([HOROVOD, tensorflow, *map("=".join, sorted(flags.items()))]).encode()
    key = hashlib.sha256(mark + PATCH.read_bytes()).hexdigest()[:12]
    folder = CACHE / "wheels" / f"horovod-{HOROVOD}-{key}"
    if wheels := list(folder.glob("*.whl")):
        return wheels[0]
    print("building Horovod with the stall fix (two minutes, once on this machine)", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        work = Path(scratch)
        pip = (PYTHON, "-m", "pip", "--quiet", "--disable-pip-version-check")
        source_only = ("--no-deps", "--no-binary", ":all:", "--no-build-isolation")
        run(*pip, "download", *source_only, "-d", work, f"horovod=={HOROVOD}")
        # Not shutil: Debian's Python 3.11.2 knows no extraction filter.
        run("tar", "-xzf", next(work.glob("horovod-*.tar.gz")), "-C", work)
        source = work / f"horovod-{HOROVOD}"
        run("git", "apply", "--unidiff-zero", PATCH, cwd=source, env={"GIT_CEILING_DIRECTORIES": str(work)})
        run(*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", work / "dist", source, env=flags)
        try:
            (work / "dist").rename(folder)  # whole or not at all; another set-up may have been first
        except OSError:
            if not folder.is_dir():
                raise
    return next(folder.glob("*.whl"))


def fetch_jar(path: str, sha1: str) -> Path:
    """A JAR of Maven Central in the cache, fetched first if it is not there as it should be."""
    jar = CACHE / "jars" / Path(path).name
    if not (jar.is_file() and hashlib.sha1(jar.read_bytes()).hexdigest() == sha1):
        jar.parent.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(f"{MAVEN}/{path}", timeout=180) as reply:
            content = reply.read()
        if hashlib.sha1(content).hexdigest() != sha1:
            sys.exit(f"{MAVEN}/{path}: expected SHA-1 {sha1}, found another; run again, or check the proxy")
        part = jar.with_suffix(f".{os.getpid()}")
        part.write_bytes(content)
        part.replace(jar)
    return jar


def install_jars() -> None:
    """Put Delta's JARs into pyspark's own `jars`: sessions, spark-submit and the Thrift server then work offline."""
    target = next((VENV / "lib").glob("python3.*/site-packages/pyspark/jars"))
    for path, sha1 in JARS.items():
        jar = fetch_jar(path, sha1)
        if not (target / jar.name).is_file():
            shutil.copyfile(jar, target / jar.name)


def archive_classes() -> None:
    """Have Java keep the classes that a job loads (class data sharing): each later start takes 3 s less.

    `brazada.session` names the archive to Java, which ignores one of another version or of other JARs.
    """
    with tempfile.TemporaryDirectory(dir=VENV) as scratch:
        made = Path(scratch) / "spark.jsa"
        options = f"-XX:TieredStopAtLevel=1 -Xlog:disable '-XX:ArchiveClassesAtExit={made}'"
        command = [BRAZADA, "prices", "ingest", ROOT / "tests" / "sample" / "prices", "--warehouse", scratch]
        command += ["--set", f"spark.config.spark.driver.extraJavaOptions={options}"]
        # Through a pipe: Java, which writes the archive when Python has ended, holds it open until then.
        done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
        if done.returncode or not made.is_file():
            sys.exit(f"set-up failed at the first job (exit {done.returncode}):\n{done.stderr[-2000:]}")
        made.replace(VENV / "spark.jsa")


def install_browser() -> None:
    """Chromium for the tests of pages, where Debian's packages can be installed; without it those are skipped."""
    if shutil.which("chromium") or os.geteuid() != 0 or not shutil.which("apt-get"):
        return
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for words in (("update", "-qq"), ("install", "-qq", "-y", "--no-install-recommends", "chromium")):
        done = subprocess.run(["apt-get", *words], env=environment, stdout=subprocess.DEVNULL, check=False)
        if done.returncode:
            print("no Chromium could be installed: the tests of pages in a browser are skipped")
            return


def main() -> None:
    """All of it, each step skipped when it is done already."""
    check_tools()
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    if not (VENV / "bin" / "uv").exists():
        run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", UV)
    uv_install("--no-deps", "-r", LOCK)  # it names them all; to resolve them again would take as long as all else
    uv_install("--no-deps", horovod_wheel())
    # Compiled once for all processes to come, where Python is told not to keep what it compiles as well.
    uv_install("--no-deps", "--no-build-isolation", "--compile-bytecode", "-e", ROOT)
    run(PYTHON, "-m", "compileall", "-q", ROOT / "lib")
    install_jars()
    archive_classes()
    install_browser()
    (VENV / ".ready").touch()


if __name__ == "__main__":
    main()
