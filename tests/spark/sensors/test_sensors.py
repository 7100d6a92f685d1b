"""Sensor series from files to classes, lengths and stroke rates in SQL, through the commands."""

import gzip
from pathlib import Path

import pandas as pd
import pytest

from brazada.errors import InputError, TrainingError
from brazada.simulate import strokes, surfaces

ROOT = Path(__file__).resolve().parents[3]
QUICK = ("training.launch=process", "training.ranks=1")


def recipe(task, network, **changes):
    spec = {"epochs": 3, "batch": 16, "learning_rate": 0.003, "schedule": "cosine", **changes}
    return f"sensors.{task}.networks.{network}={{{', '.join(f'{key}: {value}' for key, value in spec.items())}}}"


def test_swimmers_from_recordings_to_lengths_in_sql_and_the_notebook(brazada, query, pictures, tmp_path):
    *recordings, lengths = strokes.simulate(tmp_path / "swim", 8, 7)
    odd = pd.read_csv(recordings[0])  # one more recording of the first swimmer, in which a stroke has an unknown label
    odd["label"] = odd["label"].where(odd["label"] != 1, 6)
    first = [str(tmp_path / "swim" / str(number)) for number in range(3)]
    assert "3 swimmers" in brazada("sensors", "ingest-strokes", *first)
    before = query("SELECT DISTINCT swimmer, fold FROM sensors.strokes ORDER BY 1")
    odd.to_csv(tmp_path / "swim" / "0" / "Odd_1.csv", index=False)
    (tmp_path / "swim" / "7" / "Broken_1.csv.gz").write_bytes(gzip.compress(b"timestamp,ACC_0\n1,2\n"))
    said = brazada("sensors", "ingest-strokes", str(tmp_path / "swim"))
    assert "6 of 18 files known already" in said
    assert "quarantined 1" in said
    assert query("SELECT reason FROM ops.quarantine")[0]["reason"].startswith("no column ACC_1")

    # A swimmer is in one fold and one split, however many files come when.
    groups = query("""
        SELECT swimmer, any_value(fold) fold, count(DISTINCT fold) folds, collect_set(split) splits
        FROM sensors.strokes GROUP BY swimmer ORDER BY swimmer
    """)
    assert [{"swimmer": row["swimmer"], "fold": row["fold"]} for row in groups[:3]] == before
    assert len(groups) == 8
    assert {row["folds"] for row in groups} == {1}
    assert {len(set(row["splits"]) - {"aside"}) for row in groups} == {1}
    assert sorted(row["fold"] for row in groups) == list(range(8))
    aside = query("SELECT DISTINCT recording, label, class_number FROM sensors.strokes WHERE split = 'aside'")
    assert aside == [{"recording": "Odd_1", "label": None, "class_number": -1}]

    with pytest.raises(TrainingError, match="brazada predict strokes"):
        brazada("sensors", "laps")
    brazada("train", "strokes", "--network", "cnn", settings=(*QUICK, recipe("strokes", "cnn", epochs=6)))
    (run,) = query("SELECT run, promoted, score, baseline FROM ml.runs")
    assert run["promoted"]
    assert run["score"] > 0.5 > run["baseline"]
    assert "f1_strokes" in brazada("evaluate", "strokes")
    brazada("predict", "strokes")
    (count,) = query("SELECT count(*) told, (SELECT count(*) FROM sensors.strokes) windows FROM ml.predictions")
    assert count["told"] == count["windows"]

    assert "lengths told by run" in brazada("sensors", "laps")
    truth = pd.read_csv(lengths, dtype={"swimmer": str})
    found = pd.DataFrame(query("SELECT * FROM sensors.laps WHERE recording != 'Odd_1'"))
    labelled = found[found["told_by"] == "labels"].merge(
        truth, on=["swimmer", "recording", "lap"], suffixes=("", "_true")
    )
    assert len(labelled) == len(truth) == (found["told_by"] == "labels").sum()
    assert (labelled["stroke"] == labelled["stroke_true"]).all()
    assert (labelled["seconds"] - labelled["seconds_true"]).abs().max() < 2.1  # samples behind the last window are cut
    assert ((labelled["strokes_per_min"] / labelled["strokes_per_min_true"] - 1).abs() < 0.03).all()
    errors = query("SELECT recording, lengths, lengths_by_labels, lengths_error FROM sensors.lap_errors")
    assert len(errors) == 16  # what is not all labelled is not compared
    assert sum(row["lengths_by_labels"] for row in errors) == len(truth)
    assert sum(abs(row["lengths_error"]) for row in errors) < len(truth) / 4
    known = {row["swimmer"]: row["lengths"] for row in query("SELECT * FROM sensors.swimmers WHERE told_by = 'labels'")}
    assert set(known) == {str(number) for number in range(8)}
    brazada("sensors", "laps", "--run", run["run"])
    assert query("SELECT count(*) n FROM sensors.laps WHERE recording != 'Odd_1'") == [{"n": len(found)}]
    # Curves, confusion, windows, mistakes, lengths.
    assert pictures(ROOT / "notebooks/sensors.ipynb", tmp_path / "warehouse") == 5


