import json
import shutil
from pathlib import Path

import pytest

emr = pytest.importorskip("emr", reason="`make deploy-check` installs what it needs")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(emr.FOLDER, tmp_path / "emr"))


def test_the_templates_are_what_emr_takes():
    assert emr.faults() == []


def test_they_are_taken_by_aws_as_moto_plays_it():
    pytest.importorskip("moto")
    assert emr.replay() == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("cluster.json", '"ReleaseLabel"', '"Release"', 'Unknown parameter in input: "Release"'),
        ("cluster.json", '"InstanceCount": 2', '"InstanceCount": "two"', "Invalid type for parameter"),
        ("cluster.json", '"CORE"', '"WORKER"', "InstanceRole: expected one of MASTER, CORE, TASK; found WORKER"),
        ("cluster.json", "m5.2xlarge", "m5.3xlarge", "expected an instance type out of"),
        ("cluster.json", '"delta.enabled": "true"', '"delta.enabled": "false"', "expected delta.enabled: true"),
        ("cluster.json", "spark-hive-site", "hive-site", "expected Glue's metastore in spark-hive-site"),
        ("cluster.json", "./environment/bin/python", "/usr/bin/python3", "expected spark.pyspark.python=./environment"),
        ("cluster.json", "#environment", "#env", "expected spark.archives=ARCHIVE#environment"),
        ("cluster.json", '"hive"', '"in-memory"', "expected spark.sql.catalogImplementation=hive"),
        ("cluster.json", "${release}", "emr-6.15.0", "expected a release out of"),
        ("cluster.json", "RunJobFlow", "StartJobFlow", "expected an operation of emr"),
        ("cluster.json", "{", "", "expected JSON"),
        ("cluster.json", "${subnet}", "${net}", "expected a variable out of release"),
        ("cluster.json", "${subnet}", "subnet-1", "variables.yaml: subnet: expected a use"),
        ("steps-swim.json", "CANCEL_AND_WAIT", "CONTINUE", "expected CANCEL_AND_WAIT"),
        ("steps-swim.json", "CANCEL_AND_WAIT", "STOP", "ActionOnFailure: expected one of"),
        ("steps-swim.json", '"cluster"', '"client"', "expected command-runner.jar spark-submit --deploy-mode cluster"),
        ("steps-swim.json", "command.py", "swimming.py", "expected the job file"),
        ("steps-swim.json", '"score"', '"scores"', "expected a command of swim; found scores"),
        ("steps-swim.json", "warehouse.path", "warehouse.folder", "unknown setting"),
        ("serverless-swim.json", "${role}", "brazada-job", "executionRoleArn"),
        ("serverless-swim.json", "--conf spark.jars", "--jars spark.jars", "expected pairs of --conf"),
        ("serverless-swim.json", "spark.jars=", "spark.jar=", "expected spark.jars"),
        ("application.json", "X86_64", "x86", "architecture: expected one of ARM64, X86_64"),
    ],
)
def test_what_is_broken_is_refused(folder, file, old, new, said):
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1))
    assert said in "\n".join(emr.faults(folder))


def test_values_are_written_as_json_needs_them(tmp_path):
    (tmp_path / "one.json").write_text('{"Service": "${region}"}')
    assert emr.filled(tmp_path / "one.json", {"region": 'a"b\\c'}) == {"Service": 'a"b\\c'}


def test_a_variable_without_a_value_is_asked_for(monkeypatch):
    monkeypatch.setattr("sys.argv", ["emr.py", "send", "steps-swim", "--set", "bucket=b"])
    with pytest.raises(SystemExit, match=r"expected a value of cluster .*Give it with --set cluster="):
        emr.main()


def test_every_job_of_databricks_has_steps():
    jobs = {path.stem for path in (ROOT / "conf/deploy/databricks").glob("*.yml")}
    assert jobs <= {path.stem.removeprefix("steps-") for path in emr.FOLDER.glob("steps-*.json")}
    assert all(json.loads(path.read_text()) for path in emr.FOLDER.glob("*.json"))
