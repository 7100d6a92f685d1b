"""Upkeep of Delta tables: small files joined, old ones removed, the log summed up."""

from __future__ import annotations

import math
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.sql import functions as F

if TYPE_CHECKING:
    from brazada.tables.store import Store

LEAST_DAYS = 7  # a job that runs so long still finds the files that it began with
_LOG_DAYS = 30  # how long Delta keeps its log where a table does not say otherwise
_LOG = "delta.logRetentionDuration"


@dataclass(frozen=True)
class Upkeep:
    """What became of a table: the files of its newest version, and bytes in its folder, log and old versions included.

    `kept` are the older versions that stay readable whatever their age.
    """

    table: str
    files: int
    files_before: int
    size_bytes: int
    size_bytes_before: int
    kept: tuple[int, ...]


def maintain(store: Store, name: str, days: float = LEAST_DAYS, keep: Collection[int] = ()) -> Upkeep:
    """Join the small files of a table, remove those that no version of the last days reads, and sum up its log.

    The versions `keep` stay readable, however old they are. Rows stay as they are: readers and writers may go on.
    """
    before, table = store.detail(name), store._delta(name)
    folder = _Folder(store, before["location"])
    size_before = folder.bytes()
    with store.exclusive(name):
        table.optimize().executeCompaction()
        since = _hours_since_replaced(store, name, keep)
        if since and math.ceil(max(since) / 24) + 1 > _log_days(before["properties"]):
            whole_months = 30 * math.ceil((max(since) / 24 + _LOG_DAYS) / 30)
            alter = f"ALTER TABLE {store._in_sql(name)}"
            store.spark.sql(f"{alter} SET TBLPROPERTIES ('{_LOG}' = 'interval {whole_months} days')")
        table.vacuum(max([24 * days, *(hours + 1 for hours in since)]))
        with suppress(TypeError, Py4JError):  # Databricks' own Delta does it by itself
            log = store._log(name)
            log.deltaLog().checkpointAndCleanUpDeltaLog(log, store.spark._jvm.scala.Option.empty())  # type: ignore[union-attr]
    after = store.detail(name)
    newest = store.version(name)
    kept = tuple(sorted(version for version in set(keep) if version < newest))
    return Upkeep(name, after["numFiles"], before["numFiles"], folder.bytes(), size_before, kept)


def _hours_since_replaced(store: Store, name: str, versions: Collection[int]) -> list[float]:
    """Of each version the hours since the one after it was committed: VACUUM with more leaves all of its files."""
    if not versions:
        return []
    commits = store._delta(name).history().select("version", F.col("timestamp").cast("double")).collect()
    after = [min((at for number, at in commits if number > version), default=None) for version in versions]
    return [(time.time() - at) / 3600 for at in after if at is not None]


def _log_days(properties: dict[str, str]) -> int:
    words = properties.get(_LOG, "").split()
    return int(words[1]) if len(words) == 3 and words[2] == "days" else _LOG_DAYS


class _Folder:
    """A folder on any file system that Hadoop knows."""

    def __init__(self, store: Store, location: str) -> None:
        hadoop: Any = store.spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        self._path = hadoop.Path(location)
        self._filesystem = self._path.getFileSystem(store.spark.sparkContext._jsc.hadoopConfiguration())

    def bytes(self) -> int:
        """The size of all that lies in it."""
        return int(self._filesystem.getContentSummary(self._path).getLength())
