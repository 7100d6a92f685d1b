"""Drawn pictures, from IDX files to predictions by a few commands; then the notebook over the tables."""

from pathlib import Path

from brazada.simulate import car_damage, fashion

ROOT = Path(__file__).resolve().parents[2]


def test_pictures_to_predictions_and_the_notebook(brazada, pictures, tmp_path):
    warehouse = ("--warehouse", str(tmp_path / "warehouse"))
    fashion.simulate(tmp_path / "drawn", pictures=600, seed=7)
    brazada("images", "ingest-fashion", str(tmp_path / "drawn"), *warehouse)
    few = ("--set", "images.fashion.networks.rnn={epochs: 2, batch: 50, learning_rate: 0.05}")
    brazada("train", "fashion", "--network", "rnn", *few, *warehouse)
    assert "Ankle boot" in brazada("evaluate", "fashion", *warehouse).stdout
    brazada("predict", "fashion", *warehouse)
    car_damage.simulate(tmp_path / "photos", 20, 7, copies=0.3)
    brazada("images", "ingest-car-damage", str(tmp_path / "photos"), "--set", "images.car_damage.size=32", *warehouse)
    # Curves, confusion, mistakes, copies.
    assert pictures(ROOT / "notebooks/images.ipynb", tmp_path / "warehouse") == 4
