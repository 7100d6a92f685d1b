"""Have YARN tell spark-submit's caller why a driver in cluster mode failed: by itself it knows the exit code alone."""

from __future__ import annotations

import logging
import os
from typing import Any

log = logging.getLogger(__name__)


def report_failure(message: str, code: int) -> None:
    """Make the message the application's diagnostics, where this process is the driver of one in YARN's cluster mode.

    Spark has no call for it, so this reaches into its application master; where that is not as in Spark 3.5 nothing is
    reported, and the job fails as it would have.
    """
    # YARN names each container so; spark-submit tells a Python driver where its JVM listens.
    if "CONTAINER_ID" not in os.environ or "PYSPARK_GATEWAY_PORT" not in os.environ:
        return
    try:
        _report(message, code)
    except Exception:
        log.debug("YARN was not told of the failure", exc_info=True)


def _report(message: str, code: int) -> None:
    from pyspark import SparkContext

    gateway: Any = SparkContext._gateway
    if gateway is None:  # it failed before there was a session
        from pyspark.java_gateway import launch_gateway

        gateway = launch_gateway()  # type: ignore[no-untyped-call]
    jvm = gateway.jvm
    companion = jvm.java.lang.Class.forName("org.apache.spark.deploy.yarn.ApplicationMaster$")
    field = companion.getDeclaredField("master")
    field.setAccessible(True)
    master = field.get(companion.getField("MODULE$").get(None))
    failed = jvm.org.apache.hadoop.yarn.api.records.FinalApplicationStatus.FAILED
    master.finish(failed, code, message, True)  # as at shutdown: it only notes the words, and ends with this driver
