from unittest.mock import Mock

import pytest
from pyspark import SparkContext

from brazada import yarn
from brazada.cli import main


@pytest.fixture
def gateway(monkeypatch):
    """A driver in a container of YARN, and the JVM that it talks to."""
    monkeypatch.setenv("CONTAINER_ID", "container_1_0001_01_000001")
    monkeypatch.setenv("PYSPARK_GATEWAY_PORT", "1")
    made = Mock()
    monkeypatch.setattr(SparkContext, "_gateway", made)
    monkeypatch.setattr(SparkContext, "_active_spark_context", None)  # that of another test
    return made


def told(gateway):
    """What the application master was told."""
    companion = gateway.jvm.java.lang.Class.forName.return_value
    return companion.getDeclaredField.return_value.get.return_value.finish.call_args


def test_a_failure_before_there_is_a_session_is_among_what_the_jvm_said(gateway):
    with pytest.raises(SystemExit) as stop:
        main(["tables", "--env", "moon"])
    assert stop.value.code == 2
    (said,) = gateway.jvm.java.lang.System.err.println.call_args.args
    assert said.startswith("error: expected one of local, databricks, emr; found --env moon")
    assert told(gateway) is None


def test_a_later_failure_is_the_word_of_the_application_master(gateway, monkeypatch):
    monkeypatch.setattr(SparkContext, "_active_spark_context", object())
    yarn.report_failure("a fault", 1)
    failed = gateway.jvm.org.apache.hadoop.yarn.api.records.FinalApplicationStatus.FAILED
    assert told(gateway).args == (failed, 1, "error: a fault")


def test_another_spark_does_not_hide_the_failure(gateway, monkeypatch, capsys):
    monkeypatch.setattr(SparkContext, "_active_spark_context", object())
    gateway.jvm.java.lang.Class.forName.side_effect = RuntimeError("no such class")
    with pytest.raises(SystemExit) as stop:
        main(["nonsense"])
    assert stop.value.code == 2
    assert "No such command" in capsys.readouterr().err


def test_nobody_is_told_outside_of_yarn(gateway, monkeypatch):
    monkeypatch.delenv("CONTAINER_ID")
    yarn.report_failure("a fault", 1)
    assert not gateway.jvm.mock_calls
