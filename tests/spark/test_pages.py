"""The command that makes pages, over tables that a job wrote."""

from pathlib import Path

SAMPLE = Path(__file__).resolve().parents[1] / "sample" / "prices"


def test_pages_show_what_jobs_did_and_name_those_to_run(brazada, tmp_path):
    brazada("prices", "ingest", str(SAMPLE))
    said = brazada("report", "operations", "prices", "--out", str(tmp_path / "report"))
    assert str(tmp_path / "report" / "index.html") in said
    operations = (tmp_path / "report" / "operations.html").read_text(encoding="utf-8")
    assert "prices ingest" in operations
    assert "Region / sector / kind of market" in operations  # the dictionary of prices.observations
    prices = (tmp_path / "report" / "prices.html").read_text(encoding="utf-8")
    assert "<code>brazada prices forecast</code>" in prices
