"""All reading and writing of Delta tables: created from declarations, versions named, every write safe to repeat."""

from __future__ import annotations

import random
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from delta.exceptions import DeltaConcurrentModificationException
from delta.tables import DeltaMergeBuilder, DeltaTable
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, DataFrameWriter, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructType

from brazada.errors import TableError, VersionError
from brazada.settings import Warehouse
from brazada.tables import direct
from brazada.tables.locks import exclusive
from brazada.tables.table import Table, View, literal

Rows = DataFrame | Sequence[tuple[Any, ...]]  # a frame, or rows at hand in the declared columns

_MISREAD = r"[][|^%{}*?\\\n]"  # in a path, by delta-rs or as a pattern by Spark's reader of files
_LAST_COMMIT = "spark.databricks.delta.lastCommitVersionInSession"


@dataclass(frozen=True)
class Snapshot:
    """A table at one version: what a job read, and can name."""

    table: str
    version: int
    frame: DataFrame
    plain: bool = False  # read as plain Parquet

    def files(self, rows: DataFrame | None = None) -> list[str]:
        """The data files of exactly this version that hold these rows of it, or all: never what merely lies there."""
        uris = (rows or self.frame).inputFiles()
        return sorted(map(unquote, uris) if self.plain else uris)  # the reader of plain files escapes


