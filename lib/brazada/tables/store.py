"""All reading and writing of Delta tables: created from declarations, versions named, every write safe to repeat."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from delta import exceptions as conflicts
from delta.tables import DeltaMergeBuilder, DeltaTable
from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import AnalysisException
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import StructField, StructType

from brazada.errors import SettingsError, TableError, VersionError
from brazada.settings import Warehouse
from brazada.tables import local
from brazada.tables.locks import exclusive
from brazada.tables.readonly import Named
from brazada.tables.table import Table, View, literal

Rows = DataFrame | Sequence[tuple[Any, ...]]  # a frame, or rows at hand in the declared columns

# Of two writers at once the later one's; in Java they have one parent, in Python none.
_CONFLICTS = (
    conflicts.ConcurrentAppendException,
    conflicts.ConcurrentDeleteDeleteException,
    conflicts.ConcurrentDeleteReadException,
    conflicts.ConcurrentTransactionException,
    conflicts.ConcurrentWriteException,
    conflicts.DeltaConcurrentModificationException,
    conflicts.MetadataChangedException,
    conflicts.ProtocolChangedException,
)
_LAST_COMMIT = "spark.databricks.delta.lastCommitVersionInSession"
_REFUSED = ("DELTA_VIOLATE_CONSTRAINT", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "DELTA_REPLACE_WHERE_MISMATCH")


@dataclass(frozen=True)
class Snapshot:
    """A table at one version: what a job read, and can name."""

    table: str
    version: int
    frame: DataFrame

    def files(self, rows: DataFrame | None = None) -> list[str]:
        """The data files of exactly this version that hold these rows of it, or all: never what merely lies there."""
        return sorted((rows or self.frame).inputFiles())


@dataclass(frozen=True)
class Figures:
    """How large a table is, at which version, written when (UTC), and what a row of it is."""

    rows: int
    version: int
    size_bytes: int
    written: dt.datetime
    comment: str


@dataclass
class Store:
    """The warehouse as one session sees it. `reads` and `writes` note every table's version for the job's report."""

    spark: SparkSession
    warehouse: Warehouse
    reads: dict[str, int] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)
    schemas: tuple[str, ...] = ()
    _ensured: set[str] = field(default_factory=set)
    _attached: dict[str, str] = field(default_factory=dict)
    _sound: dict[str, int] = field(default_factory=dict)  # of a local table the last commit that was found to be JSON

    def location(self, name: str) -> str | None:
        """Where the table `schema.table` lies, or None where the catalog decides."""
        if self.warehouse.path is None:
            return None
        base = self.warehouse.path if "://" in self.warehouse.path else str(Path(self.warehouse.path).resolve())
        return f"{base}/{name.replace('.', '/')}"

    def scratch(self, name: str) -> str:
        """A folder for what is no table: unpacked files, where a stream goes on. Dot first: no schema.

        It is `warehouse.scratch`, or in the warehouse. Raises SettingsError where the catalog alone says where tables
        lie, and none is set: deployments would take each other's.
        """
        if self.warehouse.scratch:
            return f"{self.warehouse.scratch}/{name}"
        if self.warehouse.path is None:
            raise SettingsError(
                "a folder in warehouse.scratch, for a warehouse in a catalog",
                found="null",
                todo="name one of this deployment alone, on a file system that all machines see",
            )
        return f"{str(self.location('x.y')).removesuffix('/x/y')}/.work/{name}"

    def exists(self, name: str) -> bool:
        """Whether the table is there. A log without a commit, left by a job that was killed, is no table yet."""
        location = self.location(name)
        if location is None:
            return bool(self.spark.catalog.tableExists(name))
        if self.warehouse.is_local:
            return local.is_table(Path(location))
        with self._readable(name):
            if not DeltaTable.isDeltaTable(self.spark, location):
                return False
        try:
            return int(self._log(name).version()) >= 0
        except (TypeError, Py4JError):  # as in `version`
            return True

    def ensure(self, table: Table) -> None:
        """Create the table from its declaration, or check that what is there has the declared columns.

        Columns that were declared since, and may be null, are added; rules that are others now are put in place.
        """
        if table.name in self._ensured:
            return
        with self.exclusive(table.name):
            self._with_retries(lambda: self._create(table))
            _check_columns(table, self._with_new_columns(table))
            self._change_rules(table)
        self._ensured.add(table.name)

    def _with_new_columns(self, table: Table) -> StructType:
        """The table's columns; those that one of an earlier version has not, and that may be null, are added."""
        found: StructType = self._delta(table.name).toDF().schema
        if added := [new for new in table.columns if new.nullable and new.name not in found.names]:
            told = [
                f"`{new.name}` {new.dataType.simpleString()} COMMENT {literal(new.metadata['comment'])}"
                for new in added
            ]
            self.spark.sql(f"ALTER TABLE {self._in_sql(table.name)} ADD COLUMNS ({', '.join(told)})")
            found = self._delta(table.name).toDF().schema
        return found

    def _change_rules(self, table: Table) -> None:
        """Put the declared constraints in the place of those that the table of an earlier version has."""
        try:
            stored = self._log(table.name).metadata().configuration()
            had = {name: stored.get(f"delta.constraints.{name}") for name in table.constraints}
        except (TypeError, Py4JError):  # as in `version`
            return
        for name, rule in table.constraints.items():
            if had[name].isEmpty() or had[name].get() != rule:
                alter = f"ALTER TABLE {self._in_sql(table.name)}"
                self.spark.sql(f"{alter} DROP CONSTRAINT IF EXISTS {name}")
                self.spark.sql(f"{alter} ADD CONSTRAINT {name} CHECK ({rule})")

    def _in_sql(self, name: str) -> str:
        """A table as SQL names it."""
        return f"delta.`{location}`" if (location := self.location(name)) else name

    def _create(self, table: Table) -> None:
        """Create the table if it is not there; in a catalog another job may make it meanwhile."""
        if self.exists(table.name):
            return
        builder = DeltaTable.createIfNotExists(self.spark).addColumns(table.columns)
        if location := self.location(table.name):
            self._clear_log(location)
            builder = builder.location(location)
        else:
            self.make_schema(table.name)
            builder = builder.tableName(table.name)
        if table.partition_by:
            builder = builder.partitionedBy(*table.partition_by)
        for name, value in table.properties.items():
            builder = builder.property(name, value)
        try:
            builder.comment(table.comment).execute()
        except AnalysisException:
            if not self.exists(table.name):
                self._refuse_lost(table.name)
                raise

    def _clear_log(self, location: str) -> None:
        """Remove a log without a commit, which Delta takes for a table and then does not find.

        Elsewhere than in a local warehouse, which is locked meanwhile, only what is no commit goes, piece by piece:
        a commit of another job stays, whenever it lands.
        """
        if "://" not in location:
            shutil.rmtree(Path(location, "_delta_log"), ignore_errors=True)
            return
        hadoop: Any = self.spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        log = hadoop.Path(location, "_delta_log")
        filesystem = log.getFileSystem(self.spark._jsc.hadoopConfiguration())
        if not filesystem.exists(log):
            return
        for status in filesystem.listStatus(log):
            if status.getPath().getName().startswith((".", "_")):
                filesystem.delete(status.getPath(), False)
        if not filesystem.listStatus(log):
            filesystem.delete(log, False)

    def version(self, name: str) -> int:
        """The newest version of a table."""
        self._require(name)
        with self._readable(name):
            try:
                return int(self._log(name).version())  # in milliseconds; the history is a query
            except (TypeError, Py4JError):  # a Delta that is another inside, as that of Databricks
                return int(self._delta(name).history(1).select("version").first()[0])

    def _log(self, name: str) -> Any:
        """What Delta's log says now: a snapshot of Java's."""
        logs: Any = self.spark._jvm.org.apache.spark.sql.delta.DeltaLog  # type: ignore[union-attr]
        none = self.spark._jvm.scala.Option.empty()  # type: ignore[union-attr]
        session: Any = self.spark._jsparkSession
        where = self.location(name) or session.sessionState().sqlParser().parseTableIdentifier(name)
        return logs.forTable(session, where).update(False, none, none)

    def read(self, name: str, version: int | None = None) -> Snapshot:
        """The table at a version, the newest by default. Raises `TableError` or `VersionError`.

        The frame stays at that version, whatever is written before it is evaluated.
        """
        newest = self.version(name)
        pinned = newest if version is None else version
        with self._readable(name):
            self._refuse_broken(name)
            frame = self._at(name, newest, pinned)
        self.reads[name] = pinned
        return Snapshot(name, pinned, frame)

    def _at(self, name: str, newest: int, pinned: int) -> DataFrame:
        try:
            if location := self.location(name):
                frame = self.spark.read.format("delta").option("versionAsOf", int(pinned)).load(location)
            else:
                frame = self.spark.sql(f"SELECT * FROM {name} VERSION AS OF {int(pinned)}")  # noqa: S608 - a declared name
            frame.schema  # noqa: B018 - analysis is what fails
        except AnalysisException as error:
            raise VersionError(
                f"{name} at version {pinned}",
                found=f"versions up to {newest}, of which that one cannot be read ({str(error).splitlines()[0]})",
                todo=f"name a version that DESCRIBE HISTORY {name} lists and VACUUM has left, or restore the file",
            ) from error
        return frame

    def figures(self, name: str) -> Figures:
        """The newest version of a table in figures: from Delta's checksum, which lists the files of a small table."""
        self._require(name)
        try:
            log = self._log(name)
            checksum = log.checksumOpt().get()
            files = checksum.allFiles().get()
            rows = sum(json.loads(files.apply(place).stats())["numRecords"] for place in range(files.size()))
            written = dt.datetime.fromtimestamp(log.timestamp() / 1000, dt.UTC)
            return Figures(rows, log.version(), checksum.tableSizeBytes(), written, log.metadata().description() or "")
        except (TypeError, Py4JError):  # none is noted, or a Delta that is another inside
            detail, snapshot = self.detail(name), self.read(name)
            size, written = detail["sizeInBytes"], detail["lastModified"]
            return Figures(snapshot.frame.count(), snapshot.version, size, written, detail["description"] or "")

    def detail(self, name: str) -> dict[str, Any]:
        """Delta's own description of a table: description, sizeInBytes, properties, lastModified and more."""
        self._require(name)
        return self._delta(name).detail().collect()[0].asDict()  # type: ignore[no-any-return]

    def history(self, name: str) -> list[Row]:
        """The commits of a table, newest first."""
        self._require(name)
        return self._delta(name).history().collect()  # type: ignore[no-any-return]

    def append(self, table: Table, rows: Rows) -> None:
        """Append rows that no other run brings."""
        self._write(table, rows, lambda frame: self._append(table.name, frame))

    def append_once(self, table: Table, rows: Rows, batch: str) -> bool:
        """Append a batch; the same batch a second time, or from two jobs at once, lands once. Whether it did now."""
        once = {"txnAppId": f"{table.name}/{batch}", "txnVersion": "1"}
        return self._write(table, rows, lambda frame: self._append(table.name, frame, **once))

    def insert(self, table: Table, rows: DataFrame) -> None:
        """Append the rows whose key the table has not yet. Their keys are unique."""
        self._write(table, rows, lambda frame: self._merger(table, frame).whenNotMatchedInsertAll().execute())

    def merge(self, table: Table, rows: Rows) -> None:
        """Upsert rows by key. Their keys are unique."""

        def upsert(frame: DataFrame) -> None:
            self._merger(table, frame).whenMatchedUpdateAll().whenNotMatchedInsertAll().execute()

        if isinstance(rows, DataFrame) or rows:
            self._write(table, rows, upsert)

    def replace(self, table: Table, rows: Rows, where: str) -> None:
        """Replace the rows that meet the SQL condition `where` by these, which meet it too, in one commit."""

        def overwrite(frame: DataFrame) -> None:
            if self.is_empty(table.name):  # for half the time
                self._append(table.name, frame)
            elif location := self.location(table.name):
                frame.write.format("delta").mode("overwrite").option("replaceWhere", where).save(location)
            else:
                frame.writeTo(table.name).overwrite(F.expr(where))

        self._write(table, rows, overwrite)

    def delete(self, table: Table, where: str) -> None:
        """Delete the rows that meet the SQL condition `where`."""
        self.ensure(table)
        if not self.is_empty(table.name):
            self._write(table, [], lambda _: self._delta(table.name).delete(where))

    def delete_matching(self, table: Table, rows: DataFrame) -> None:
        """Delete the rows that agree with one of these in all columns that these have. These are unique."""
        match = " AND ".join(f"old.`{name}` = new.`{name}`" for name in rows.columns)
        self.ensure(table)
        if not self.read(table.name).frame.join(rows, on=rows.columns, how="left_semi").isEmpty():
            merger = self._delta(table.name).alias("old").merge(rows.alias("new"), match)
            self._write(table, [], lambda _: merger.whenMatchedDelete().execute())

    def is_empty(self, name: str) -> bool:
        """Whether a table was created and nothing was written to it yet."""
        return self.version(name) == 0 and not self._delta(name).toDF().inputFiles()

    def attach(self, views: tuple[View, ...] = (), named: Iterable[str] | None = None) -> list[str]:
        """Make tables of a path warehouse, and views that are `present`, queryable by name.

        All of them, or those `named` and what these read; those that were attached before stay so. Returns the tables'
        names.
        """
        names = self.names() if self.warehouse.path or named is None else []
        if named is not None:
            wanted = {*named}
            for view in reversed(views):  # a view reads only views before it
                if view.name in wanted:
                    read = _squeezed(view.query)
                    wanted |= {*view.tables, *(other.name for other in views if other.name in read)}
            names = [name for name in names if name in wanted]
            views = tuple(view for view in views if view.name in wanted)
        for name in names:
            if location := self.location(name):
                self.make_schema(name)
                with self._readable(name):
                    self._refuse_broken(name)
                    self._attach(name, f"TABLE IF NOT EXISTS {name} USING delta LOCATION {literal(location)}")
        for view in self.present(views):
            self.make_schema(view.name)
            self._attach(view.name, f"OR REPLACE VIEW {view.name} COMMENT {literal(view.comment)} AS {view.query}")
        return names

    def attach_for(self, named: Named, views: tuple[View, ...] = ()) -> None:
        """Make what a statement names queryable by name: tables, views, and for SHOW SCHEMAS the schemas."""
        tables = self.names() if named.schemas or named.everything else named.relations
        known = [*tables, *(view.name for view in views)]
        self.attach(views, [name for name in known if named.needs(name)])
        if named.everything:
            for name in known:
                self.make_schema(name)

    def _attach(self, name: str, definition: str) -> None:
        """Run a CREATE statement of this session's catalog, once."""
        if self._attached.get(name) != definition:
            self.spark.sql(f"CREATE {definition}")
            self._attached[name] = definition

    def present(self, views: tuple[View, ...]) -> list[View]:
        """Views whose tables are all there; of several with one name the last."""
        return list({view.name: view for view in views if all(map(self.exists, view.tables))}.values())

    def names(self) -> list[str]:
        """`schema.table` of every table in the warehouse."""
        if self.warehouse.path is None:
            found = {row[0] for row in self.spark.sql("SHOW SCHEMAS").collect()}
            listed = {
                f"{schema}.{row[1]}": kind
                for schema in found & {*self.schemas}
                for kind in ("TABLES", "VIEWS")  # the first lists the second too
                for row in self.spark.sql(f"SHOW {kind} IN `{schema}`").collect()
                if not row["isTemporary"]
            }
            return sorted(name for name, kind in listed.items() if kind == "TABLES")
        return local.names(self.warehouse.path) if self.warehouse.is_local else self._names_at(self.warehouse.path)

    def _names_at(self, url: str) -> list[str]:
        """`schema.table` of every table of this suite below a URL of any filesystem that Hadoop knows."""
        hadoop: Any = self.spark._jvm.org.apache.hadoop.fs  # type: ignore[union-attr]
        base = hadoop.Path(url)
        filesystem = base.getFileSystem(self.spark._jsc.hadoopConfiguration())
        schemas = [(name, hadoop.Path(base, name)) for name in sorted(self.schemas)]
        found = [
            (schema, status.getPath())
            for schema, place in schemas
            if filesystem.exists(place)
            for status in filesystem.listStatus(place)
        ]
        return sorted(
            f"{schema}.{place.getName()}"
            for schema, place in found
            if filesystem.exists(hadoop.Path(place, "_delta_log"))
        )

    @contextmanager
    def exclusive(self, *names: str) -> Iterator[None]:
        """Keep other jobs of a local warehouse from writing these tables while the block runs."""
        with ExitStack() as locks:
            for name in sorted(names):
                locks.enter_context(exclusive(self.warehouse.path, name))
            yield

    def _write(self, table: Table, rows: Rows, write: Callable[[DataFrame], Any]) -> bool:
        """Write rows in the declared columns. Whether a version came of it. Raises TableError for rows not allowed."""
        self.ensure(table)
        frame = _conform(table, rows if isinstance(rows, DataFrame) else self._frame(table, rows))
        with self.exclusive(table.name):
            self.spark.conf.unset(_LAST_COMMIT)
            with _refusal(table):
                self._with_retries(lambda: write(frame))
            # Delta notes its commits in the session; a batch that had landed before made none.
            committed = self.spark.conf.get(_LAST_COMMIT, None)
            self.writes[table.name] = int(committed) if committed else self.version(table.name)
        return committed is not None

    def _with_retries(self, write: Callable[[], Any]) -> None:
        for attempt in range(1, self.warehouse.retries + 1):
            try:
                write()
                return
            except _CONFLICTS:
                if attempt == self.warehouse.retries:
                    raise
                time.sleep(random.uniform(0.5, 1.5) * attempt)  # noqa: S311 - a pause, not a secret

    def _frame(self, table: Table, rows: Sequence[tuple[Any, ...]]) -> DataFrame:
        # As if all could be null: Delta refuses what may not, for frames and for rows at hand in the same words.
        nullable = StructType([StructField(column.name, column.dataType) for column in table.columns])
        return self.spark.createDataFrame(rows, nullable).coalesce(1)

    def _append(self, name: str, frame: DataFrame, **options: str) -> None:
        if location := self.location(name):
            frame.write.format("delta").mode("append").options(**options).save(location)
        else:
            frame.writeTo(name).options(**options).append()

    def _delta(self, name: str) -> DeltaTable:
        location = self.location(name)
        return DeltaTable.forPath(self.spark, location) if location else DeltaTable.forName(self.spark, name)

    def _merger(self, table: Table, frame: DataFrame) -> DeltaMergeBuilder:
        match = " AND ".join(f"old.`{name}` = new.`{name}`" for name in table.key)
        return self._delta(table.name).alias("old").merge(frame.alias("new"), match)

    def make_schema(self, name: str) -> None:
        """Have the schema of a table or view, by the name of either."""
        schema = name.partition(".")[0]
        # Without a location: dropping a schema deletes its folder, and ours would be that of the tables.
        self._attach(schema, f"SCHEMA IF NOT EXISTS {schema}")

    def _require(self, name: str) -> None:
        if not self.exists(name):
            self._refuse_lost(name)
            raise local.missing(name, self.names(), self.warehouse)

    @contextmanager
    def _readable(self, name: str) -> Iterator[None]:
        """Say which table it is whose log Delta cannot make sense of. Raises TableError."""
        try:
            yield
        except (Py4JJavaError, CapturedException) as error:
            if isinstance(error, AnalysisException):
                raise
            self._refuse_broken(name)
            java = getattr(error, "java_exception", None)
            said = str(error if java is None else java.getMessage()).splitlines()[0].rstrip(".")
            raise _broken_log(name, f"{self.location(name) or name}/_delta_log: {said}") from error

    def _refuse_broken(self, name: str) -> None:
        """Raise TableError for a commit of a local table that is no JSON, which Delta reads when rows are asked for."""
        if not self.warehouse.is_local:
            return
        log = Path(str(self.location(name)), "_delta_log")
        checkpoints = (int(path.name[:20]) for path in log.glob("*.checkpoint*.parquet"))
        sound = max([self._sound.get(name, -1), *checkpoints])
        for commit in sorted(log.glob("[0-9]*.json")):
            try:
                if commit.stem.isdigit() and int(commit.stem) > sound:
                    [json.loads(line) for line in commit.read_text(encoding="utf-8").splitlines()]
                    self._sound[name] = int(commit.stem)
            except ValueError as error:
                raise _broken_log(name, f"{commit}: {error}") from error

    def _refuse_lost(self, name: str) -> None:
        """Raise TableError for a folder with the data files of a table, of which the log is gone."""
        location = self.location(name)
        if self.warehouse.is_local and any(Path(str(location)).glob("**/*.parquet")):
            raise TableError(
                f"a Delta table {name}",
                found=f"data files without their {location}/_delta_log",
                todo="restore that folder from a copy, or move the table's folder away and run its job again",
            )


def _broken_log(name: str, found: str) -> TableError:
    todo = "restore it from a copy, or move the table's folder away and run its job again"
    return TableError(f"a log of {name} that Delta can read", found=found, todo=todo)


@contextmanager
def _refusal(table: Table) -> Iterator[None]:
    """Say in our words which table refused rows, and by what. Raises TableError."""
    try:
        yield
    except Exception as error:
        if not any(mark in str(error) for mark in _REFUSED):
            raise
        said = next(line for line in str(error).splitlines() if any(mark in line for mark in _REFUSED))
        required = [column.name for column in table.columns if not column.nullable]
        rules = [f"NOT NULL {', '.join(required)}", *[f"{name}: {rule}" for name, rule in table.constraints.items()]]
        raise TableError(
            f"rows of {table.name} that meet {'; '.join(rules)}", found=said, todo="mend the job that makes them"
        ) from error


def _squeezed(text: str) -> str:
    """An SQL text with no blanks, quotes or capitals about its names."""
    return re.sub(r"[\s`]", "", text).lower()


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
