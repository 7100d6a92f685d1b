"""A new domain is an addition: its own file and one line, and every command of the suite serves it."""

import gzip

import cloudpickle
import numpy as np
import pytest
import toy
from pyspark import cloudpickle as of_spark

from brazada import domains
from brazada.errors import UsageError

for library in (cloudpickle, of_spark):
    library.register_pickle_by_value(toy)  # neither Spark's workers nor the ranks have it on their path


@pytest.fixture
def brazada(spark, brazada, monkeypatch):
    """Run a command over the suite with the toy among its domains; what it prints."""
    monkeypatch.setattr(domains, "DOMAINS", (*domains.DOMAINS, toy.DOMAIN))
    yield brazada
    spark.sql("DROP SCHEMA IF EXISTS toy CASCADE")


@pytest.fixture
def squares(tmp_path):
    """A folder of squares, a copy, one packed, a broken one and an empty one, below folders."""
    folder, rng = tmp_path / "squares 1 [a]", np.random.default_rng(3)
    for number in range(120):
        name = toy.CLASSES[number % 3 > 0]
        level = rng.integers(0, 140, 64) if name == "dark" else rng.integers(100, 256, 64)
        path = folder / f"{number % 4}" / f"{name}-{number}.bin"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(level.astype(np.uint8).tobytes())
    (folder / "dark-copy.bin").write_bytes((folder / "0" / "dark-0.bin").read_bytes())
    (folder / "dark-packed.bin.gz").write_bytes(gzip.compress(bytes(64)))
    (folder / "dark-broken.bin").write_bytes(b"eleven byte")
    (folder / "dark-empty.bin").touch()
    (folder / "notes.txt").write_text("not counted")
    return str(folder)


@pytest.mark.parametrize("ranks", [1, 2])
def test_from_files_to_sql(brazada, query, squares, ranks):
    brazada("toy", "ingest", squares)
    ops = "SELECT rows_in, rows_good, rows_duplicate, rows_quarantined FROM ops.job_runs WHERE job = 'toy ingest'"
    assert query(ops) == [{"rows_in": 123, "rows_good": 121, "rows_duplicate": 0, "rows_quarantined": 2}]
    refused = query("SELECT unit, reason, content FROM ops.quarantine")
    assert sorted((row["unit"], row["reason"], row["content"]) for row in refused) == [
        ("file", "0 bytes, not 64", ""),
        ("file", "11 bytes, not 64", b"eleven byte".hex()),
    ]
    brazada("toy", "ingest", squares)
    assert "121" in brazada("sql", "SELECT sum(n) FROM toy.sizes")
    assert "toy.squares" in (listed := brazada("tables"))
    assert "toy.sizes" in listed

    launch = "horovod" if ranks == 2 else "process"
    brazada("train", "squares", settings=(f"training.ranks={ranks}", f"training.launch={launch}"))
    (run,) = query("SELECT run, ranks, promoted, score, baseline FROM ml.runs")
    assert (run["ranks"], run["promoted"]) == (ranks, True)
    assert run["score"] > run["baseline"]
    assert "accuracy" in brazada("evaluate", run["run"])
    tested = "SELECT name, value FROM ml.metrics WHERE name LIKE 'test%'"
    figures = {row["name"]: row["value"] for row in query(tested)}
    assert figures["test_accuracy"] > figures["test_baseline_accuracy"]
    (test_rows,) = query("SELECT count(*) n FROM toy.squares WHERE split = 'test'")
    assert sum(figures[f"test_confusion.{a}>{b}"] for a in toy.CLASSES for b in toy.CLASSES) == test_rows["n"]

    brazada("predict", "squares")
    brazada("predict", "squares", "--where", "label = 1")
    said = """
        SELECT count(*) rows, avg(int(label = element_at(array('dark', 'bright'), s.label + 1))) right,
               max(abs(p.probability - p.probabilities[p.label])) apart
        FROM (SELECT id, label, probability, probabilities FROM ml.predictions) p
        JOIN (SELECT id, label FROM toy.squares) s USING (id)
    """.replace("label = element_at", "p.label = element_at")
    (told,) = query(said)
    assert told["rows"] == 121
    assert told["right"] > 0.9
    assert told["apart"] == 0
    assert run["run"] in (known := brazada("tasks"))
    assert "Every square is dark" in known
    assert run["run"] in brazada("runs", "--task", "squares")


def test_what_is_no_task_or_network_is_refused(brazada):
    with pytest.raises(UsageError, match=r"a task out of .*squares.*; found circles"):
        brazada("train", "circles")
    with pytest.raises(UsageError, match="a network of squares out of network; found cnn"):
        brazada("train", "squares", "--network", "cnn")


def test_the_domain_has_its_section_in_the_settings(brazada):
    with pytest.raises(Exception, match=r"unknown setting .toy\.epoch."):
        brazada("tasks", settings=("toy.epoch=3",))
