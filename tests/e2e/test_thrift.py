"""`brazada serve` as a JDBC client meets it: tables and views by name, nothing that changes them."""

import contextlib
import os
import re
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pyhive import hive

from brazada.simulate.fashion import simulate

SAMPLE = Path(__file__).resolve().parents[1] / "sample/prices/kalimati_2023_2024.csv.gz"
CHANGES = (
    "DELETE FROM prices.observations",
    "WITH x AS (SELECT 1) DELETE FROM prices.observations",
    "DROP TABLE prices.observations",
    "CREATE TABLE prices.other (id INT)",
    "SET spark.sql.runSQLonFiles = true",
    "ADD JAR '/nothing.jar'",
    "SELECT reflect('java.lang.System', 'exit', 0)",
    "SELECT * FROM text.`/etc/hostname`",
)


@pytest.fixture(scope="module")
def warehouse(brazada, tmp_path_factory) -> str:
    place = str(tmp_path_factory.mktemp("served"))
    brazada("prices", "ingest", "--source", "kalimati", str(SAMPLE), "--warehouse", place)
    return place


@pytest.fixture(scope="module")
def server(start, warehouse):
    """A server on a free port, and the port."""
    process = start("serve", "--port", "0", "--refresh", "1", "--warehouse", warehouse)
    return process, int(re.search(r":(\d+)$", process.stdout.readline())[1])


@pytest.fixture
def ask(server):
    """The rows that a client of its own gets for a statement."""

    def rows(statement):
        with (
            contextlib.closing(hive.connect("127.0.0.1", server[1])) as client,
            contextlib.closing(client.cursor()) as at,
        ):
            at.execute(statement)
            return at.fetchall()

    return rows


def test_ten_clients_at_once_read_tables_and_versions(ask):
    statements = [
        "SELECT count(*) FROM prices.observations",
        "SELECT count(*) FROM prices.observations VERSION AS OF 1",
    ]
    with ThreadPoolExecutor(10) as clients:
        assert list(clients.map(ask, statements * 5)) == [[(6882,)]] * 10


@pytest.mark.parametrize("statement", CHANGES)
def test_what_would_change_anything_is_refused_and_says_so(ask, statement):
    with pytest.raises(hive.OperationalError, match=r"expected (a statement that only reads|tables and views)"):
        ask(statement)
    assert ask("SELECT count(*) FROM prices.observations") == [(6882,)]


def test_a_statement_that_is_no_sql_is_told_as_spark_tells_it(ask):
    with pytest.raises(hive.OperationalError, match="PARSE_SYNTAX_ERROR"):
        ask("SELEC 1")


def test_new_tables_and_views_are_served_without_a_restart(ask, brazada, warehouse, tmp_path):
    simulate(tmp_path, 50, 7)
    brazada("images", "ingest-fashion", str(tmp_path), "--warehouse", warehouse)
    until = time.monotonic() + 60
    while ("images",) not in ask("SHOW SCHEMAS") or not (views := ask("SHOW VIEWS IN images")):
        assert time.monotonic() < until
        time.sleep(1)
    assert "fashion_classes" in {name for _, name, _ in views}
    for name in ("fashion", "fashion_classes"):
        assert ask(f"SELECT count(*) > 0 FROM images.{name}") == [(True,)]


def test_a_port_that_is_taken_is_refused(server, brazada, warehouse):
    refused = brazada("serve", "--port", str(server[1]), "--warehouse", warehouse, code=2)
    assert f"a free port on 127.0.0.1; found {server[1]}" in refused.stderr


def gone(process):
    """Whether all processes of its group end within a minute."""
    for _ in range(120):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.5)
    return False


def test_it_ends_by_sigterm_and_leaves_no_process(server):
    process, _ = server
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out.splitlines()[-1]) == (0, "stopped"), err
    assert gone(process)


def test_a_job_that_is_stopped_by_sigterm_is_recorded_and_leaves_no_process(start, content, tmp_path):
    process = start("prices", "ingest", "--source", "kalimati", str(SAMPLE), "--warehouse", str(tmp_path))
    while not (tmp_path / ".locks").exists():  # the session runs, and the first table is being written
        assert process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err.splitlines()[-1]) == (143, "stopped by SIGTERM"), err
    (run,) = content(tmp_path, "ops.job_runs")
    assert "stopped" in run
    assert gone(process)
