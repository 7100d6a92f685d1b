"""The wheel in a packed environment, by spark-submit, on workers that do not share the driver's memory."""

import os
import subprocess
import sys
from pathlib import Path

import pyspark

ROOT = Path(__file__).resolve().parents[2]


def test_the_packed_wheel_ingests_on_a_local_cluster(tmp_path, content):
    packed = tmp_path / "brazada-env.tar.gz"
    offline = {**os.environ, "UV_OFFLINE": "1"}
    subprocess.run([sys.executable, ROOT / "conf/deploy/pack_env.py", packed, "--extras", ""], check=True, env=offline)
    (tmp_path / "environment").mkdir()
    subprocess.run(["tar", "-xzf", packed, "-C", tmp_path / "environment"], check=True)
    log = tmp_path / "prices.csv"
    log.write_text(
        "Commodity,Date,Unit,Minimum,Maximum,Average\n"
        "Apple,1/2/2024,KG,Rs 10.00,Rs 20.00,Rs 15.00\n"
        "Pear,1/2/2024,KG,Rs 10.00,Rs 20.00,Rs 35.00\n"
    )
    spark = Path(pyspark.__file__).parent
    environment = {
        **{k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")},
        "SPARK_HOME": str(spark),
        "PYSPARK_PYTHON": "./environment/bin/python",
        "PYSPARK_DRIVER_PYTHON": str(tmp_path / "environment/bin/python"),
    }
    done = subprocess.run(
        [
            *(spark / "bin/spark-submit", "--master", "local-cluster[2,1,1024]", "--archives", f"{packed}#environment"),
            *("--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.driver.bindAddress=127.0.0.1"),
            *("--conf", "spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1"),
            *("--conf", "spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1"),
            *(ROOT / "jobs/prices.py", "ingest", "--source", "kalimati", log, "--warehouse", tmp_path / "warehouse"),
        ],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    # spark-submit hands a Python driver's standard error over as its own output
    assert "rows in 2 = good 1 + duplicate 0 + quarantined 1" in done.stdout
    assert len(content(tmp_path / "warehouse", "prices.observations")) == 1
    assert "average" in content(tmp_path / "warehouse", "ops.quarantine")[0].__repr__()
