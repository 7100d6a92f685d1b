"""Commands that can be pasted, tables with one form of numbers, JSON for programs, waits that say for what."""

import datetime as dt
import io
import json
import logging
import os
import re
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from brazada import report, session
from brazada.output import Output, command, show, speak
from brazada.settings import load
from brazada.tables.locks import exclusive
from brazada.training.train import _Pace

ROWS = [("odepa", 1234567, 0.123456, None), ("kalimati", 5, 1234.5, dt.date(2024, 3, 1))]


def test_numbers_have_one_form(capsys):
    show(("source", "rows", "ratio", "day"), ROWS, "Sources")
    said = capsys.readouterr().out
    for part in ("Sources", "1,234,567", "0.123 ", "1,234 ", "2024-03-01"):
        assert part in said


def test_a_program_reads_values(capsys):
    speak(Output(as_json=True))
    show(("source", "rows", "ratio", "day"), ROWS, "Sources")
    found = json.loads(capsys.readouterr().out)
    assert found["rows"][1] == {"source": "kalimati", "rows": 5, "ratio": 1234.5, "day": "2024-03-01"}


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("prices", "series"), "brazada prices series --warehouse '/tmp/a b'"),
        (("sql", "SELECT 'x' FROM t"), "brazada sql \"SELECT 'x' FROM t\" --warehouse '/tmp/a b'"),
        (("sql", "SELECT 'x', `y`"), """brazada sql 'SELECT '"'"'x'"'"', `y`' --warehouse '/tmp/a b'"""),
    ],
)
def test_a_command_can_be_pasted(words, line, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/brazada")
    assert command(*words, warehouse="/tmp/a b") == line
    script = f"brazada() {{ printf '%s\\n' \"$@\"; }}; {line}"
    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)
    assert shell.stdout.splitlines() == [*words, "--warehouse", "/tmp/a b"]


def test_a_command_that_is_not_on_the_path_has_its_folder(monkeypatch):
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setattr(sys, "argv", [".venv/bin/brazada", "tables"])
    assert command("tables", warehouse="./warehouse") == ".venv/bin/brazada tables"


def test_a_job_that_waits_for_a_lock_says_for_what(tmp_path, caplog):
    hold = f"import sys; from brazada.tables.locks import exclusive\nwith exclusive({str(tmp_path)!r}, 'sea.boats'):"
    script = f"{hold}\n    print('held', flush=True)\n    sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script], stdin=-1, stdout=-1, text=True) as other:
        assert other.stdout.readline() == "held\n"
        threading.Timer(0.3, other.stdin.close).start()
        with caplog.at_level(logging.WARNING, "brazada"), exclusive(str(tmp_path), "sea.boats"):
            pass
    assert f"wait for sea.boats, which another job writes (process {other.pid})" in caplog.messages
    caplog.clear()
    with exclusive(str(tmp_path), "sea.boats"):
        assert not caplog.messages


def test_training_tells_fit_and_refit_apart(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    pace = _Pace("squares", "accuracy")
    entry = {"loss": 0.5, "val_loss": 0.25, "val_accuracy": 0.875, "seconds": 2.0, "refit": 0.0, "epochs": 10.0}
    first = "squares fit: epoch 1 of 10, loss 0.5, val_loss 0.25, val_accuracy 0.875, 18 s left at most"
    assert pace.told({**entry, "epoch": 1}) == first
    assert pace.due()
    now[0] += 3
    assert pace.told({**entry, "epoch": 2}).endswith("24 s left at most")
    assert not pace.due()
    again = {"loss": 0.5, "seconds": 2.0, "refit": 1.0, "epochs": 4.0, "epoch": 1}
    assert pace.told(again) == "squares refit: epoch 1 of 4, loss 0.5, 6 s left"


class Session:
    """A Spark session with one stage that runs."""

    class sparkContext:  # noqa: N801 - as PySpark has it
        @staticmethod
        def statusTracker():  # noqa: N802
            stage = SimpleNamespace(numTasks=200, numCompletedTasks=34)
            return SimpleNamespace(getActiveStageIds=lambda: [1], getStageInfo=lambda _: stage)


def test_a_terminal_shows_one_line_of_how_far_a_job_is(monkeypatch):
    drawn = io.StringIO()
    monkeypatch.setattr(report, "Console", lambda **_: Console(file=drawn, force_terminal=True, width=110))
    monkeypatch.setattr(session, "start", lambda *_: (time.sleep(0.1), Session())[1])
    monkeypatch.setattr(report.Store, "append", lambda *_: None)
    with report.job("count fish", load(variables={}), ()) as job:
        time.sleep(0.4)
        with job.progress("nets", total=4) as bar:
            bar.advance(2, what="haul in")
            time.sleep(0.4)
            job.say("a big one")
    lines = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in re.split(r"[\r\n]+", drawn.getvalue())]
    assert any("count fish: start Spark" in line for line in lines)
    assert any("haul in" in line and "2 of 4 · Spark 34 of 200 tasks" in line for line in lines)
    assert not any("haul in" in line and "count fish" in line for line in lines)
    assert "  a big one" in lines


def test_sparks_own_bar_is_not_beside_it(monkeypatch):
    monkeypatch.setattr(os, "environ", dict(os.environ))
    options = {}
    session._prepare(options, load(variables={}), verbose=False)
    assert options["spark.ui.showConsoleProgress"] == "false"
