"""A small simulated log, from its lines to styles and a summary in one process; then the notebook over the tables."""

from pathlib import Path

from brazada.simulate.swim import simulate

ROOT = Path(__file__).resolve().parents[2]


def test_log_to_styles_and_the_notebook(brazada, pictures, tmp_path):
    made, warehouse = simulate(tmp_path / "logs", rows=50_000, days=2), tmp_path / "warehouse"
    words = ("swim", "run", str(tmp_path / "logs"), "--steps=ingest,sessions,laps,fit,score,summary")
    shown = brazada(*words, f"--truth={made.truth}", f"--warehouse={warehouse}").stdout
    for part in ("50,000", "kinematic against the truth", "Three best lengths"):
        assert part in shown
    # Distributions, two of correlations, one method's clusters, shares, a path.
    assert pictures(ROOT / "notebooks/swim.ipynb", warehouse) == 6
