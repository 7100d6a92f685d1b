import os
import re
import subprocess
import sys
from pathlib import Path
from unittest.mock import Mock

import click
import pytest
from pyspark.sql import SparkSession

import brazada
from brazada import domains, session
from brazada.cli import cli, main

SAMPLE = Path(__file__).resolve().parents[1] / "sample/prices"


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--help"], 0, "doctor"),
        (["-V"], 0, "brazada, version"),
        (["prices", "ingest", "nowhere"], 1, "files at nowhere"),
        (["swim", "ingest", "nowhere"], 1, "files at nowhere"),
        (["images", "ingest-fashion", "nowhere"], 1, "files at nowhere"),
        (["sensors", "ingest-surfaces", "nowhere"], 1, "files at nowhere"),
        (["prices", "run", "--steps", "ingest", __file__], 1, "a header of a known layout"),
        (["swim", "run", "--steps", "ingest", __file__], 1, "check that it is a swim log"),
        (["tables", "--env", "databricks"], 2, "DATABRICKS_RUNTIME_VERSION"),
        (["tables", "--env", "emr"], 2, "spark-submit"),
        (["sql", "SELECT 1", "--file", __file__], 2, "found both"),
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
        (["swim", "path", "drill.gif"], 2, ".svg, .png, .pdf"),
        (["swim", "summary", "--truth", "none.csv"], 2, "none.csv"),
    ],
)
def test_exit_codes_and_words_without_spark(words, code, said, capsys, monkeypatch):
    monkeypatch.setattr("pyspark.sql.SparkSession.Builder.getOrCreate", None)
    monkeypatch.setattr("pyspark.sql.SparkSession.getActiveSession", lambda: None)  # that of another test
    try:
        main(words)
        ended = 0
    except SystemExit as stop:
        ended = stop.code
    assert ended == code
    printed = capsys.readouterr()
    assert said.lower() in (printed.out + printed.err).lower()


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


@pytest.fixture
def tables(tmp_path, monkeypatch):
    """A warehouse with one table, and a log that a killed job left; Spark is not to start."""
    monkeypatch.setattr(session, "start", None)
    for name, commit in (("sea/boats", "00000000000000000000.json"), ("sea/rocks", "_junk")):
        (tmp_path / name / "_delta_log").mkdir(parents=True)
        (tmp_path / name / "_delta_log" / commit).touch()
    return str(tmp_path)


def test_ddl_is_written_without_spark(tables, capsys):
    main(["tables", "--ddl", "--warehouse", tables])
    said = capsys.readouterr().out
    assert f"CREATE TABLE IF NOT EXISTS sea.boats USING delta LOCATION '{tables}/sea/boats'" in said
    assert "rocks" not in said


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("sea.boat", "Did you mean sea.boats?"),
        ("swim.laps", "next: brazada swim laps --warehouse"),
        ("prices.latest_forecasts", "next: brazada prices forecast --warehouse"),
    ],
)
def test_a_missing_table_is_told_without_spark(tables, capsys, name, said, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/brazada")
    with pytest.raises(SystemExit) as stop:
        main(["tables", name, "--warehouse", tables])
    assert stop.value.code == 1
    assert said in capsys.readouterr().err


def test_the_command_that_writes_it_is_known_of_every_table():
    source = "\n".join(file.read_text(encoding="utf-8") for file in Path(brazada.__file__).parent.rglob("*.py"))
    declared = re.findall(r"= Table\(\s+name=\"(.+)\"", source)
    assert len(declared) > 25
    assert sorted(declared) == [table.name for table in domains.tables()]
    for table in domains.tables():
        command: click.Command | None = cli
        for word in table.written_by.split():
            command = command.get_command(click.Context(command), word) if isinstance(command, click.Group) else command
        assert command not in (None, cli), table.name


def test_files_of_a_known_layout_pass_the_first_look():
    from brazada.prices.ingest import check
    from brazada.prices.settings import Prices
    from brazada.settings import load

    settings = load(variables={}).of(Prices)
    check(settings, None, [str(SAMPLE), *map(str, SAMPLE.glob("*.gz")), f"{SAMPLE}/*.gz", "s3://bucket/nowhere"])


def test_lists_of_commands_have_whole_sentences(capsys):
    for words in ([], ["prices"], ["swim"], ["images"], ["sensors"], ["simulate"]):
        with pytest.raises(SystemExit):
            sys.exit(cli.main([*words, "--help"], standalone_mode=False))
        assert "..." not in capsys.readouterr().out.partition("Commands:")[2]


def test_names_of_commands_are_completed():
    asked = {"_BRAZADA_COMPLETE": "bash_complete", "COMP_WORDS": "brazada pri", "COMP_CWORD": "1"}
    script = [sys.executable, "-c", "from brazada.cli import main; main([])"]
    done = subprocess.run(script, capture_output=True, text=True, env={**os.environ, **asked}, check=False)
    assert done.stdout == "plain,prices\n"
