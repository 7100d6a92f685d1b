"""Have YARN tell spark-submit's caller why a driver in cluster mode failed: by itself it knows the exit code alone."""

from __future__ import annotations

import logging
import os
import sys
from typing import Any

log = logging.getLogger(__name__)


def report_failure(message: str, code: int) -> None:
    """Hand the message to YARN, where this process is the driver in its cluster mode, and may be ended by that.

    Spark has no call for it, so this reaches into its application master; where that is not as in Spark 3.5 nothing is
    reported, and the job fails as it would have.
    """
    # YARN names each container so; spark-submit tells a Python driver where its JVM listens.
    if "CONTAINER_ID" not in os.environ or "PYSPARK_GATEWAY_PORT" not in os.environ:
        return
    sys.stdout.flush()
    sys.stderr.flush()
    try:
        _report(message, code)
    except Exception:
        log.debug("YARN was not told of the failure", exc_info=True)


def _report(message: str, code: int) -> None:
    from pyspark import SparkContext
    from pyspark.java_gateway import launch_gateway

    gateway: Any = SparkContext._gateway or launch_gateway()  # type: ignore[no-untyped-call]
    jvm = gateway.jvm
    # Of a driver that failed before it had a session YARN shows the end of what its JVM said.
    jvm.java.lang.System.err.println(f"error: {message}")
    if SparkContext._active_spark_context is None:
        return
    # Of a later one it shows the words with which the application master ended.
    name = "org.apache.spark.deploy.yarn.ApplicationMaster$"
    companion = jvm.java.lang.Class.forName(name)
    field = companion.getDeclaredField(f"{name.replace('.', '$')}$master")
    field.setAccessible(True)
    master = field.get(companion.getField("MODULE$").get(None))
    failed = jvm.org.apache.hadoop.yarn.api.records.FinalApplicationStatus.FAILED
    master.finish(failed, code, f"error: {message}")