@dataclass
class Store:
    """The warehouse as one session sees it. `reads` and `writes` note every table's version for the job's report."""

    spark: SparkSession
    warehouse: Warehouse
    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    _ensured: set[str] = field(default_factory=set)

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
        """Whether the table is there."""
        location = self.location(name)
        if location is None:
            return bool(self.spark.catalog.tableExists(name))
        return direct.exists(location) if self.on_disk else DeltaTable.isDeltaTable(self.spark, location)

    def ensure(self, table: Table) -> None:
        """Create the table from its declaration, or check that what is there has the declared columns."""
        if table.name in self._ensured:
            return
        with self.exclusive(table.name):
            if not self.exists(table.name):
                if place := self._place(table.name):
                    direct.create(place, table, self.scratch(f"new/{table.name}"))
                else:
                    self._create(table)
        place = self._place(table.name)
        _check_columns(table, direct.columns(place) if place else self._delta(table.name).toDF().schema)
        self._ensured.add(table.name)

    def _create(self, table: Table) -> None:
        self._make_schema(table.name)
        builder = DeltaTable.createIfNotExists(self.spark).tableName(table.name).addColumns(table.columns)
        if location := self.location(table.name):
            builder = builder.location(location)
        if table.partition_by:
            builder = builder.partitionedBy(*table.partition_by)
        for name, value in table.properties.items():
            builder = builder.property(name, value)
        for name, condition in table.constraints.items():
            builder = builder.property(f"delta.constraints.{name}", condition)
        builder.comment(table.comment).execute()

    def version(self, name: str) -> int:
        """The newest version of a table."""
        self._require(name)
        if place := self._place(name):
            return direct.version(place)
        return int(self._delta(name).history(1).select("version").first()[0])

    def read(self, name: str, version: int | None = None) -> Snapshot:
        """The table at a version, the newest by default. Raises `TableError` or `VersionError`."""
        newest = self.version(name)
        pinned = newest if version is None else version
        try:
            if place := self._place(name):
                frame = direct.read(self.spark, place, pinned)
            elif location := self.location(name):
                frame = self.spark.read.format("delta").option("versionAsOf", int(pinned)).load(location)
            else:
                frame = self.spark.sql(f"SELECT * FROM {name} VERSION AS OF {int(pinned)}")  # noqa: S608 - a declared name
            frame.schema  # noqa: B018 - analysis is what fails
        except (AnalysisException, OSError) as error:
            raise VersionError(
                f"{name} at version {pinned}",
                found=f"versions up to {newest}, of which that one cannot be read ({str(error).splitlines()[0]})",
                todo=f"name a version that DESCRIBE HISTORY {name} lists and VACUUM has left, or restore the file",
            ) from error
        self.reads[name] = pinned
        return Snapshot(name, pinned, frame, plain=place is not None)

    def detail(self, name: str) -> dict[str, Any]:
        """Delta's own description of a table: description, sizeInBytes, properties, lastModified and more."""
        self._require(name)
        return self._delta(name).detail().collect()[0].asDict()  # type: ignore[no-any-return]

    def history(self, name: str) -> list[Row]:
        """The commits of a table, newest first."""
        self._require(name)
        return self._delta(name).history().collect()  # type: ignore[no-any-return]

    def append_once(self, table: Table, rows: Rows, batch: str) -> bool:
        """Append a batch; the same batch a second time, or from two jobs at once, lands once. Whether it did now."""
        named = f"{table.name}/{batch}"
        options = {"txnAppId": named, "txnVersion": "1"}
        return self._write(
            table,
            rows,
            lambda frame: self._save(table.name, frame.write.mode("append").options(**options)),
            lambda place, made: direct.append(place, table, made, named),
            landed=lambda place: direct.has(place, named),
        )

    def append_made(self, table: Table, frame: DataFrame, make: direct.Make, batch: str) -> bool:
        """Append what `make` makes of each partition of a frame, as Arrow batches in the table's columns; as above.

        On a local disk the tasks write the table's files themselves, so that no row of them goes through the JVM.
        """
        place = self._place(table.name)
        if place is None or table.constraints or table.partition_by:
            return self.append_once(table, frame.mapInArrow(make, table.columns), batch)
        self.ensure(table)
        with self.exclusive(table.name):
            named, before = f"{table.name}/{batch}", direct.version(place)
            if not direct.has(place, named):
                direct.append_made(place, table, frame, make, named)
            self.writes[table.name] = direct.version(place)
        return self.writes[table.name] > before

    def insert(self, table: Table, rows: DataFrame) -> None:
        """Append the rows whose key the table has not yet. Their keys are unique."""
        self.ensure(table)
        with self.exclusive(table.name):
            if self._place(table.name):
                old = self.read(table.name).frame.select(*table.key)
                rows = rows.join(old, on=list(table.key), how="left_anti")
            self._write(
                table,
                rows,
                lambda frame: self._merger(table, frame).whenNotMatchedInsertAll().execute(),
                lambda place, made: direct.append(place, table, made),
            )

    def merge(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> None:
        """Put rows at hand in the place of those with their keys, or beside the others. Their keys are unique."""
        self._write(
            table,
            rows,
            lambda frame: self._merger(table, frame).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(),
            lambda place, made: direct.replace(place, table, made, direct.of_keys(made, table.key)),
        )

    def replace(self, table: Table, rows: Rows, where: str) -> None:
        """Replace the rows that meet the SQL condition `where` by these, which meet it too, in one commit.

        Texts in the condition have neither quotes nor backslashes, which Spark and delta-rs write differently.
        """
        self._write(
            table,
            rows,
            lambda frame: self._save(table.name, frame.write.mode("overwrite").option("replaceWhere", where)),
            lambda place, made: direct.replace(place, table, made, where),
        )

    def attach(self, views: tuple[View, ...] = ()) -> list[str]:
        """Make every table of a path warehouse, and every view that is `present`, queryable by name."""
        names = self.names()
        for name in names:
            if location := self.location(name):
                self._make_schema(name)
                self.spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING delta LOCATION {literal(location)}")
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

    def _write(
        self,
        table: Table,
        rows: Rows,
        by_spark: Callable[[DataFrame], None],
        directly: Callable[[str, direct.Made], None],
        landed: Callable[[str], bool] = lambda place: False,  # noqa: ARG005 - whatever the place
    ) -> bool:
        """Write rows by Spark's Delta, or by delta-rs where the table lies on a local disk. Whether it changed."""
        self.ensure(table)
        place = self._place(table.name)
        with self.exclusive(table.name):
            if place:
                before = direct.version(place)
                if not landed(place):
                    with self._made(table, rows) as made:
                        directly(place, made)
                self.writes[table.name] = direct.version(place)
                return self.writes[table.name] > before
            frame = rows if isinstance(rows, DataFrame) else self.spark.createDataFrame(rows, table.columns)
            frame = _conform(table, frame)
            for attempt in range(1, self.warehouse.retries + 1):
                self.spark.conf.unset(_LAST_COMMIT)
                try:
                    by_spark(frame)
                    break
                except DeltaConcurrentModificationException:
                    if attempt == self.warehouse.retries:
                        raise
                    time.sleep(random.uniform(0.5, 1.5) * attempt)  # noqa: S311 - a pause, not a secret
            # Delta notes its commits in the session; a batch that had landed before made none.
            committed = self.spark.conf.get(_LAST_COMMIT, None)
            self.writes[table.name] = int(committed) if committed else self.version(table.name)
        return committed is not None

    @contextmanager
    def _made(self, table: Table, rows: Rows) -> Iterator[direct.Made]:
        """The rows as delta-rs takes them; those of a frame are made by Spark and lie on the disk meanwhile."""
        if not isinstance(rows, DataFrame):
            yield direct.arrow(table, rows)
            return
        folder = self.scratch(f"made/{table.name}")  # the table's lock is held: nobody else writes there
        shutil.rmtree(folder, ignore_errors=True)
        try:
            _conform(table, rows).write.parquet(folder, compression="snappy")
            yield direct.parquet(table, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _place(self, name: str) -> str | None:
        """Where the table lies, or would, if delta-rs keeps it: on a disk, and its files are all there is to it."""
        location = self.location(name) if self.on_disk else None
        return location if location and direct.is_plain(location) else None

    @property
    def on_disk(self) -> bool:
        """Whether tables lie on a local disk, where delta-rs keeps them."""
        path = self.warehouse.path
        if path is None or "://" in path or find_spec("deltalake") is None:
            return False
        return re.search(_MISREAD, str(Path(path).resolve())) is None

    def _delta(self, name: str) -> DeltaTable:
        location = self.location(name)
        return DeltaTable.forPath(self.spark, location) if location else DeltaTable.forName(self.spark, name)

    def _merger(self, table: Table, frame: DataFrame) -> DeltaMergeBuilder:
        match = " AND ".join(f"old.`{name}` = new.`{name}`" for name in table.key)
        return self._delta(table.name).alias("old").merge(frame.alias("new"), match)

    def _save(self, name: str, writer: DataFrameWriter) -> None:
        if location := self.location(name):
            writer.format("delta").save(location)
        else:
            writer.format("delta").saveAsTable(name)

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
