"""spark-submit as on a cluster: the packed environment on workers that do not share the driver's memory; exit codes."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark

from brazada.simulate.swim import simulate

ROOT = Path(__file__).resolve().parents[2]
SPARK = Path(pyspark.__file__).parent


def submit(*words, folder, master="local[1]", driver=sys.executable, workers=sys.executable):
    """Run spark-submit, interpreters by `--conf` as docs/deploy.md has it, in whatever environment is active."""
    options = {
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
        "spark.pyspark.python": workers,
        "spark.pyspark.driver.python": driver,
    }
    confs = [word for key, value in options.items() for word in ("--conf", f"{key}={value}")]
    return subprocess.run(
        [SPARK / "bin/spark-submit", "--master", master, *confs, *words],
        cwd=folder,
        env={**{k: v for k, v in os.environ.items() if k != "PYTHONPATH"}, "SPARK_HOME": str(SPARK)},
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )


def test_the_packed_role_swim_runs_on_a_local_cluster(tmp_path, content):
    packed = tmp_path / "brazada-env.tar.gz"
    offline = {**os.environ, "UV_OFFLINE": "1"}
    subprocess.run(
        [sys.executable, ROOT / "conf/deploy/pack_env.py", packed, "--roles", "swim"], check=True, env=offline
    )
    (tmp_path / "environment").mkdir()
    subprocess.run(["tar", "-xzf", packed, "-C", tmp_path / "environment"], check=True)
    simulate(tmp_path / "logs", rows=15_000, seed=7)
    done = submit(
        *("--archives", f"{packed}#environment", ROOT / "jobs/swim.py", "run", tmp_path / "logs"),
        *("--steps", "ingest,laps,fit,score", "--set", "swim.clusters.kinematic=3"),
        *("--warehouse", tmp_path / "warehouse"),
        folder=tmp_path,
        master="local-cluster[1,2,1024]",
        driver=tmp_path / "environment/bin/python",
        workers="./environment/bin/python",
    )
    # spark-submit hands a Python driver's standard error over as its own output
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert "swim score done" in done.stdout
    assert content(tmp_path / "warehouse", "swim.styles")


def test_what_a_job_says_and_its_exit_code_reach_the_caller_of_spark_submit(tmp_path):
    done = submit(ROOT / "jobs/command.py", "tables", "--env", "moon", folder=tmp_path)
    assert done.returncode == 2
    assert "local, databricks, emr" in done.stdout
