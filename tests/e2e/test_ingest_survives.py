"""Ingest killed at any moment and run again, or run twice at once, gives the table of one undisturbed run."""

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
def whole(undisturbed, content, published):
    """The tables of one undisturbed run, and the seconds it took."""
    warehouse, seconds = undisturbed("prices", "ingest", *published)
    found = tables(content, warehouse)
    assert len(found["prices.observations"]) + len(found["ops.quarantine"]) == 60 * 20
    return found, seconds


def test_chaos_ingest_killed_and_run_again(killed, content, published, whole):
    found, seconds = whole
    for warehouse, moment in killed("prices", "ingest", "--source", "kalimati", *published, seconds=seconds):
        assert tables(content, warehouse) == found, moment


def test_two_ingests_of_one_file_at_once(at_once, content, published, whole):
    words = ("prices", "ingest", "--source", "kalimati", *published)
    assert tables(content, at_once(words, words)) == whole[0]
