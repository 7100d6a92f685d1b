"""Files, tables, feeds and checkpoints on S3, which a server on this machine speaks; models by MLflow's server."""

import json
import socket
import subprocess
import sys
import time
import urllib.request

import boto3
import few_prices
import pytest
import yaml
from cluster_jars import jars
from moto.server import ThreadedMotoServer

from brazada.simulate.swim import simulate

KEYS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="module")
def bucket():
    """A bucket, and by variables of the environment the way to it for all processes of the test."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**KEYS, "AWS_ENDPOINT_URL": f"http://{host}:{port}"}.items():
            patch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket")
        yield client
    server.stop()


@pytest.fixture(scope="module")
def mlflow_server(tmp_path_factory):
    """MLflow's server, by its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    place = tmp_path_factory.mktemp("mlflow")
    words = ["server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    words += ["--backend-store-uri", f"sqlite:///{place}/runs.db", "--artifacts-destination", str(place / "models")]
    command = [sys.executable, "-m", "mlflow", *words]
    with (place / "log").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log, cwd=place) as process:
        try:
            for _ in range(240):
                try:
                    with urllib.request.urlopen(f"http://127.0.0.1:{port}/health"):
                        break
                except OSError:
                    assert process.poll() is None, (place / "log").read_text()
                    time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def on_s3(bucket, mlflow_server, tmp_path_factory):
    """Options of a command by which its tables are on S3 and its models with MLflow's server."""
    paths = ":".join(map(str, jars()))
    config = {
        "spark.driver.extraClassPath": paths,
        "spark.hadoop.fs.s3a.endpoint": bucket.meta.endpoint_url,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
    }
    settings = {
        "warehouse": {"path": "s3a://bucket/warehouse"},
        "spark": {"config": config},
        "training": {"mlflow_uri": mlflow_server, "ranks": 1},
    }
    conf = tmp_path_factory.mktemp("s3") / "s3.yaml"
    conf.write_text(yaml.safe_dump(settings))
    return ("--conf", str(conf), *(f"--set={setting}" for setting in few_prices.SETTINGS))


@pytest.fixture(scope="module")
def keys(bucket):
    """The keys of the bucket that begin so."""

    def begin(prefix):
        pages = bucket.get_paginator("list_objects_v2").paginate(Bucket="bucket", Prefix=prefix)
        return [entry["Key"] for page in pages for entry in page.get("Contents", [])]

    return begin


def test_prices_go_from_files_to_forecasts(brazada, bucket, keys, on_s3):
    bucket.put_object(Bucket="bucket", Key="in/prices.csv", Body=few_prices.text().encode())
    steps = "ingest,series,windows,train,backtest,forecast"
    said = brazada("prices", "run", "s3a://bucket/in", "--source", "kalimati", "--steps", steps, *on_s3).stderr
    assert "rows in 240 = good 236 + duplicate 0 + quarantined 4" in said
    assert "prices forecast done" in said
    assert keys("warehouse/prices/forecasts/_delta_log/")
    assert not [key for key in keys("warehouse/.training/") if key.endswith(".npz")]
    query = "SELECT (SELECT count(*) FROM prices.latest_forecasts) AS forecasts, count(*) AS runs FROM ml.runs"
    (row,) = json.loads(brazada("sql", query, "--format", "json", *on_s3).stdout)
    assert row["forecasts"] == 8
    assert row["runs"] >= 1
    listed = brazada("tables", *on_s3).stdout
    for name in ("prices.observations", "ml.runs", "ops.job_runs"):
        assert name in listed


def test_swim_logs_go_to_laps_and_alerts(brazada, bucket, keys, on_s3, tmp_path):
    (log,) = simulate(tmp_path, 15_000, seed=7, silences=0.3).files
    bucket.upload_file(str(log), "bucket", f"logs/{log.name}")
    words = ("swim", "run", "s3a://bucket/logs", "--steps", "ingest,sessions,laps,alerts", *on_s3)
    assert "swim alerts done" in brazada(*words).stderr
    assert keys("warehouse/.work/streams/")
    again = brazada(*words).stderr
    assert "1 of 1 files known already" in again
    assert "0 alerts raised" in again
