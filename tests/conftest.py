"""One Spark session for the whole run; a warehouse of its own and an empty catalog for each test."""

import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import hypothesis
import nbformat
import pytest
from nbclient import NotebookClient
from pyspark.sql import SparkSession
from rich.console import Console

from brazada import session
from brazada.cli import cli
from brazada.output import Output, speak
from brazada.report import Job
from brazada.settings import Settings, load
from brazada.tables import Store

TEST_SETTINGS = (
    "spark.master=local[2]",
    "spark.config.spark.sql.shuffle.partitions=2",
    "spark.config.spark.driver.memory=2g",
    "spark.config.spark.ui.showConsoleProgress=false",
    "spark.config.spark.driver.extraJavaOptions=-XX:TieredStopAtLevel=1",  # tests are short: compile fast, not well
    "training.ranks=1",
    "training.launch=process",
)

hypothesis.settings.register_profile("untimed", deadline=None)  # no test depends on how busy the machine is
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _plain_speech() -> Iterator[None]:
    """However a test has commands speak, the next one's speak to people."""
    yield
    speak(Output())


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load(overrides=[*TEST_SETTINGS, f"warehouse.path={tmp_path / 'warehouse'}"], variables={})


@pytest.fixture(scope="session")
def spark_session(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    scratch = tmp_path_factory.mktemp("spark")
    overrides = [*TEST_SETTINGS, f"spark.config.spark.local.dir={scratch}"]
    overrides.append(f"spark.config.spark.sql.warehouse.dir={scratch / 'warehouse'}")
    return session.start(load(overrides=overrides, variables={}))


@pytest.fixture
def spark(spark_session: SparkSession) -> Iterator[SparkSession]:
    yield spark_session
    for (schema,) in spark_session.sql("SHOW SCHEMAS").collect():
        if schema != "default":
            spark_session.sql(f"DROP SCHEMA {schema} CASCADE")


@pytest.fixture
def job(spark: SparkSession, settings: Settings) -> Job:
    store = Store(spark, settings.warehouse)
    return Job("test", "run-1", settings, spark, store, Console(file=sys.stderr, quiet=True))


@pytest.fixture
def brazada(spark: SparkSession, monkeypatch, tmp_path: Path, capfd) -> Callable[..., str]:
    """Run a command in this process and session, on this test's warehouse; what it prints, the report last."""
    monkeypatch.setattr(session, "start", lambda *_: spark)
    options = "spark.master=local[2]", f"warehouse.path={tmp_path / 'warehouse'}", "training.start_timeout_s=120"

    def run(*words: str, settings: Sequence[str] = ()) -> str:
        capfd.readouterr()
        cli.main([*words, *(part for s in (*options, *settings) for part in ("--set", s))], standalone_mode=False)
        said = capfd.readouterr()
        return said.out + said.err

    return run


@pytest.fixture
def query(brazada) -> Callable[[str], list[dict]]:
    """The rows that `brazada sql` gives."""
    return lambda text: json.JSONDecoder().raw_decode(brazada("sql", "--format", "json", text))[0]


@pytest.fixture
def pictures() -> Callable[[Path, Path], int]:
    """Execute every cell of a notebook over a warehouse, and count its pictures; a cell that raises fails the test."""

    def count(path: Path, warehouse: Path) -> int:
        notebook = nbformat.read(path, as_version=4)
        options = "{spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1, spark.sql.shuffle.partitions: '2'}"
        environment = {**os.environ, "BRAZADA_WAREHOUSE": str(warehouse), "BRAZADA__SPARK__CONFIG": options}
        resources = {"metadata": {"path": str(path.parent)}}
        NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute(env=environment)
        outputs = [out for cell in notebook.cells for out in cell.get("outputs", [])]
        return sum("image/png" in out.get("data", {}) for out in outputs)

    return count
