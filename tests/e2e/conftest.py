"""Whole jobs as processes of their own: started as a user would, killed as a machine would."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests/sample/prices/precio_consumidor_2024.csv.gz"
QUICK = (
    "--set=prices.sources.odepa.epochs=1",
    "--set=prices.networks.global_model={members: 1, units: 4, dense: 4}",
    "--set=prices.trees.rounds=5",
    "--set=prices.judging.refit_every=100",
    "--set=prices.judging.bootstrap=20",
    "--set=training.start_timeout_s=120",
)  # one epoch, few trees: what learns little learns fast
CHAOS_ASKED = "BRAZADA_CHAOS_RUNS" in os.environ  # else a few kills of the ingests, and one of one other job
CHAOS_RUNS = int(os.environ.get("BRAZADA_CHAOS_RUNS", "3"))
CHAOS_SEED = int(os.environ.get("BRAZADA_CHAOS_SEED", random.SystemRandom().randrange(10**6)))
SHORT = "-XX:TieredStopAtLevel=1"  # to Java: compile fast, not well
SMALL = (
    "--set=spark.config.spark.driver.memory=2g",
    "--set=spark.config.spark.sql.shuffle.partitions=2",
    f"--set=spark.config.spark.driver.extraJavaOptions={SHORT}",
)


def pytest_terminal_summary(terminalreporter):
    terminalreporter.write_line(f"chaos: {CHAOS_RUNS} kills, seed {CHAOS_SEED} (BRAZADA_CHAOS_SEED repeats it)")


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., subprocess.Popen]]:
    """Start `brazada` with these words in a process group of its own; what still runs at the end is killed."""
    started, place = [], tmp_path_factory.mktemp("started")

    def begin(*words: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "brazada", *words, *SMALL],
            cwd=place,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        if process.poll() is None:
            kill(process)


@pytest.fixture(scope="module")
def brazada(start) -> Callable[..., subprocess.CompletedProcess]:
    """Run `brazada` with these words to its end; fails unless it exits with `code`."""

    def run(*words: str, code: int = 0) -> subprocess.CompletedProcess:
        process = start(*words)
        out, err = process.communicate(timeout=500)
        assert process.returncode == code, f"brazada {' '.join(words)} exited {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(words, process.returncode, out, err)

    return run


@pytest.fixture(scope="module")
def undisturbed(brazada, tmp_path_factory) -> Callable[..., tuple[Path, float]]:
    """The warehouse of `brazada` with these words, and the seconds it took."""

    def run(*words: str) -> tuple[Path, float]:
        warehouse, clock = tmp_path_factory.mktemp("whole"), time.monotonic()
        brazada(*words, "--warehouse", str(warehouse))
        return warehouse, time.monotonic() - clock

    return run


@pytest.fixture
def killed(brazada, start, tmp_path) -> Callable[..., Iterator[tuple[Path, str]]]:
    """Warehouses of `brazada` with these words, killed at some moment of so many seconds and run again; and when.

    Each is new, or begins as a copy of the warehouse `base`.
    """

    def run(
        *words: str, seconds: float, base: Path | None = None, runs: int = CHAOS_RUNS
    ) -> Iterator[tuple[Path, str]]:
        chance = random.Random(CHAOS_SEED)
        for number in range(runs):
            warehouse = tmp_path / f"killed{number}"
            if base:
                shutil.copytree(base, warehouse)
            whole = (*words, "--warehouse", str(warehouse))
            moment = chance.uniform(0.2, 1.0) * seconds
            process = start(*whole)
            time.sleep(moment)
            kill(process)
            brazada(*whole)
            yield warehouse, f"killed after {moment:.2f} s of {seconds:.2f} s"
            shutil.rmtree(warehouse)

    return run


@pytest.fixture
def at_once(start, tmp_path) -> Callable[..., Path]:
    """The warehouse of `brazada` with several lists of words at once, all of which must end well."""

    def run(*commands: tuple[str, ...]) -> Path:
        for process in [start(*words, "--warehouse", str(tmp_path)) for words in commands]:
            _, err = process.communicate(timeout=300)
            assert process.returncode == 0, err
        return tmp_path

    return run


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@pytest.fixture
def kill_group() -> Callable[[subprocess.Popen], None]:
    return kill


@pytest.fixture(scope="session")
def content() -> Callable[[Path, str], list[tuple]]:
    """The rows of a table, sorted, but for `but` and the run; read by another engine than the one that wrote."""

    def read(warehouse: Path, table: str, but: tuple[str, ...] = ()) -> list[tuple]:
        files = DeltaTable(str(warehouse / table.replace(".", "/"))).file_uris()
        frame = duckdb.read_parquet(files, hive_partitioning=True).df()
        frame = frame[sorted(set(frame.columns) - {"run_id", *but})]
        return sorted((tuple(map(said, row)) for row in frame.itertuples(index=False)), key=repr)

    def said(value: object) -> str:
        # Sums of parts in another order differ in the last digits.
        return f"{value:.9g}" if isinstance(value, float) else str(value)

    return read
