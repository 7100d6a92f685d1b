"""Tables by name in a Hive metastore, which a later session finds again: jobs, SQL, upkeep, JDBC."""

import json
import re
import signal

import few_prices
import pytest
import yaml
from pyhive import hive


@pytest.fixture(scope="module")
def named(tmp_path_factory):
    """Options of a command by which its tables are in a metastore in a folder."""
    place = tmp_path_factory.mktemp("hive")
    config = {
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": str(place / "warehouse"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={place}/metastore;create=true",
    }
    settings = {
        "warehouse": {"path": None, "catalog": "spark_catalog"},
        "spark": {"config": config},
    }
    (place / "hive.yaml").write_text(yaml.safe_dump(settings))
    return ("--conf", str(place / "hive.yaml"), *(f"--set={setting}" for setting in few_prices.SETTINGS))


def test_jobs_sql_upkeep_and_jdbc_by_name(brazada, start, named, tmp_path):
    (tmp_path / "prices.csv").write_text(few_prices.text())
    brazada("prices", "run", str(tmp_path / "prices.csv"), "--source", "kalimati", "--steps", "ingest,series", *named)
    query = "SELECT count(*) AS n FROM prices.series"
    assert json.loads(brazada("sql", query, "--format", "json", *named).stdout) == [{"n": 236}]
    assert "prices.series" in brazada("maintain", "prices.series", *named).stdout
    server = start("serve", "--port", "0", *named)
    port = int(re.search(r":(\d+)$", server.stdout.readline())[1])
    at = hive.connect("127.0.0.1", port).cursor()
    at.execute("SELECT count(*) FROM prices.series")
    assert at.fetchall() == [(236,)]
    server.send_signal(signal.SIGTERM)
    server.communicate(timeout=60)
    assert server.returncode == 0
