"""A job's report is printed, appended to ops.job_runs, and tells of failures too."""

import pytest

from brazada import report, session
from brazada.errors import InputError
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
    assert "warehouse.path" in said


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
    assert (run.status, run.error) == ("failed", "KeyboardInterrupt: ")


def test_counts_that_do_not_add_up_are_refused(settings):
    with pytest.raises(Exception, match="rows_add_up"), report.job("count fish", settings, ("warehouse",)) as job:
        job.report.rows_in = 3
