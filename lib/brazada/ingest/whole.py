"""Files that are read as a whole, each in one Spark task: a picture, an archive of pictures, a recording."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.errors import InputError
from brazada.ingest.files import PACKED, InputFile, contents, list_files
from brazada.ingest.known import (
    DUPLICATE,
    GOOD,
    OUTCOMES,
    QUARANTINED,
    ensure_notes,
    new_files,
    quarantined,
)
from brazada.report import Job
from brazada.session import bounded_batches
from brazada.tables import Table
from brazada.tables.ops import INGESTED_FILES, QUARANTINE

_LARGEST = 2**31 - 1  # bytes that Spark reads of one file
_AT_ONCE = 64 * 2**20  # bytes of files handed to Python at once
_ROWS = 1000  # handed back at once
CONFLICT = "key known already with other values"


class Refused(Exception):  # noqa: N818 - a finding, not a fault of the program
    """What `read` raises for a file that it refuses as a whole, or yields for a part of one."""

    def __init__(self, reason: str, unit: str = "file", place: int | None = None, content: bytes | None = None) -> None:
        """Say why, and of a part which: `unit` is line or byte, `place` its number, `content` its bytes."""
        super().__init__(reason, unit, place, content)
        self.reason, self.unit, self.place, self.content = reason, unit, place, content


_NOTED = [
    T.StructField(name, kind)
    for name, kind in (
        ("_file", T.StringType()),
        ("batch", T.StringType()),
        ("_number", T.LongType()),
        ("_reason", T.StringType()),
        ("_unit", T.StringType()),
        ("_place", T.LongType()),
        ("_content", T.BinaryType()),
    )
]  # of every row that `read` gives: its file, that one's content, its number there; and why it is refused, if it is
Read = Callable[..., Iterable[tuple[Any, ...] | Refused]]  # (path, content, *contents of the set's other files)


@dataclass(frozen=True)
class Format:
    """How files of one kind, whose names end in `suffixes`, are read.

    `read(path, content)` runs in Spark's tasks, gets the content unpacked, and yields the values of `columns` for each
    row; what it refuses is quarantined with its reason, as is a file at which it raises anything else.
    `together(uris)` makes sets of files that belong together, as pictures and their labels. A set is read as one file
    that has the first one's path: `read` gets the contents of the others behind that of the first. With `strict` a file
    that is refused as a whole ends the job before anything is written, for one is missed where there are but a few.
    """

    name: str
    suffixes: tuple[str, ...]
    columns: tuple[str, ...]
    read: Read
    together: Callable[[Sequence[str]], Sequence[Sequence[str]]] | None = None
    strict: bool = False


def ingest_files(
    job: Job,
    table: Table,
    paths: Sequence[str],
    files: Format,
    prepare: Callable[[DataFrame], DataFrame] | None = None,
) -> None:
    """Take files into a table: folders, files and globs of any filesystem, plain or .gz, however many.

    The table has a column `batch` beside those that are read, the SHA-256 of the file, and those that `prepare` adds to
    the good rows. A row whose key is known, from another file or from earlier in the same, is a duplicate if its values
    are the same, else quarantined.

    A file is known by its content; only new ones are read. The driver keeps the list of the files, and none of what is
    in them. Safe to repeat after a kill at any point: rows, refused ones and notes of files land in one commit each,
    the notes last, and what a killed run left of files that are not noted is deleted first. Raises InputError for paths
    without files, for files beyond 2 GiB and for strict ones that are refused, before anything is written.
    """
    uris = list_files(job.spark, paths, files.suffixes)
    with job.progress(files.name, total=3) as bar, job.store.exclusive(table.name):
        bar.advance(what="look at the files")
        sets = files.together(uris) if files.together else None
        found = new_files(job, uris, lambda: job.store.ensure(table), sets)
        if not found:
            return
        if (largest := max(found, key=lambda file: file.size)).size > _LARGEST:
            raise InputError(
                "files of less than 2 GiB", found=f"{largest.path}, {largest.size:,} bytes", todo="cut it up"
            )
        new = job.spark.createDataFrame(
            [(file.path, file.batch, file.size, file.number) for file in found],
            "path string, batch string, size long, number long",
        )
        for kept, of in ((table, new.select("batch")), (QUARANTINE, new.select("batch", F.lit(job.name).alias("job")))):
            job.store.delete_matching(kept, of)
        bar.advance(what="read, judge, write")
        with bounded_batches(job.spark, max(1, min(256, _AT_ONCE // max(1, largest.size)))):
            fields = [T.StructField(name, table.columns[name].dataType) for name in files.columns]
            _write(job, table, _found(_contents(job, found), fields, files.read), files, new, prepare)


def _contents(job: Job, files: Sequence[InputFile]) -> DataFrame:
    """The digest of each file and what it holds: `batch`, and `parts` (number, path, content)."""
    parts = [(part, file.batch, n) for file in files for n, part in enumerate(file.parts or [file])]
    told = job.spark.createDataFrame(
        [(part.path, batch, n, not part.size and not part.path.lower().endswith(PACKED)) for part, batch, n in parts],
        "path string, batch string, number int, empty boolean",
    )
    read = contents(job.spark, [part.path for part, _, _ in parts]).select("path", "content")
    full = read.join(F.broadcast(told.drop("empty")), on="path", how="inner")  # empty ones are not read
    bare = told.where("empty").select("path", F.lit(b"").alias("content"), "batch", "number")
    both, part = full.unionByName(bare), F.struct("number", "path", "content")
    if not any(file.parts for file in files):
        return both.select("batch", F.array(part).alias("parts"))
    return both.groupBy("batch").agg(F.array_sort(F.collect_list(part)).alias("parts"))


def _found(files: DataFrame, fields: Sequence[T.StructField], read: Read) -> DataFrame:
    """Rows of files (batch, parts) as `read` gives them: these fields, and what is noted of every row."""
    schema = T.StructType([*fields, *_NOTED])

    def run(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            for row in batch.to_pylist():
                yield from _rows_of(read, row["parts"], row["batch"], schema)

    return files.mapInArrow(run, schema)


def _rows_of(read: Read, parts: Sequence[Mapping[str, Any]], digest: str, schema: T.StructType) -> Iterator[Any]:
    """The rows of one file, all or none, in Arrow batches."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    target, width = to_arrow_schema(schema), len(schema) - len(_NOTED)
    path, content = parts[0]["path"], parts[0]["content"]

    def batches(found: Iterable[tuple[Any, ...] | Refused]) -> Iterator[Any]:
        rows = []
        for number, row in enumerate(found):
            refused = (row.reason, row.unit, row.place, row.content) if isinstance(row, Refused) else (None,) * 4
            values = (None,) * width if isinstance(row, Refused) else tuple(row)
            rows.append((*values, path, digest, number, *refused))
        for start in range(0, len(rows), _ROWS):
            cells = zip(*rows[start : start + _ROWS], strict=True)
            arrays = [pa.array(column, field.type) for column, field in zip(cells, target, strict=True)]
            yield pa.RecordBatch.from_arrays(arrays, schema=target)

    try:
        yield from list(batches(read(path, *map(_unpacked, parts))))
    except Refused as refused:
        refused.content = content if refused.content is None else refused.content
        yield from batches([refused])
    except Exception as error:
        yield from batches([Refused(f"{type(error).__name__}: {error}", content=content)])


