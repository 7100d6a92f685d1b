"""SQL for JDBC clients: Spark's own Thrift server over the tables and views, which its clients only read."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors.exceptions.captured import CapturedException

from brazada.errors import BrazadaError, UsageError
from brazada.settings import Settings
from brazada.tables.readonly import refuse_plan

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ANSWERS_WITHIN_S = 60


def free_port(host: str, port: int) -> int:
    """The port, or for 0 any that is free. Raises UsageError where it is taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was closed a moment ago is free
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"a free port on {host}",
                found=f"{port}: {error.strerror}",
                todo="name another, or 0 for any that is free",
            ) from error
        return int(probe.getsockname()[1])


def with_address(settings: Settings, host: str, port: int) -> Settings:
    """Settings of a session that can serve there. Hive's client takes the address when it begins, not later."""
    address = {"spark.hadoop.hive.server2.thrift.bind.host": host, "spark.hadoop.hive.server2.thrift.port": str(port)}
    spark = settings.spark.model_copy(update={"config": {**settings.spark.config, **address}})
    return settings.model_copy(update={"spark": spark})


@contextmanager
def serving(spark: SparkSession, host: str, port: int) -> Iterator[None]:
    """Serve the tables of a session `with_address` while the block runs, from when the server answers.

    Every connection has a session of its own. Its statements are judged as those of `brazada sql` are; this session's
    own are not, so that tables can be attached meanwhile. Raises BrazadaError where the server does not answer.
    """
    _only_read(spark)
    thrift: Any = spark._jvm.org.apache.spark.sql.hive.thriftserver.HiveThriftServer2  # type: ignore[union-attr]
    server = thrift.startWithContext(spark._jsparkSession.sqlContext())
    try:
        _await_answer(host, port)
        yield
    finally:
        server.stop()


def _await_answer(host: str, port: int) -> None:
    """Wait until the server, which starts in a thread of its own, takes connections. Raises BrazadaError."""
    until = time.monotonic() + _ANSWERS_WITHIN_S
    while True:
        try:
            socket.create_connection((host, port), timeout=_ANSWERS_WITHIN_S).close()
            return
        except OSError as error:
            if time.monotonic() > until:
                found, todo = f"{error} for {_ANSWERS_WITHIN_S} s", "add --verbose to see why"
                raise BrazadaError(f"an answer on {host}:{port}", found=found, todo=todo) from error
        time.sleep(0.2)


def _only_read(spark: SparkSession) -> None:
    """Have the sessions that begin from now on parse their statements by `_Parser`."""
    from pyspark.java_gateway import ensure_callback_server_started

    gateway: Any = spark.sparkContext._gateway
    gateway.callback_server_parameters.propagate_java_exceptions = True
    ensure_callback_server_started(gateway)  # type: ignore[no-untyped-call]
    spark._jsparkSession.extensions().injectParser(_MakesParser(spark))


class _MakesParser:
    """What Spark calls for each new session: a function of Java's of the session and its parser."""

    class Java:
        """The interface, for Py4J."""

        implements = ("scala.Function2",)

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def apply(self, session: Any, parser: Any) -> _Parser:  # noqa: ARG002 - the session is Java's, and not needed
        """The parser of a session."""
        return _Parser(self._spark, parser)


class _Parser:
    """Spark's parser, but that it refuses statements which would change anything."""

    class Java:
        """The interface, for Py4J."""

        implements = ("org.apache.spark.sql.catalyst.parser.ParserInterface",)

    def __init__(self, spark: SparkSession, parser: Any) -> None:
        self._spark, self._parser = spark, parser

    def parsePlan(self, text: str) -> Any:  # noqa: N802 - Java's name
        """The plan of a statement."""
        plan = self._parsed("parsePlan", text)
        try:
            refuse_plan(self._spark, plan, text)
        except UsageError as error:
            refused: Any = self._spark._jvm.java.lang.UnsupportedOperationException(str(error))  # type: ignore[union-attr]
            raise Py4JJavaError("", refused) from error
        return plan

    def __getattr__(self, name: str) -> Callable[[str], Any]:
        """Any other method of the interface: Spark's own."""
        return partial(self._parsed, name)

    def _parsed(self, method: str, text: str) -> Any:
        try:
            return getattr(self._parser, method)(text)
        except CapturedException as error:  # Java's again, as Spark expects it
            raise Py4JJavaError("", error._origin) from error