def test_surfaces_from_series_to_classes_and_folds(brazada, query, tmp_path):
    files = surfaces.simulate(tmp_path, 4, 7)
    series = pd.read_csv(files[0])
    broken = pd.concat([series.drop(index=5), series.iloc[[200]]])  # a step of series 0 is missing, one of 1 is doubled
    broken.to_csv(files[0], index=False)
    said = brazada("sensors", "ingest-surfaces", str(tmp_path))
    assert "rows in 144 = good 142 + duplicate 0 + quarantined 2" in said
    assert sorted(row["reason"] for row in query("SELECT reason FROM ops.quarantine")) == [
        "series 0: 1 of 128 steps are missing",
        "series 1: 1 steps that are there twice",
    ]
    assert "known already" in brazada("sensors", "ingest-surfaces", str(tmp_path))
    (parted,) = query("""
        SELECT max(splits) splits, count(*) recordings
        FROM (SELECT recording, count(DISTINCT split) splits FROM sensors.surfaces GROUP BY recording)
    """)
    assert parted == {"splits": 1, "recordings": 36}

    quick = (*QUICK, recipe("surfaces", "cnn", epochs=12), recipe("surfaces", "lstm", epochs=1))
    one = "sensors.surfaces.channels={lstm: [acceleration_z]}"
    brazada("train", "surfaces", "--network", "cnn", settings=quick)
    brazada("train", "surfaces", "--network", "lstm", settings=(*quick, one))
    runs = {row["network"]: row for row in query("SELECT * FROM ml.runs")}
    assert runs["cnn"]["promoted"]
    assert runs["cnn"]["score"] > runs["cnn"]["baseline"]
    assert '"channels": ["acceleration_z"]' in runs["lstm"]["spec"]
    brazada("predict", "surfaces")
    (told,) = query("""
        SELECT count(*) n, avg(int(p.label = s.label)) right
        FROM (SELECT id, label FROM ml.predictions) p JOIN (SELECT id, label FROM sensors.surfaces) s USING (id)
    """)
    assert told["n"] == 142
    assert told["right"] > 0.4

    words = ("--folds", "2", "--model", "baseline", "--model", "forest", "--model", "minirocket")
    assert "at random" in brazada("evaluate", "surfaces", *words, settings=("sensors.surfaces.kernels=84",))
    figures = {
        (row["model"], row["split"]): row["value"]
        for row in query("SELECT model, split, value FROM ml.folds WHERE name = 'accuracy' AND fold IS NULL")
    }
    assert figures["forest", "by group"] > figures["baseline", "by group"]
    assert figures["minirocket", "by group"] > figures["baseline", "by group"]


def test_series_without_their_labels_are_refused_before_anything_is_written(brazada, query, tmp_path):
    series, labels = surfaces.simulate(tmp_path, 1, 7)
    with pytest.raises(InputError, match="alone"):
        brazada("sensors", "ingest-surfaces", str(series))
    labels.write_text("series_id,surface\n0,wood\n")
    with pytest.raises(InputError, match="labels: no column group_id"):
        brazada("sensors", "ingest-surfaces", str(tmp_path))
