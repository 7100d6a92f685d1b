"""Delta tables on a local disk: delta-rs keeps their logs, and Spark reads and makes rows as plain Parquet.

To Spark's own Delta the first read and write of a process are seconds of planning. Log, protocol and constraints are
the same; the caller holds the table's lock, which also excludes Spark's writers. See https://delta-io.github.io/delta-rs.
"""

from __future__ import annotations

import datetime as dt
import json
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union
from urllib.parse import unquote

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import LongType, StringType, StructField, StructType

from brazada.errors import TableError
from brazada.tables.table import Table
from brazada.workers import settle

if TYPE_CHECKING:
    import pyarrow as pa

Made = Union["pa.Table", "pa.RecordBatchReader"]
Make = Callable[[Iterable["pa.RecordBatch"]], Iterator["pa.RecordBatch"]]

_FILES = StructType(
    [StructField("path", StringType()), StructField("size", LongType()), StructField("stats", StringType())]
)
_SAMPLED = 10_000  # rows that tell how a column is written
_LONGEST = 32  # characters of a text that the least and greatest value of a file may have


def exists(location: str) -> bool:
    """Whether a Delta table lies there."""
    from deltalake import DeltaTable

    return DeltaTable.is_deltatable(location)


def version(location: str) -> int:
    """The newest version of a table."""
    return int(_table(location).version())


def columns(location: str) -> StructType:
    """The columns of a table."""
    return StructType.fromJson(json.loads(_table(location).schema().to_json()))


def create(location: str, table: Table, scratch: str) -> None:
    """Create a table from its declaration, whole or not at all: it is made in `scratch` and put in its place."""
    from deltalake import DeltaTable, Schema

    shutil.rmtree(scratch, ignore_errors=True)  # what a killed job left
    made = DeltaTable.create(
        scratch,
        Schema.from_json(table.columns.json()),
        partition_by=list(table.partition_by),
        description=table.comment,
        configuration=table.properties,
    )
    if table.constraints:
        made.alter.add_constraint(dict(table.constraints))
    Path(location).parent.mkdir(parents=True, exist_ok=True)
    Path(scratch).rename(location)


def is_plain(location: str) -> bool:
    """Whether a table's data files hold its rows as they are, without deletions or renamed columns; a new one's do."""
    return not exists(location) or int(_table(location).protocol().min_reader_version) == 1


def read(spark: SparkSession, location: str, version: int) -> DataFrame:
    """A plain table at a version. Raises OSError for a version that is not there, or a file not as it was written.

    To Spark its files are Parquet; Delta's own reader takes seconds to start, to list those same files.
    """
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    try:
        table = DeltaTable(location, version=version)
    except DeltaError as error:
        raise FileNotFoundError(str(error)) from error
    schema = StructType.fromJson(json.loads(table.schema().to_json()))
    added = table.get_add_actions()
    files = [f"{location}/{unquote(path)}" for path in added["path"].to_pylist()]
    for file, size in zip(files, added["size_bytes"].to_pylist(), strict=True):
        if (found := Path(file).stat().st_size) != size:  # Spark takes an empty one for one without rows
            raise OSError(f"{file} damaged: {found:,} bytes, not {size:,}")
    if files:
        return spark.read.schema(schema).option("basePath", location).parquet(*files)
    return spark.range(0).select(*[F.lit(None).cast(field.dataType).alias(field.name) for field in schema])


def parquet(table: Table, folder: str) -> pa.RecordBatchReader:
    """Rows in the declared columns and types that lie in a folder as Parquet."""
    import pyarrow.dataset as ds

    return ds.dataset(folder, schema=_kinds(table), format="parquet").scanner().to_reader()


def of_keys(rows: pa.Table, key: Sequence[str]) -> str:
    """The SQL condition that a row has the key of one of these."""

    def literal(value: Any) -> str:
        return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)

    keys = rows.select(list(key)).to_pylist()
    each = [" AND ".join(f"{name} = {literal(value)}" for name, value in one.items()) for one in keys]
    return " OR ".join(each) or "false"


