import shutil
from pathlib import Path

import pytest

databricks_bundle = pytest.importorskip("databricks_bundle", reason="`make deploy-check` installs what it needs")
ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def bundle(tmp_path):
    """The bundle in a folder of its own, with files where `make bundle` puts them."""
    shutil.copy(ROOT / "databricks.yml", tmp_path)
    shutil.copytree(ROOT / "conf/deploy/databricks", tmp_path / "conf/deploy/databricks")
    (tmp_path / "dist").mkdir()
    for name in ("brazada-0.1.0-py3-none-any.whl", "databricks-requirements.txt"):
        (tmp_path / "dist" / name).touch()
    return tmp_path


def test_the_bundle_is_whole(bundle):
    assert databricks_bundle.faults(bundle) == []


SWIM = "conf/deploy/databricks/swim.yml"
CLUSTER = "databricks.yml"


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (SWIM, "max_concurrent_runs: 1", "max_concurent_runs: 1", "Unexpected field 'max_concurent_runs'"),
        (SWIM, "max_concurrent_runs: 1", "max_concurrent_runs: 2", "expected max_concurrent_runs: 1"),
        (SWIM, "task_key: ingest}", "task_key: ingets}", "expected depends_on out of ingest, sessions"),
        (SWIM, "- task_key: laps", "- task_key: sessions", "task sessions: expected it once"),
        (SWIM, "- task_key: ingest\n", "- task_key: ingest\n          depends_on: [{task_key: score}]\n", "circle"),
        (
            SWIM,
            "job_cluster_key: main\n          libraries: *",
            "job_cluster_key: big\n          libraries: *",
            "found big",
        ),
        (SWIM, "${var.input}", "${var.inputs}", "expected a variable that has a value; found var.inputs"),
        (SWIM, "dist/*.whl", "lib/*.whl", "expected one file at ../../../lib/*.whl"),
        (SWIM, "[swim, score,", "[swim, scores,", "expected a command of swim; found scores"),
        (SWIM, "[swim, score,", "[swim, score, --methods, kinematic,", "No such option"),
        (SWIM, "[swim, score, --env, databricks]", "[swim, score]", "expected --env databricks"),
        (SWIM, "[swim, ingest, ", "[swim, ingest, --set, swim.method=magic, ", "swim.method"),
        (SWIM, "[swim, score,", "[train, swimming,", "expected a task out of car_damage"),
        (SWIM, "entry_point: brazada", "entry_point: main", "found {'package_name': 'brazada', 'entry_point': 'main'"),
        (SWIM, "0 0 4 * * ?", "0 4 * * *", "expected a Quartz expression"),
        (SWIM, "timezone_id: UTC", "timezone_id: Mars", "expected a time zone"),
        (SWIM, "    swim:\n", "    prices:\n", "job prices: expected it once"),
        (SWIM, "parameters: [swim, laps, ", "parameters: [swim, laps], [", "expected YAML"),
        (CLUSTER, "15.4.x-scala2.12", "16.4.x-scala2.12", "expected spark_version out of conf/deploy/allowed.yaml"),
        (CLUSTER, "default: m5d.xlarge", "default: m5d.xlarg", "expected node_type_id out of"),
        (CLUSTER, "SINGLE_USER", "USER_ISOLATION", "expected dedicated access mode"),
        (CLUSTER, "SINGLE_USER", "SINGLE_USERS", "SINGLE_USERS"),
        (CLUSTER, "${var.volume}/runs", "/dbfs/tmp/runs", "on a Volume"),
        (CLUSTER, "LAUNCH: process", "LAUNCH: rocket", "training.launch"),
        (CLUSTER, "    - dist/databricks-", "    - dist/", "databricks-requirements.txt of prices.yml in include"),
        (CLUSTER, "mode: production", "mod: production", "found mod"),
        (CLUSTER, "      catalog: brazada\n", "      catalogue: brazada\n", "found catalogue"),
        (CLUSTER, "conf/deploy/databricks/*.yml", "conf/databricks/*.yml", "include: expected files; found none"),
        (CLUSTER, "  node_type:\n", "  size:\n    default: '1'\n  node_type:\n", "variable size: expected a use"),
    ],
)
def test_what_is_broken_is_refused(bundle, file, old, new, said):
    for other in ("images", "maintain", "sensors"):
        (bundle / f"conf/deploy/databricks/{other}.yml").unlink()
    text = (bundle / file).read_text()
    assert old in text
    (bundle / file).write_text(text.replace(old, new))
    assert said in "\n".join(databricks_bundle.faults(bundle))
