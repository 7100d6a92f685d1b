"""Pictures of clothing from IDX files to classes in SQL, through the commands."""

import gzip

import numpy as np
import pytest

from brazada.errors import InputError
from brazada.images.fashion.tables import CLASSES
from brazada.simulate.fashion import idx, simulate

QUICK = ("training.launch=process", "training.ranks=1")


def recipe(network, **changes):
    spec = {"epochs": 3, "batch": 50, "learning_rate": 0.05, **changes}
    return f"images.fashion.networks.{network}={{{', '.join(f'{key}: {value}' for key, value in spec.items())}}}"


@pytest.fixture
def pictures(tmp_path):
    simulate(tmp_path / "fashion", 900, 7)
    return tmp_path / "fashion"


def test_from_files_to_classes_in_sql(brazada, query, pictures):
    assert "rows in 1,050 = good 1,050" in brazada("images", "ingest-fashion", str(pictures))
    for file in list(pictures.iterdir()):  # the same content, unpacked
        file.with_suffix("").write_bytes(gzip.decompress(file.read_bytes()))
        file.unlink()
    assert "known already" in brazada("images", "ingest-fashion", str(pictures))
    (parts,) = query("""
        SELECT count_if(split = 'test') test, count_if(part = 'test') published, count_if(split = 'validate') held_back,
               count(DISTINCT class_number) classes FROM images.fashion
    """)
    assert (parts["test"], parts["published"], parts["classes"]) == (150, 150, 10)
    assert 20 < parts["held_back"] < 80

    assert "images.fashion" in brazada("tasks")
    brazada(
        "train",
        "fashion",
        "--network",
        "best",
        settings=(*QUICK, recipe("best", epochs=4, learning_rate=0.02, ema=0.8)),
    )
    (run,) = query("SELECT run, network, promoted, score, baseline FROM ml.runs")
    assert (run["network"], run["promoted"]) == ("best", True)
    assert run["score"] > 0.5
    assert run["baseline"] < 0.2

    assert "Ankle boot" in brazada("evaluate", "fashion")
    report = {row["label"]: row for row in query("SELECT * FROM images.fashion_report")}
    assert list(report)[:10] == list(CLASSES)
    assert list(report)[10:] == ["accuracy", "macro avg", "weighted avg"]
    assert report["Bag"]["etiqueta"] == "Bolso"
    assert sum(report[name]["support"] for name in CLASSES) == report["accuracy"]["support"] == 150
    matrix = query("SELECT * FROM images.fashion_confusion")
    assert [row["label"] for row in matrix] == list(CLASSES)
    right = sum(row[row["label"]] for row in matrix)
    assert report["accuracy"]["f1"] == pytest.approx(right / 150)
    (figure,) = query("SELECT value FROM ml.metrics WHERE name = 'test_accuracy'")
    assert figure["value"] == pytest.approx(right / 150)

    brazada("predict", "fashion")
    mistakes = query("SELECT split, label, predicted, probability, probability_of_label p FROM images.mistakes")
    assert sum(row["split"] == "test" for row in mistakes) == 150 - right
    assert all(row["label"] != row["predicted"] and row["p"] <= row["probability"] for row in mistakes)


def test_files_that_disagree_are_refused_before_anything_is_written(brazada, query, pictures):
    (pictures / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.zeros(7, np.uint8))))
    with pytest.raises(InputError, match=r"t10k-images.*: expected a label for each picture, found 7 labels for 150"):
        brazada("images", "ingest-fashion", str(pictures))
    cut = pictures / "train-images-idx3-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:-1000])
    with pytest.raises(InputError, match=r"train-images-idx3-ubyte.gz: .*EOFException"):
        brazada("images", "ingest-fashion", str(pictures))
    assert query("SELECT count(*) n FROM images.fashion") == [{"n": 0}]


def test_pictures_that_are_there_twice_are_kept_and_counted(brazada, query, pictures):
    train = gzip.decompress((pictures / "train-images-idx3-ubyte.gz").read_bytes())
    test = bytearray(gzip.decompress((pictures / "t10k-images-idx3-ubyte.gz").read_bytes()))
    test[16 : 16 + 784] = train[16 : 16 + 784]
    (pictures / "t10k-images-idx3-ubyte.gz").write_bytes(gzip.compress(test))
    said = brazada("images", "ingest-fashion", str(pictures))
    assert "1 pictures are there more than once, 1 of them in both parts" in said
    (pair,) = query("SELECT ids, parts FROM images.fashion_duplicates")
    assert pair == {"ids": ["test-00000", "train-00000"], "parts": 2}


def test_a_recurrent_network_that_falls_apart_keeps_its_best_weights(brazada, query, pictures):
    brazada("images", "ingest-fashion", str(pictures))
    # The rate rises to where the network falls apart, after it had learned.
    rising = recipe("rnn", epochs=16, batch=10, learning_rate=0.3, schedule="cosine", warmup=0.99)
    said = brazada("train", "fashion", "--network", "rnn", settings=(*QUICK, rising))
    (run,) = query("SELECT ended, best_epoch, epochs, score, baseline FROM ml.runs")
    assert run["ended"].startswith("failed to learn")
    assert run["best_epoch"] <= run["epochs"] < 16
    assert run["score"] > run["baseline"]
    assert "failed to learn" in said