def _unpacked(part: Mapping[str, Any]) -> bytes:
    content: bytes = part["content"]
    if not part["path"].lower().endswith(".gz"):
        return content
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise Refused(f"{part['path'].rpartition('/')[2]}: a damaged .gz: {error}") from error


def _write(
    job: Job,
    table: Table,
    found: DataFrame,
    files: Format,
    new: DataFrame,
    prepare: Callable[[DataFrame], DataFrame] | None,
) -> None:
    """Judge the rows by their keys, and write the good ones, the refused ones, and the notes of the files."""
    rows = found.persist(StorageLevel.MEMORY_AND_DISK)
    if files.strict and (worst := rows.where("_unit = 'file'").select("_file", "_reason").head()):
        rows.unpersist()
        raise InputError(f"files of {files.name}", found=": ".join(worst), todo="fetch it again, or leave it out")
    judged = _judged(job, table, rows, files.columns).persist()
    try:
        place = ["batch", "_number"]
        bad = judged.where(F.col("outcome") != GOOD)
        good = rows.join(bad.select(place), on=place, how="left_anti").select("batch", *files.columns)
        job.store.append(table, prepare(good) if prepare else good)
        refused = rows.join(bad.where(F.col("outcome") == QUARANTINED).select(*place, "reason"), on=place, how="inner")
        counts = [F.count_if(F.col("outcome") == outcome).alias(f"rows_{outcome}") for outcome in OUTCOMES]
        total = judged.agg(F.count("*").alias("rows_in"), *counts).collect()[0]
        ensure_notes(job.store)
        if total["rows_quarantined"]:
            job.store.append(QUARANTINE, quarantined(job, _with_place(refused)))
        job.report.add(total["rows_in"], *[total[f"rows_{outcome}"] for outcome in OUTCOMES])
        by_file = judged.groupBy("batch").agg(F.count("*").alias("rows_in"), *counts)
        notes = new.join(by_file, on="batch", how="left").na.fill(0).withColumnRenamed("path", "file")
        own = {"job": F.lit(job.name), "run_id": F.lit(job.run_id), "layout": F.lit(files.name)}
        job.store.append(INGESTED_FILES, notes.withColumns(own))
        if empty := new.join(by_file, on="batch", how="left_anti").count():
            job.note(f"{empty} files hold no row")
    finally:
        judged.unpersist()
        rows.unpersist()


