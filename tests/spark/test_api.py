"""The Python API over a warehouse that jobs wrote; and that importing it is light."""

import subprocess
import sys
from pathlib import Path

import pytest

import brazada as package
from brazada.errors import SettingsError, TableError, UsageError

SAMPLE = Path(__file__).resolve().parents[1] / "sample" / "prices"


@pytest.fixture
def warehouse(brazada, tmp_path):
    """The sample's observations and series, opened. The session is that of the tests, so it is not closed."""
    brazada("prices", "ingest", str(SAMPLE / "precio_consumidor_2024.csv.gz"))
    return package.open(tmp_path / "warehouse")


def test_tables_views_queries_and_pages(warehouse, tmp_path):
    assert "prices.observations" in warehouse.tables()
    assert warehouse.views() == []
    assert warehouse.table("prices.observations").count() == 7223
    assert warehouse.table("prices.observations", version=0).count() == 0
    found = warehouse.sql("SELECT count(*) AS n FROM prices.observations WHERE source = :source", source="odepa")
    assert found.toPandas()["n"].tolist() == [7223]
    columns = warehouse.columns("prices.observations").set_index("column")
    assert columns.loc["source", "type"] == "string"
    assert columns["meaning"].str.len().min() > 0
    assert warehouse.history("prices.observations")["version"].tolist() == [1, 0]
    index = warehouse.report("operations", out=tmp_path / "report")
    assert "prices ingest" in (index.parent / "operations.html").read_text(encoding="utf-8")


def test_what_is_not_there_or_not_allowed_is_said(warehouse):
    with pytest.raises(TableError, match=r"prices\.observations"):
        warehouse.table("prices.series")
    with pytest.raises(TableError, match=r"ml\.runs"):
        warehouse.runs()
    with pytest.raises(UsageError, match="only reads"):
        warehouse.sql("DROP TABLE prices.observations")
    with pytest.raises(UsageError, match="training"):
        warehouse.report("weather")
    with pytest.raises(SettingsError, match="moon"):
        package.open(env="moon")


def test_importing_it_starts_nothing():
    script = (
        "import sys, brazada; brazada.open; print([m for m in ('pyspark', 'pandas', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
