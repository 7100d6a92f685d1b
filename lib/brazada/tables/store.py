"""All reading and writing of Delta tables: created from declarations, versions named, every write safe to repeat."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from delta.exceptions import DeltaConcurrentModificationException
from delta.tables import DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from brazada.errors import TableError, VersionError
from brazada.settings import Warehouse
from brazada.tables.locks import exclusive
from brazada.tables.table import Table, View, literal

Result = TypeVar("Result")

_LAST_COMMIT = "spark.databricks.delta.lastCommitVersionInSession"


@dataclass(frozen=True)
class Snapshot:
    """A table at one version: what a job read, and can name."""

    table: str
    version: int
    frame: DataFrame

    def files(self) -> list[str]:
        """The data files of exactly this version (URIs): never what merely lies in the folder."""
        return sorted(self.frame.inputFiles())


@dataclass
class Store:
    """The warehouse as one session sees it. `reads` and `writes` note every table's version for the job's report."""

    spark: SparkSession
    warehouse: Warehouse
    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    _attached: set[str] = field(default_factory=set)

    def location(self, name: str) -> str | None:
        """Where the table `schema.table` lies, or None where the catalog decides."""
        if self.warehouse.path is None:
            return None
        base = self.warehouse.path if "://" in self.warehouse.path else str(Path(self.warehouse.path).resolve())
        return f"{base}/{name.replace('.', '/')}"

    def scratch(self, name: str) -> str:
        """A folder for what is no table: unpacked files, where a stream goes on. Dot first: no schema."""
        return (
            f"{str(self.location('x.y')).removesuffix('/x/y') if self.warehouse.path else '/tmp/brazada'}/.work/{name}"  # noqa: S108 - on the cluster's filesystem
        )

    def exists(self, name: str) -> bool:
        """Whether the table is there, attaching it to the session's catalog on the way."""
        if name in self._attached:
            return True
        location = self.location(name)
        if location is None:
            found = self.spark.catalog.tableExists(name)
        elif found := DeltaTable.isDeltaTable(self.spark, location):
            self._make_schema(name)
            self.spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING delta LOCATION {literal(location)}")
        if found:
            self._attached.add(name)
        return found

    def ensure(self, table: Table) -> None:
        """Create the table from its declaration, or check that what is there has the declared columns."""
        with self.exclusive(table.name):
            if not self.exists(table.name):
                self._make_schema(table.name)
                builder = DeltaTable.createIfNotExists(self.spark).tableName(table.name).addColumns(table.columns)
                if location := self.location(table.name):
                    builder = builder.location(location)
                if table.cluster_by:
                    builder = builder.clusterBy(*table.cluster_by)
                if table.partition_by:
                    builder = builder.partitionedBy(*table.partition_by)
                if table.stats_on:
                    builder = builder.property("delta.dataSkippingStatsColumns", ",".join(table.stats_on))
                for name, condition in table.constraints.items():
                    builder = builder.property(f"delta.constraints.{name}", condition)
                # Petastorm reads data files as they are: a deletion vector would bring deleted rows back.
                builder.comment(table.comment).property("delta.enableDeletionVectors", "false").execute()
                self._attached.add(table.name)
        _check_columns(table, self.spark.table(table.name).schema)

    def version(self, name: str) -> int:
        """The newest version of a table."""
        self._require(name)
        return int(DeltaTable.forName(self.spark, name).history(1).select("version").first()[0])

    def read(self, name: str, version: int | None = None) -> Snapshot:
        """The table at a version, the newest by default. Raises `TableError` or `VersionError`."""
        newest = self.version(name)
        pinned = newest if version is None else version
        try:
            frame = self.spark.sql(f"SELECT * FROM {name} VERSION AS OF {int(pinned)}")  # noqa: S608 - a declared name
            frame.schema  # noqa: B018 - analysis is what fails
        except AnalysisException as error:
            raise VersionError(
                f"{name} at version {pinned}",
                found=f"versions up to {newest}, of which that one cannot be read ({str(error).splitlines()[0]})",
                todo=f"name a version that DESCRIBE HISTORY {name} lists and VACUUM has left",
            ) from error
        self.reads[name] = pinned
        return Snapshot(name, pinned, frame)

    def detail(self, name: str) -> dict[str, Any]:
        """Delta's own description of a table: description, sizeInBytes, properties, lastModified and more."""
        self._require(name)
        return DeltaTable.forName(self.spark, name).detail().collect()[0].asDict()  # type: ignore[no-any-return]

    def history(self, name: str) -> list[Row]:
        """The commits of a table, newest first."""
        self._require(name)
        return DeltaTable.forName(self.spark, name).history().collect()  # type: ignore[no-any-return]

    def append_once(self, table: Table, frame: DataFrame, batch: str) -> int:
        """Append a batch; the same batch a second time, or from two jobs at once, lands once. Returns the version."""
        options = {"txnAppId": f"{table.name}/{batch}", "txnVersion": "1"}
        rows = _conform(table, frame)
        return self._write(
            table, lambda: rows.write.format("delta").mode("append").options(**options).saveAsTable(table.name)
        )

    def merge(self, table: Table, frame: DataFrame, *, update: bool = True) -> int:
        """Insert rows whose key is new and, with `update`, overwrite the others. The frame's keys are unique."""
        match = " AND ".join(f"old.`{name}` = new.`{name}`" for name in table.key)
        rows = _conform(table, frame)

        def write() -> None:
            builder = DeltaTable.forName(self.spark, table.name).alias("old").merge(rows.alias("new"), match)
            if update:
                builder = builder.whenMatchedUpdateAll()
            builder.whenNotMatchedInsertAll().execute()

        return self._write(table, write)

    def replace(self, table: Table, frame: DataFrame, where: str) -> int:
        """Replace the rows that meet the SQL condition `where` by the frame, whose rows meet it too, in one commit."""
        rows = _conform(table, frame)
        return self._write(
            table,
            lambda: rows.write.format("delta").mode("overwrite").option("replaceWhere", where).saveAsTable(table.name),
        )

    def attach(self, views: tuple[View, ...] = ()) -> list[str]:
        """Make every table of a path warehouse, and every view that is `present`, queryable by name."""
        names = self.names()
        for name in names:
            self.exists(name)
        for view in self.present(views):
            self._make_schema(view.name)
            self.spark.sql(f"CREATE OR REPLACE VIEW {view.name} COMMENT {literal(view.comment)} AS {view.query}")
        return names

    def present(self, views: tuple[View, ...]) -> list[View]:
        """Views whose tables are all there; of several with one name the last."""
        return list({view.name: view for view in views if all(map(self.exists, view.tables))}.values())

    def names(self) -> list[str]:
        """`schema.table` of every table in the warehouse."""
        if self.warehouse.path is None or "://" in self.warehouse.path:
            schemas = [row[0] for row in self.spark.sql("SHOW SCHEMAS").collect()]
            found = [(s, row) for s in schemas for row in self.spark.sql(f"SHOW TABLES IN {s}").collect()]
            return sorted(f"{s}.{row['tableName']}" for s, row in found if not row["isTemporary"])
        base = Path(self.warehouse.path)
        return sorted(f"{log.parent.parent.name}.{log.parent.name}" for log in base.glob("*/*/_delta_log"))

    @contextmanager
    def exclusive(self, *names: str) -> Iterator[None]:
        """Keep other jobs of a local warehouse from writing these tables while the block runs."""
        with ExitStack() as locks:
            for name in sorted(names):
                locks.enter_context(exclusive(self.warehouse.path, name))
            yield

    def _write(self, table: Table, action: Callable[[], Result]) -> int:
        self.ensure(table)
        with self.exclusive(table.name):
            for attempt in range(1, self.warehouse.retries + 1):
                self.spark.conf.unset(_LAST_COMMIT)
                try:
                    action()
                    break
                except DeltaConcurrentModificationException:
                    if attempt == self.warehouse.retries:
                        raise
                    time.sleep(random.uniform(0.5, 1.5) * attempt)  # noqa: S311 - a pause, not a secret
            # Delta notes its commits in the session; a batch that had landed before made none.
            committed = self.spark.conf.get(_LAST_COMMIT, None)
            self.writes[table.name] = int(committed) if committed else self.version(table.name)
        return self.writes[table.name]

    def _make_schema(self, name: str) -> None:
        # Without a location: dropping a schema deletes its folder, and ours would be that of the tables.
        self.spark.sql(f"CREATE SCHEMA IF NOT EXISTS {name.partition('.')[0]}")

    def _require(self, name: str) -> None:
        if not self.exists(name):
            raise TableError(
                f"table {name} in {self.warehouse.path or self.warehouse.catalog}",
                found=f"{', '.join(self.names()) or 'no table at all'}",
                todo="run the job that writes it first, or check --warehouse",
            )


def _conform(table: Table, frame: DataFrame) -> DataFrame:
    """The frame in the declared columns, order and types: the schema contract of every write."""
    if missing := set(table.columns.names) - set(frame.columns):
        raise TableError(
            f"columns {', '.join(table.columns.names)} for {table.name}",
            found=f"{', '.join(frame.columns)} (missing: {', '.join(sorted(missing))})",
            todo="mend the transform that makes this frame",
        )
    return frame.select(*[F.col(f"`{f.name}`").cast(f.dataType).alias(f.name) for f in table.columns])


def _check_columns(table: Table, found: StructType) -> None:
    declared = {f.name: f.dataType.simpleString() for f in table.columns}
    present = {f.name: f.dataType.simpleString() for f in found}
    if declared != present:
        differing = sorted(declared.items() ^ present.items())
        raise TableError(
            f"{table.name} with its declared columns",
            found=f"a table that differs in {differing}",
            todo="use another warehouse, or migrate the table with ALTER TABLE",
        )
