"""The Python API over a warehouse that a job wrote; and that importing it is light."""

import datetime as dt
import subprocess
import sys

import pytest

import brazada
from brazada import session
from brazada.errors import SettingsError, TableError, UsageError
from brazada.tables.ops import JOB_RUNS


@pytest.fixture
def warehouse(job, monkeypatch, tmp_path):
    """A warehouse with one row in one table, opened in the session of the tests, so that it is not to be closed."""
    begun = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    job.store.append(JOB_RUNS, [("run-1", "prices ingest", "done", begun, 1.5, 3, 2, 1, 0, {}, {}, None)])
    monkeypatch.setattr(session, "start", lambda *_: job.spark)
    return brazada.open(tmp_path / "warehouse")


def test_tables_views_queries_and_pages(warehouse, tmp_path):
    assert warehouse.tables() == ["ops.job_runs"]
    assert warehouse.views() == []
    assert warehouse.table("ops.job_runs").count() == 1
    assert warehouse.table("ops.job_runs", version=0).count() == 0
    found = warehouse.sql("SELECT rows_in FROM ops.job_runs WHERE job = :job", job="prices ingest")
    assert found.toPandas()["rows_in"].tolist() == [3]
    columns = warehouse.columns("ops.job_runs").set_index("column")
    assert columns.loc["rows_in"].tolist() == ["bigint", False, "Rows read from the input"]
    assert warehouse.history("ops.job_runs")["version"].tolist() == [1, 0]
    index = warehouse.report("operations", out=tmp_path / "report")
    assert "prices ingest" in (index.parent / "operations.html").read_text(encoding="utf-8")
    for refused, error, said in (
        (lambda: warehouse.table("prices.series"), TableError, r"ops\.job_runs"),
        (warehouse.runs, TableError, r"ml\.runs"),
        (lambda: warehouse.sql("DROP TABLE ops.job_runs"), UsageError, "only reads"),
        (lambda: warehouse.report("weather"), UsageError, "training"),
        (lambda: brazada.open(env="moon"), SettingsError, "moon"),
    ):
        with pytest.raises(error, match=said):
            refused()


def test_importing_it_starts_nothing():
    script = (
        "import sys, brazada; brazada.open; print([m for m in ('pyspark', 'pandas', 'pydantic') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
