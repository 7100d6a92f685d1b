import subprocess
import sys
from unittest.mock import Mock

import pytest
from pyspark.sql import SparkSession

from brazada.cli import main


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--help"], 0, "doctor"),
        (["nonsense"], 2, "No such command"),
        (["tables", "--set", "training.rank=1"], 2, "Did you mean 'training.ranks'"),
        (["tables", "--env", "moon"], 2, "local, databricks, emr"),
        (["prices", "run", "--source", "odepa"], 2, "no path"),
        (["prices", "run", "--source", "odepa", "--steps", "fly"], 2, "fly"),
        (["swim", "run"], 2, "no path"),
        (["swim", "run", "day.csv.zst"], 2, "Unpack it"),
        (["swim", "run", "logs", "--steps", "score", "--truth", __file__], 2, "Add summary"),
        (["swim", "run", "logs", "--steps", "fly"], 2, "summary"),
        (["swim", "run", "logs", "--method", "oracle"], 2, "kinematic"),
        (["swim", "summary", "--truth", "none.csv"], 2, "none.csv"),
    ],
)
def test_exit_codes_and_words(words, code, said, capsys):
    try:
        main(words)
        ended = 0
    except SystemExit as stop:
        ended = stop.code
    assert ended == code
    printed = capsys.readouterr()
    assert said in printed.out + printed.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["prices", "ingest", "none"], "files at none"),
        (["prices", "run", "in/*.{csv,txt}"], "files at in/*"),
        (["prices", "ingest", "odd.csv"], "header of a known layout"),
        (["prices", "ingest", "--source", "moon", "odd.csv"], "moon"),
        (["swim", "ingest", "odd.csv"], "the header _id,TimeStamp"),
        (["swim", "ingest", "empty"], "files at empty"),
        (["swim", "run", "none"], "files at none"),
        (["swim", "alerts", "none"], "files at none"),
        (["images", "ingest-fashion", "empty"], "-ubyte"),
        (["images", "ingest-car-damage", "empty"], ".jpg"),
        (["sensors", "ingest-strokes", "empty"], ".csv.gz"),
        (["sensors", "ingest-surfaces", "none"], "files at none"),
        (["tables", "--warehouse", "odd.csv"], "odd.csv, a file"),
        (["tables", "--warehouse", "odd.csv/deep"], "odd.csv, a file"),
    ],
)
def test_inputs_and_the_warehouse_are_looked_at_before_spark_starts(words, said, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(SparkSession.Builder, "getOrCreate", Mock(side_effect=AssertionError("Spark was started")))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    (tmp_path / "odd.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code in (1, 2)
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "odd.csv"]


def test_a_warehouse_may_be_named_in_any_signs(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        main(["doctor", "--warehouse", "été \N{SWIMMER}"])
    assert "surrogates" not in capsys.readouterr().err


def test_importing_the_package_starts_neither_spark_nor_tensorflow():
    script = (
        "import sys, brazada.cli, brazada.settings; print([m for m in ('pyspark', 'tensorflow') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
