"""A standalone cluster of a master and two workers of one core: training on two executors at once, by Horovod."""

import socket
import subprocess
import sys
import time
from pathlib import Path

import few_prices
import pyspark
import pytest

HOME = Path(pyspark.__file__).parent
CLASSES = "org.apache.spark.deploy"


def _free():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def master(tmp_path_factory):
    """The cluster, by its master's address."""
    place, port = tmp_path_factory.mktemp("standalone"), _free()
    url = f"spark://127.0.0.1:{port}"
    local = {"SPARK_HOME": str(HOME), "SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    commands = {"master": [f"{CLASSES}.master.Master", "--host", "127.0.0.1", "--port", port, "--webui-port", _free()]}
    for number in (1, 2):
        words = ["--host", "127.0.0.1", "--cores", 1, "--memory", "2g", "--work-dir", place / f"work{number}"]
        commands[f"worker{number}"] = [f"{CLASSES}.worker.Worker", *words, "--webui-port", _free(), url]
    started = []
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**local, "PYSPARK_PYTHON": sys.executable}.items():
            patch.setenv(name, value)
        for name, words in commands.items():
            log = (place / name).open("w")
            whole = [HOME / "bin/spark-class", *map(str, words)]
            started.append(subprocess.Popen(whole, stdout=log, stderr=subprocess.STDOUT))
        for _ in range(240):
            if (place / "master").read_text().count("Registering worker") == 2:
                break
            assert not [process for process in started if process.poll() is not None]
            time.sleep(0.5)
        yield url
    for process in reversed(started):
        process.terminate()
        process.wait()


def test_two_ranks_train_on_two_executors(brazada, content, master, tmp_path):
    (tmp_path / "prices.csv").write_text(few_prices.text())
    words = (
        "prices",
        "run",
        str(tmp_path / "prices.csv"),
        "--source",
        "kalimati",
        "--steps",
        "ingest,series,windows,train",
    )
    options = (
        *(f"--set={setting}" for setting in few_prices.SETTINGS),
        *("--set", f"spark.master={master}", "--set", "spark.config.spark.executor.memory=1g"),
        *("--set", "training.ranks=2", "--set", "training.launch=horovod", "--set", "training.start_timeout_s=200"),
        *("--warehouse", str(tmp_path / "warehouse")),
    )
    said = brazada(*words, *options).stderr
    assert "rows in 240 = good 236 + duplicate 0 + quarantined 4" in said
    runs = content(tmp_path / "warehouse", "ml.runs")
    assert runs
    assert all("2" in run for run in runs)
