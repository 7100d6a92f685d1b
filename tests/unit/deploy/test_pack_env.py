import subprocess
import sys
import venv
from pathlib import Path

import pack_env
import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    folder = tmp_path_factory.mktemp("packed") / "environment"
    pack_env.copy_python(folder)
    return folder


def test_the_copied_python_stands_alone_wherever_it_is(python, tmp_path):
    (python / "lib" / pack_env.NAME / "site-packages").mkdir(exist_ok=True)
    pack_env.check(python)
    moved = tmp_path / "elsewhere"
    python.rename(moved)
    words = "import ctypes, sqlite3, ssl, sys; print(sys.prefix, sys.base_prefix)"
    said = subprocess.run(
        [moved / "bin/python", "-c", words], capture_output=True, text=True, check=True, env={}
    ).stdout
    moved.rename(python)
    assert said.split() == [str(moved), str(moved)]


def test_a_virtual_environment_needs_the_machine_that_made_it(tmp_path):
    venv.create(tmp_path / "environment", symlinks=True)
    with pytest.raises(SystemExit, match="expected an environment that stands alone; found a link to"):
        pack_env.check(tmp_path / "environment")


def test_a_library_outside_is_refused(python):
    if "libpython" not in pack_env.run("ldd", python / "bin/python"):
        pytest.skip("this Python has no library of its own")
    library = next((python / "lib").glob("libpython*"))
    away = library.rename(library.with_suffix(".away"))
    try:
        with pytest.raises(SystemExit, match="expected a Python that finds its own library"):
            pack_env.check(python)
    finally:
        away.rename(library)


def test_a_role_is_packed_with_all_that_it_needs_and_no_spark():
    wheel = next((ROOT / "dist").glob("*.whl"), None)
    if wheel is None:
        pytest.skip("no wheel: `make wheel` builds it")
    names = {line.split("==")[0] for line in pack_env.packages(wheel, ("swim",))}
    assert {"pandas", "scikit-learn", "delta-spark", "click"} <= names
    assert not names & {"pyspark", "mlflow", "tensorflow-cpu"}


def test_an_unknown_role_is_refused(tmp_path):
    words = [sys.executable, ROOT / "conf/deploy/pack_env.py", tmp_path / "out.tar.gz", "--roles", "swin"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "expected roles out of swim, train, driver; found swin" in done.stderr
