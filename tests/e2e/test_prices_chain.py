"""The shipped sample, from files to forecasts by the command line, run twice; then the notebook over what it wrote."""

import json

from .conftest import QUICK, ROOT, SAMPLE

STABLE = ("prices.observations", "ops.quarantine", "ops.ingested_files", "prices.series", "prices.windows")


def test_files_to_forecasts_twice_and_the_notebook(brazada, content, pictures, tmp_path):
    warehouse = tmp_path / "warehouse"
    words = ("prices", "run", str(SAMPLE), "--warehouse", str(warehouse), *QUICK)
    said = brazada(*words).stderr
    assert "rows in 7,224 = good 7,223 + duplicate 0 + quarantined 1" in said
    assert "inside the 80 % band" in said
    before = {name: content(warehouse, name) for name in STABLE}
    forecasts = content(warehouse, "prices.forecasts")
    shown = brazada(*words, "--steps=ingest,series,windows,summary").stdout
    assert {name: content(warehouse, name) for name in STABLE} == before
    query = "SELECT count(*) AS rows FROM prices.latest_forecasts"
    (row,) = json.loads(brazada("sql", query, "--format", "json", "--warehouse", str(warehouse)).stdout)
    assert row["rows"] == len(forecasts) > 0
    for part in ("Files taken in", "served", "naive", "Three forecasts", "brazada sql"):
        assert part in shown
    assert pictures(ROOT / "notebooks/prices.ipynb", warehouse) >= 2
