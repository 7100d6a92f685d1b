"""Swim ingest killed at any moment and run again, or run for two days at once, gives what one undisturbed run gives."""

import time

import pytest

from brazada.simulate.swim import simulate

TABLES = ("swim.readings", "ops.quarantine", "ops.ingested_files")


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Two days of 10,000 lines, one in a hundred of them broken."""
    folder = tmp_path_factory.mktemp("log")
    return [str(file) for file in simulate(folder, 20_000, seed=11, days=2, faults=0.01).files]


@pytest.fixture(scope="module")
def tables(content):
    def read(warehouse):
        found = {name: content(warehouse, name) for name in TABLES}
        found["swim.readings"] = content(warehouse, "swim.readings", but=("added_in",))
        return found

    return read


@pytest.fixture(scope="module")
def whole(brazada, tables, log, tmp_path_factory):
    """The tables of one undisturbed run, and the seconds it took."""
    warehouse, clock = tmp_path_factory.mktemp("whole"), time.monotonic()
    brazada("swim", "ingest", *log, "--warehouse", str(warehouse))
    seconds = time.monotonic() - clock
    found = tables(warehouse)
    assert found["ops.quarantine"]
    return found, seconds


def test_chaos_swim_ingest_killed_and_run_again(brazada, start, kill_group, tables, log, whole, chaos, tmp_path):
    kills, random = chaos
    undisturbed, seconds = whole
    for number in range(kills):
        words = ("swim", "ingest", *log, "--warehouse", str(tmp_path / f"killed{number}"))
        moment = random.uniform(0.2, 1.0) * seconds
        process = start(*words)
        time.sleep(moment)
        kill_group(process)
        brazada(*words)
        assert tables(tmp_path / f"killed{number}") == undisturbed, f"killed after {moment:.2f} s of {seconds:.2f} s"


def test_two_days_ingested_at_once(start, tables, log, whole, tmp_path):
    both = [start("swim", "ingest", day, "--warehouse", str(tmp_path)) for day in log]
    for process in both:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert tables(tmp_path) == whole[0]
