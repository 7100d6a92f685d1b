"""Swim ingest killed at any moment and run again, or run for two days at once, gives what one undisturbed run gives."""

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
def whole(undisturbed, tables, log):
    """The tables of one undisturbed run, and the seconds it took."""
    warehouse, seconds = undisturbed("swim", "ingest", *log)
    found = tables(warehouse)
    assert found["ops.quarantine"]
    return found, seconds


def test_chaos_swim_ingest_killed_and_run_again(killed, tables, log, whole):
    found, seconds = whole
    for warehouse, moment in killed("swim", "ingest", *log, seconds=seconds):
        assert tables(warehouse) == found, moment


def test_two_days_ingested_at_once(at_once, tables, log, whole):
    assert tables(at_once(*[("swim", "ingest", day) for day in log])) == whole[0]
