from unittest.mock import Mock

import pytest

check = pytest.importorskip("check", reason="`make deploy-check` installs what it needs")


@pytest.mark.parametrize(("faults", "code"), [([], 0), (["swim.yml: a fault"], 1)])
def test_each_fault_is_printed_and_ends_the_check(monkeypatch, capsys, faults, code):
    monkeypatch.setattr(check.databricks_bundle, "faults", Mock(return_value=faults))
    monkeypatch.setattr(check.emr, "faults", lambda: ["steps.json: another"] if faults else [])
    monkeypatch.setattr(check.emr, "replay", list)
    monkeypatch.setattr(check.shutil, "which", Mock(return_value=None))
    with pytest.raises(SystemExit) as stop:
        check.main()
    assert stop.value.code == code
    said = capsys.readouterr().out
    assert said.count("nothing is wrong") == (0 if faults else 3)
    assert all(fault in said for fault in faults)


def test_the_databricks_command_is_asked_where_there_is_one(monkeypatch, tmp_path, capsys):
    command = tmp_path / "databricks"
    command.write_text('#!/bin/sh\necho "Error: $*"; exit 1\n')
    command.chmod(0o755)
    monkeypatch.setattr(check.databricks_bundle, "faults", Mock(return_value=[]))
    monkeypatch.setattr(check.emr, "faults", list)
    monkeypatch.setattr(check.emr, "replay", list)
    monkeypatch.setattr(check.shutil, "which", Mock(return_value=str(command)))
    with pytest.raises(SystemExit) as stop:
        check.main()
    assert stop.value.code == 1
    assert "Error: bundle validate" in capsys.readouterr().out
