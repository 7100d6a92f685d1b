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


@pytest.fixture
def tables(content):
    def read(warehouse):
        found = {name: content(warehouse, name) for name in TABLES}
        found["swim.readings"] = content(warehouse, "swim.readings", but=("added_in",))
        return found

    return read


def test_chaos_swim_ingest_killed_and_run_again(brazada, start, kill_group, tables, log, chaos, tmp_path):
    kills, random = chaos
    words = ("swim", "ingest", *log)
    clock = time.monotonic()
    brazada(*words, "--warehouse", str(tmp_path / "whole"))
    seconds = time.monotonic() - clock
    whole = tables(tmp_path / "whole")
    assert whole["ops.quarantine"]
    for number in range(kills):
        warehouse = tmp_path / f"killed{number}"
        moment = random.uniform(0.2, 1.0) * seconds
        process = start(*words, "--warehouse", str(warehouse))
        time.sleep(moment)
        kill_group(process)
        brazada(*words, "--warehouse", str(warehouse))
        assert tables(warehouse) == whole, f"killed after {moment:.2f} s of {seconds:.2f} s"


def test_two_days_ingested_at_once(start, brazada, tables, log, tmp_path):
    both = [start("swim", "ingest", day, "--warehouse", str(tmp_path / "both")) for day in log]
    for process in both:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    brazada("swim", "ingest", *log, "--warehouse", str(tmp_path / "one"))
    assert tables(tmp_path / "both") == tables(tmp_path / "one")
