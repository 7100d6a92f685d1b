"""Photographs from folders to severities in SQL; copies of a test picture are never learned from."""

import csv

import pytest

from brazada.errors import InputError
from brazada.simulate.car_damage import simulate

QUICK = (
    "training.launch=process",
    "training.ranks=1",
    "images.car_damage.size=32",
    "images.car_damage.networks.best={epochs: 2, batch: 16, learning_rate: 0.002}",
)


def test_from_folders_to_severities_in_sql(brazada, query, tmp_path):
    made = simulate(tmp_path / "photos", 90, 7, copies=0.2, broken=0.04)
    said = brazada("images", "ingest-car-damage", str(tmp_path / "photos"), settings=QUICK)
    assert "rows in 112 = good 108 + duplicate 0 + quarantined 4" in said
    refused = query("SELECT reason FROM ops.quarantine")
    assert sorted(row["reason"].split(":")[0] for row in refused) == [
        "a broken JPEG",
        "a broken JPEG",
        "no JPEG, PNG or WebP that can be read",
        "no JPEG, PNG or WebP that can be read",
    ]
    named = {
        (row["a"], row["b"])
        for row in query("""
            SELECT split_part(one.path, '/photos/', 2) a, split_part(other.path, '/photos/', 2) b
            FROM images.duplicates JOIN images.photos one ON one.id = duplicates.id
            JOIN images.photos other ON other.id = duplicates.other
        """)
    }
    with made.copies.open() as file:
        truth = [(row["copy"], row["of"]) for row in csv.DictReader(file)]
    found = [pair for pair in truth if pair in named or pair[::-1] in named]
    assert len(found) >= 0.8 * len(truth)
    straddling = "FROM images.car_damage WHERE split != 'left_out' GROUP BY `group` HAVING count(DISTINCT split) > 1"
    assert query(f"SELECT `group` {straddling}") == []
    (counts,) = query("SELECT count(*) n, count_if(split = 'test' AND part = 'val') t FROM images.car_damage")
    (val,) = query("SELECT count(*) n FROM images.photos WHERE part = 'val'")
    assert (counts["n"], counts["t"]) == (108, val["n"])
    before = query("SELECT id, split, shard, `group` FROM images.car_damage ORDER BY id")
    assert "known already" in brazada("images", "ingest-car-damage", str(tmp_path / "photos"), settings=QUICK)
    assert query("SELECT id, split, shard, `group` FROM images.car_damage ORDER BY id") == before

    brazada("train", "car_damage", settings=QUICK)
    assert "severe" in brazada("evaluate", query("SELECT run FROM ml.runs")[0]["run"], settings=QUICK)
    report = query("SELECT label, support FROM ml.class_report WHERE place = 0 ORDER BY label")
    assert [row["label"] for row in report] == ["minor", "moderate", "severe"]
    assert sum(row["support"] for row in report) == val["n"]
    brazada("predict", "car_damage", "--run", query("SELECT run FROM ml.runs")[0]["run"], settings=QUICK)
    assert query("SELECT count(*) n FROM ml.predictions") == [{"n": 108}]
    assert {row["task"] for row in query("SELECT DISTINCT task FROM images.mistakes")} == {"car_damage"}


def test_a_manifest_tells_labels_and_a_later_copy_of_a_test_picture_takes_it_out_of_training(brazada, query, tmp_path):
    simulate(tmp_path / "photos", 12, 3)
    files = sorted((tmp_path / "photos").glob("*/*/*.jpg"))
    lines = [f"photos/{path.relative_to(tmp_path / 'photos')},{path.parent.name},train" for path in files]
    (tmp_path / "first.csv").write_text("\n".join(["path,label,part", *lines]))
    brazada("images", "ingest-car-damage", "--manifest", str(tmp_path / "first.csv"), settings=QUICK)
    assert query("SELECT count(*) n, count_if(split = 'left_out') o FROM images.car_damage") == [{"n": 12, "o": 0}]

    from PIL import Image

    copy = tmp_path / "later" / "val" / "minor" / "copy.PNG"
    copy.parent.mkdir(parents=True)
    Image.open(files[0]).transpose(0).save(copy)
    brazada("images", "ingest-car-damage", str(tmp_path / "later"), settings=QUICK)
    (left,) = query("SELECT path FROM images.car_damage WHERE split = 'left_out'")
    assert left["path"].endswith(files[0].name)
    assert query("SELECT mirrored, cut FROM images.duplicates") == [{"mirrored": True, "cut": "whole"}]

    (tmp_path / "wrong.csv").write_text("path,label\nphotos/none.jpg,minor\n")
    with pytest.raises(InputError, match=r"none\.jpg"):
        brazada("images", "ingest-car-damage", "--manifest", str(tmp_path / "wrong.csv"), settings=QUICK)
    (tmp_path / "wrong.csv").write_text("path,label\nphotos/train/minor/00000.jpg,total\n")
    with pytest.raises(InputError, match="total"):
        brazada("images", "ingest-car-damage", "--manifest", str(tmp_path / "wrong.csv"), settings=QUICK)
