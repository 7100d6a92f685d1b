"""A job's report is printed, appended to ops.job_runs, and tells of failures too."""

import json

import pytest

from brazada import report, session
from brazada.errors import InputError, UsageError
from brazada.output import Output, speak
from brazada.tables import Store


@pytest.fixture(autouse=True)
def start(spark, monkeypatch):
    monkeypatch.setattr(session, "start", lambda *_: spark)


def runs(spark, settings):
    return Store(spark, settings.warehouse).read("ops.job_runs").frame.collect()


def test_a_run_is_recorded_with_its_counts(spark, settings, capsys):
    with report.job("count fish", settings, ("warehouse",)) as job:
        job.report.rows_in, job.report.rows_good, job.report.rows_quarantined = 3, 2, 1
        job.note("1 file known already")
    (run,) = runs(spark, settings)
    assert (run.job, run.status, run.rows_in, run.rows_good, run.rows_quarantined) == ("count fish", "done", 3, 2, 1)
    assert run.error is None
    said = capsys.readouterr().err
    assert "rows in 3 = good 2 + duplicate 0 + quarantined 1" in said
    assert "1 file known already" in said
    assert said.startswith(f"count fish · local · {settings.warehouse.path}\n")
    assert "training.ranks = 1" in said  # differs from the default
    assert "training.seed" not in said
    assert "quarantine list --warehouse" in said


def test_a_failure_is_recorded_and_raised(spark, settings):
    with pytest.raises(InputError), report.job("count fish", settings, ("warehouse",)):
        raise InputError("fish", found="none", todo="cast again")
    (run,) = runs(spark, settings)
    assert run.status == "failed"
    assert "expected fish; found none" in run.error


def test_a_run_that_was_stopped_is_recorded(spark, settings):
    with pytest.raises(KeyboardInterrupt), report.job("count fish", settings, ("warehouse",)):
        raise KeyboardInterrupt
    (run,) = runs(spark, settings)
    assert (run.status, run.error) == ("stopped", "KeyboardInterrupt: ")


def test_counts_that_do_not_add_up_are_refused(settings):
    with pytest.raises(Exception, match="rows_add_up"), report.job("count fish", settings, ("warehouse",)) as job:
        job.report.rows_in = 3


def test_a_machine_reads_one_line_of_json_and_a_quiet_job_says_nothing(spark, settings, capsys):
    speak(Output(quiet=True, as_json=True))
    with report.job("count fish", settings, ("warehouse",)) as job:
        job.note("1 file known already")
    with pytest.raises(InputError), report.job("count fish", settings, ("warehouse",)):
        raise InputError("fish", found="none", todo="cast again")
    printed = capsys.readouterr()
    done, failed = map(json.loads, printed.out.splitlines())
    assert (done["job"], done["status"], done["notes"]) == ("count fish", "done", ["1 file known already"])
    assert failed["status"] == "failed"
    assert printed.err == ""


def test_a_log_file_has_what_was_said_and_where_it_failed(spark, settings, tmp_path):
    speak(Output(show_settings=True, log_file=str(tmp_path / "logs" / "job.log")))
    with report.job("count fish", settings, ("training",)) as job:
        job.say("casting the net")
    with pytest.raises(InputError), report.job("count fish", settings, ("training",)):
        raise InputError("fish", found="none", todo="cast again")
    kept = (tmp_path / "logs" / "job.log").read_text()
    for part in ("casting the net", "training.seed = 7", "Traceback", "found none"):
        assert part in kept
    speak(Output(log_file=str(tmp_path)))
    with pytest.raises(UsageError, match="--log-file"), report.job("count fish", settings, ()):
        pass