def _judged(job: Job, table: Table, rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """What becomes of each row, by batch and number in the file: outcome, and the reason where it is quarantined."""
    key = list(table.key)
    own = ["batch", "_number", "_file", "_reason"]
    values = F.xxhash64(*names).alias("values")
    here, there = rows.select(*key, values, *own), job.store.read(table.name).frame
    known = there.select(key).join(rows.select(key), on=key, how="left_semi")
    # Of most tables with content no key comes again, and then only their keys are read.
    there = there.where("false") if known.isEmpty() else there.join(F.broadcast(known), on=key, how="left_semi")
    there = there.select(*key, values, *[F.lit(None).alias(name) for name in own])
    sound = F.col("_reason").isNull()
    # Refused rows have no key: each is alone with its place. What the table has comes first, then by name of the file.
    apart = F.when(~sound, F.concat_ws("/", "batch", "_number"))
    before = Window.partitionBy("_apart", *key).orderBy(F.col("_file").asc_nulls_first(), "_number")
    both = here.unionByName(there).withColumn("_apart", apart)
    ranked = both.withColumn("rank", F.row_number().over(before)).withColumn("first", F.first("values").over(before))
    again, same = F.col("rank") > 1, F.col("first") == F.col("values")
    outcome = F.when(~sound | (again & ~same), QUARANTINED).when(again, DUPLICATE).otherwise(GOOD)
    reason = F.coalesce("_reason", F.when(again & ~same, F.lit(CONFLICT)))
    mine = ranked.where(F.col("batch").isNotNull())
    return mine.select("batch", "_number", outcome.alias("outcome"), reason.alias("reason"))


def _with_place(refused: DataFrame) -> DataFrame:
    """Refused rows with what ops.quarantine says of them; one that is refused for its key is told by its number."""
    return refused.select(
        "batch",
        F.col("_file").alias("file"),
        F.coalesce("_unit", F.lit("row")).alias("unit"),
        F.coalesce("_place", F.when(F.col("_unit").isNull(), F.col("_number"))).alias("place"),
        "reason",
        F.lit(None).cast("string").alias("raw"),
        F.col("_content").alias("content"),
    )
