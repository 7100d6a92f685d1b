"""Ingest killed at any moment and run again, or run twice at once, gives the table of one undisturbed run."""

import time

import pytest

TABLES = ("prices.observations", "ops.quarantine", "ops.ingested_files")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    """Two files of 60 days x 20 goods, one good row in sixty spoilt, overlapping in ten days."""
    paths, folder = [], tmp_path_factory.mktemp("published")
    for number, days in enumerate((range(1, 36), range(26, 61))):
        lines = ["Commodity,Date,Unit,Minimum,Maximum,Average"]
        for day in days:
            for good in range(20):
                price = 20 + good + day % 7
                average = "dear" if (day + good) % 60 == 0 else f"Rs {price + 5:.2f}"
                date = f"{1 + (day - 1) // 28}/{1 + (day - 1) % 28}/2024"
                lines.append(f"Good {good},{date},KG,Rs {price:.2f},Rs {price + 9:.2f},{average}")
        paths.append(folder / f"prices{number}.csv")
        paths[-1].write_text("\n".join(lines) + "\n")
    return [str(path) for path in paths]


def tables(content, warehouse):
    return {name: content(warehouse, name) for name in TABLES}


@pytest.fixture(scope="module")
def whole(brazada, content, published, tmp_path_factory):
    """The tables of one undisturbed run, and the seconds it took."""
    warehouse, clock = tmp_path_factory.mktemp("whole"), time.monotonic()
    brazada("prices", "ingest", *published, "--warehouse", str(warehouse))
    seconds = time.monotonic() - clock
    found = tables(content, warehouse)
    assert len(found["prices.observations"]) + len(found["ops.quarantine"]) == 60 * 20
    return found, seconds


def test_chaos_ingest_killed_and_run_again(brazada, start, kill_group, content, published, whole, chaos, tmp_path):
    kills, random = chaos
    undisturbed, seconds = whole
    for number in range(kills):
        warehouse = tmp_path / f"killed{number}"
        words = ("prices", "ingest", "--source", "kalimati", *published, "--warehouse", str(warehouse))
        moment = random.uniform(0.2, 1.0) * seconds
        process = start(*words)
        time.sleep(moment)
        kill_group(process)
        brazada(*words)
        assert tables(content, warehouse) == undisturbed, f"killed after {moment:.2f} s of {seconds:.2f} s"


def test_two_ingests_of_one_file_at_once(start, content, published, whole, tmp_path):
    words = ("prices", "ingest", "--source", "kalimati", *published, "--warehouse", str(tmp_path))
    both = [start(*words), start(*words)]
    for process in both:
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
    assert tables(content, tmp_path) == whole[0]
