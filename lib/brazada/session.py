"""The Spark session of one job: made here locally, taken as it is on Databricks, EMR and under spark-submit."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from brazada.errors import SettingsError, Terminated
from brazada.settings import CONF_DIR, Settings, Warehouse

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}


def start(settings: Settings, verbose: bool = False) -> SparkSession:
    """Start the session, or take the running one. Quiet but for errors unless `verbose`.

    Locally the JVM's options are ours to set; anywhere else the cluster's stand and only session options are added.
    Raises SettingsError where this machine is not of the named environment, and where the catalog would be gone with
    the session.
    """
    from pyspark.sql import SparkSession

    if SparkSession.getActiveSession() is None:
        _check_place(settings)
    builder = SparkSession.builder.appName(settings.spark.app_name)
    options = {**_DELTA, **settings.spark.config} if settings.env != "databricks" else dict(settings.spark.config)
    if not verbose:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # before TensorFlow is imported
    if settings.env == "local":
        _prepare(options, settings, verbose)
    if settings.spark.master and not _submitted():  # spark-submit names the master
        builder = builder.master(settings.spark.master)
    for key, value in options.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    if threading.current_thread() is threading.main_thread():
        # Spark's own handler talks to the JVM from inside the signal, which fails when it interrupts such talk.
        signal.signal(signal.SIGINT, _interrupted)
        signal.signal(signal.SIGTERM, _interrupted)
    if not verbose:
        spark.sparkContext.setLogLevel("FATAL" if settings.env == "local" else "ERROR")
    if settings.warehouse.catalog:
        spark.catalog.setCurrentCatalog(settings.warehouse.catalog)
    if settings.env != "local" and settings.warehouse.catalog == "spark_catalog":
        _check_catalog(spark)
    return spark


def _submitted() -> bool:
    """Whether spark-submit or one of Spark's shells began this process.

    A shell's scripts set the first variable on this machine, and not in the container of a driver in cluster mode,
    which has the second: where its JVM listens.
    """
    return bool({"SPARK_ENV_LOADED", "PYSPARK_GATEWAY_PORT"} & set(os.environ))


def _check_place(settings: Settings) -> None:
    """Raise SettingsError where this machine is not of the environment that the settings are of."""
    here = f"leave out --env {settings.env} to use this machine"
    if settings.env == "databricks" and not os.environ.get("DATABRICKS_RUNTIME_VERSION"):
        raise SettingsError(
            "a cluster of Databricks, which brings Spark, Delta, the catalog and the login",
            found="a machine without its runtime (the variable DATABRICKS_RUNTIME_VERSION is not set)",
            todo=f"run the command there as a job or in a notebook, or {here}",
        )
    if settings.env == "emr" and not settings.spark.master and not _submitted():
        raise SettingsError(
            "a session that spark-submit starts on EMR, or a master to start one with",
            found="neither (spark-submit did not start this process, spark.master is null)",
            todo=f"submit the file under jobs/ by spark-submit, or set spark.master, or {here}",
        )


def _check_catalog(spark: SparkSession) -> None:
    """Raise SettingsError where tables by name would be gone with the session."""
    if spark.conf.get("spark.sql.catalogImplementation") == "in-memory":
        raise SettingsError(
            "a catalog that outlives the session",
            found="Spark's own, in memory",
            todo="submit with --conf spark.sql.catalogImplementation=hive, or set warehouse.catalog to null",
        )


def _check_folder(warehouse: Warehouse) -> None:
    """Raise SettingsError where the warehouse is no folder, nor one can be made; one that is there need not be ours."""
    there = warehouse.nearest()
    is_warehouse = there == Path(str(warehouse.path)).resolve()
    if there is None or (there.is_dir() and (is_warehouse or os.access(there, os.W_OK))):
        return
    found = f"{there}, {'which you may not write to' if there.is_dir() else 'a file'}"
    raise SettingsError("a folder in warehouse.path", found=found, todo="name another --warehouse")


def _prepare(options: dict[str, str], settings: Settings, verbose: bool) -> None:
    """What only a laptop needs, into the options and the variables of this process.

    Raises SettingsError where no folder for the tables can be.
    """
    _check_folder(settings.warehouse)
    # Python workers must run this very interpreter, whatever `python3` means on the PATH.
    os.environ["PYSPARK_PYTHON"] = os.environ.get("PYSPARK_PYTHON", sys.executable)
    if os.environ.get("LC_ALL") in ("C", "POSIX"):  # in which Java sees no file whose name is not ASCII
        os.environ["LC_ALL"] = "C.UTF-8"
    java = [options.get("spark.driver.extraJavaOptions", "")]
    archive = Path(sys.prefix) / "spark.jsa"  # made by the set-up; one that does not fit is ignored, and silently
    if archive.is_file() and "Archive" not in java[0]:  # nor beside one that is asked for, or being made
        java.append(f"'-XX:SharedArchiveFile={archive}' -Xlog:cds=off -Xlog:cds+dynamic=off -Xlog:class+path=off")
    if not verbose:
        java.append(f"'-Dlog4j2.configurationFile=file:{CONF_DIR / 'log4j2-quiet.properties'}'")
    options["spark.driver.extraJavaOptions"] = " ".join(filter(None, java))
    if settings.warehouse.is_local:
        # Else Spark leaves a folder `spark-warehouse` wherever the command is run.
        options.setdefault("spark.sql.warehouse.dir", str(Path(str(settings.warehouse.path)).resolve() / ".spark"))
    options.setdefault("spark.ui.showConsoleProgress", "false")  # jobs have a display of their own


def hush_py4j() -> None:
    """Keep py4j from telling of every call that Ctrl-C breaks off, by its own logger and the root's."""
    logging.getLogger("py4j").setLevel(logging.CRITICAL + 1)
    if not logging.getLogger().handlers:  # else Python would give it one that prints
        logging.getLogger().addHandler(logging.NullHandler())


def _interrupted(number: int, frame: object) -> None:
    hush_py4j()
    if number == signal.SIGTERM:
        raise Terminated("SIGTERM")
    signal.default_int_handler(number, frame)  # type: ignore[arg-type]


@contextmanager
def bounded_batches(spark: SparkSession, rows: int) -> Iterator[None]:
    """Have Spark read from files, and hand to Python, at most so many rows at once while this is open."""
    names = ("spark.sql.execution.arrow.maxRecordsPerBatch", "spark.sql.parquet.columnarReaderBatchSize")
    before = {name: str(spark.conf.get(name)) for name in names}
    try:
        for name in names:
            spark.conf.set(name, rows)
        yield
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)