def arrow(table: Table, rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    """Rows in the declared columns and types."""
    import pyarrow as pa

    kinds = _kinds(table)
    return pa.Table.from_pylist([dict(zip(kinds.names, row, strict=True)) for row in rows], kinds)


def has(location: str, batch: str) -> bool:
    """Whether a batch has landed in a table."""
    return _table(location).transaction_version(batch) is not None


def append(location: str, table: Table, rows: Made, batch: str | None = None) -> None:
    """Append rows, as a batch that has not landed if it is named. Raises TableError for rows that may not be there."""
    from deltalake import write_deltalake

    with _checked(table):
        write_deltalake(location, rows, mode="append", commit_properties=_landing(batch) if batch else None)


def replace(location: str, table: Table, rows: Made, where: str) -> None:
    """Replace the rows that meet a condition by rows that meet it too. Raises TableError for others."""
    from deltalake import write_deltalake

    with _checked(table, where):
        write_deltalake(location, rows, mode="overwrite", predicate=None if where == "true" else where)


def append_made(location: str, table: Table, frame: DataFrame, make: Make, batch: str) -> None:
    """Append what `make` makes of each partition of a frame, whose tasks write the files, as a batch.

    What tasks leave that fail or are killed is no part of the table, as with Spark's own writer. Raises TableError for
    a null in a column that is declared NOT NULL.
    """
    from deltalake import Schema
    from deltalake.transaction import AddAction

    files = frame.mapInArrow(_writer(location, table, make), _FILES).collect()
    for stats in [json.loads(file["stats"]) for file in files]:
        if absent := [field.name for field in table.columns if not field.nullable and stats["nullCount"][field.name]]:
            raise TableError(
                f"rows of {table.name} without a null in columns that are declared NOT NULL",
                found=f"null in {', '.join(absent)}",
                todo="mend the job that makes them",
            )
    now = int(dt.datetime.now(dt.UTC).timestamp() * 1000)
    added = [AddAction(file["path"], file["size"], {}, now, True, file["stats"]) for file in files]
    schema = Schema.from_json(table.columns.json())
    _table(location).create_write_transaction(added, "append", schema, commit_properties=_landing(batch))


def _writer(location: str, table: Table, make: Make) -> Make:
    """A function for Spark's tasks: writes a partition as one file of the table, and says which (_FILES)."""
    measured = table.stats_on or tuple(table.columns.names)

    def write(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa
        from pyarrow import parquet

        settle()
        path = Path(location) / f"part-{uuid.uuid4()}.snappy.parquet"
        writer = None
        try:
            for batch in make(batches):
                writer = writer or parquet.ParquetWriter(path, batch.schema, **_encodings(batch))
                writer.write_batch(batch)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        if writer:
            writer.close()
            stats = json.dumps(_stats(parquet.read_metadata(path), measured))
            row = {"path": path.name, "size": path.stat().st_size, "stats": stats}
            yield pa.RecordBatch.from_pylist([row])

    return write


def _encodings(sample: pa.RecordBatch) -> dict[str, Any]:
    """How to write columns like these: by differences or as they are where a dictionary of many values costs time.

    So written, snappy is faster than zstd and smaller than zstd with dictionaries.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    few, steps = [], {}
    for field, column in zip(sample.schema, sample.slice(0, _SAMPLED).columns, strict=True):
        if pc.count_distinct(column).as_py() * 10 <= len(column):
            few.append(field.name)
        elif pa.types.is_integer(field.type) or pa.types.is_timestamp(field.type):
            steps[field.name] = "DELTA_BINARY_PACKED"
    return {"compression": "snappy", "use_dictionary": few or False, "column_encoding": steps or None}


def _stats(metadata: Any, measured: Sequence[str]) -> dict[str, Any]:
    """What Delta keeps of a file: its rows, nulls, and the least and greatest value of the measured columns."""
    least: dict[str, Any] = {}
    greatest: dict[str, Any] = {}
    nulls = {}
    for number in range(metadata.num_columns):
        name = metadata.schema.column(number).path
        parts = [metadata.row_group(group).column(number).statistics for group in range(metadata.num_row_groups)]
        nulls[name] = sum(part.null_count for part in parts)
        ends = [_end(value) for part in parts if part.has_min_max for value in (part.min, part.max)]
        if name in measured and len(ends) == 2 * len(parts) and None not in ends:
            least[name], greatest[name] = min(ends), max(ends)
    return {"numRecords": metadata.num_rows, "minValues": least, "maxValues": greatest, "nullCount": nulls}


def _end(value: Any) -> Any:
    """A least or greatest value as Delta writes it; None where it would have to be cut."""
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return value if isinstance(value, int | float) or (isinstance(value, str) and len(value) <= _LONGEST) else None


def _kinds(table: Table) -> pa.Schema:
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    # Nullable, for else delta-rs checks none.
    return pa.schema([field.with_nullable(True) for field in to_arrow_schema(table.columns)])


@contextmanager
def _checked(table: Table, slice_: str = "true") -> Iterator[None]:
    """Say in our words which table refused rows, and by what. Raises TableError."""
    from deltalake.exceptions import DeltaError

    try:
        yield
    except DeltaError as error:
        if "failed validation check" not in str(error):
            raise
        required = [field.name for field in table.columns if not field.nullable]
        rules = [f"NOT NULL {', '.join(required)}", *[f"{name}: {rule}" for name, rule in table.constraints.items()]]
        rules += [slice_] if slice_ != "true" else []
        raise TableError(
            f"rows of {table.name} that meet {'; '.join(rules)}",
            found=str(error),
            todo="mend the job that makes them",
        ) from error


def _table(location: str) -> Any:
    from deltalake import DeltaTable

    return DeltaTable(location)


def _landing(batch: str) -> Any:
    from deltalake import CommitProperties, Transaction

    return CommitProperties(app_transactions=[Transaction(batch, 1)])
