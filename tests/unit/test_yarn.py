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
    return made


def told(gateway):
    """What the application master was told."""
    companion = gateway.jvm.java.lang.Class.forName.return_value
    return companion.getDeclaredField.return_value.get.return_value.finish.call_args


def test_yarn_hears_what_failed_with_the_exit_code(gateway):
    with pytest.raises(SystemExit) as stop:
        main(["tables", "--env", "moon"])
    assert stop.value.code == 2
    status, code, message, at_shutdown = told(gateway).args
    assert status is gateway.jvm.org.apache.hadoop.yarn.api.records.FinalApplicationStatus.FAILED
    assert (code, at_shutdown) == (2, True)
    assert message.startswith("expected one of local, databricks, emr; found --env moon")


def test_another_spark_does_not_hide_the_failure(gateway, capsys):
    gateway.jvm.java.lang.Class.forName.side_effect = RuntimeError("no such class")
    with pytest.raises(SystemExit) as stop:
        main(["nonsense"])
    assert stop.value.code == 2
    assert "No such command" in capsys.readouterr().err


def test_nobody_is_told_outside_of_yarn(gateway, monkeypatch):
    monkeypatch.delenv("CONTAINER_ID")
    yarn.report_failure("a fault", 1)
    assert told(gateway) is None
