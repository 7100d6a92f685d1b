"""Spark's own Thrift server, offline, serves the tables as docs/how-to/jdbc.md says."""

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path

import pyspark
import pytest
from pyhive import hive

SAMPLE = Path(__file__).resolve().parents[1] / "sample/prices/kalimati_2023_2024.csv.gz"
CLASS = "org.apache.spark.sql.hive.thriftserver.HiveThriftServer2"
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}


@pytest.fixture
def port(tmp_path, kill_group):
    """A Thrift server on a free port of this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = Path(pyspark.__file__).parent
    options = [part for key, value in DELTA.items() for part in ("--conf", f"{key}={value}")]
    hive_options = {
        "hive.server2.thrift.bind.host": "127.0.0.1",
        "hive.server2.thrift.port": port,
        "javax.jdo.option.ConnectionURL": "jdbc:derby:memory:m;create=true",
    }
    hive_words = [part for key, value in hive_options.items() for part in ("--hiveconf", f"{key}={value}")]
    process = subprocess.Popen(
        [home / "bin/spark-submit", "--master", "local[2]", "--class", CLASS, *options, "spark-internal", *hive_words],
        cwd=tmp_path,
        env={**os.environ, "SPARK_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    yield port
    kill_group(process)


def connected(port):
    """A connection, as soon as the server listens."""
    until = time.monotonic() + 120
    while True:
        try:
            return hive.connect("127.0.0.1", port)
        except Exception:
            if time.monotonic() > until:
                raise
            time.sleep(1)


def test_tables_are_served_over_thrift(brazada, port, tmp_path):
    warehouse = str(tmp_path / "warehouse")
    brazada("prices", "ingest", "--source", "kalimati", str(SAMPLE), "--warehouse", warehouse)
    ddl = brazada("tables", "--ddl", "--warehouse", warehouse).stdout
    with contextlib.closing(connected(port)) as first, contextlib.closing(first.cursor()) as cursor:
        for statement in filter(str.strip, ddl.split(";")):
            cursor.execute(statement)
    with contextlib.closing(connected(port)) as second, contextlib.closing(second.cursor()) as cursor:
        cursor.execute("SELECT count(*) FROM prices.observations VERSION AS OF 1")
        assert cursor.fetchall() == [(6882,)]
