"""What README and docs ask in SQL fits the tables and views; the tutorial's first steps give what it says."""

import re
import shlex
from pathlib import Path

import pytest
import reference
from shown import commands

ROOT = Path(__file__).resolve().parents[2]
ASKED = [words[2] for words, block in commands() if words[:2] == ["brazada", "sql"] and block and len(words) > 2]
QUERIES = sorted({query for query in ASKED if not query.startswith("-")})


def test_every_query_of_the_documents_fits_tables_and_views(spark):
    reference.declare(spark)
    assert len(QUERIES) > 10
    for query in QUERIES:
        spark.sql(re.sub(r"VERSION AS OF \d+", "", query))  # Spark checks its names and does not run it


@pytest.fixture
def tutorial(brazada, monkeypatch):
    """Run the commands of a tutorial that have one of these words first; what each printed, by the command."""
    monkeypatch.chdir(ROOT)

    def run(name, *chosen):
        text = (ROOT / "docs/tutorials" / name).read_text(encoding="utf-8")
        lines = re.findall(r"^\$ brazada (.*)$", text, re.MULTILINE)
        words = [shlex.split(line, comments=True) for line in lines]
        return {" ".join(some): brazada(*some) for some in words if " ".join(some).startswith(chosen)}

    return run


def test_the_tutorial_of_prices_begins_as_it_says(tutorial):
    said = tutorial("prices.md", "prices ingest", "sql SELECT file")
    text = (ROOT / "docs/tutorials/prices.md").read_text(encoding="utf-8")
    (counts,) = re.findall(r"`(rows in [^`]*)`", text)
    assert counts in said["prices ingest tests/sample/prices"]
    refused = next(said[words] for words in said if words.startswith("sql"))
    assert f"{counts.rpartition(' ')[2]} rows" in refused
