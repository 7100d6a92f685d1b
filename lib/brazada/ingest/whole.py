"""Files that are read as a whole, each in one Spark task: a picture, an archive of pictures, a recording."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import unquote

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from brazada.errors import InputError
from brazada.ingest.files import PACKED, InputFile, as_one, contents, inspect, list_files
from brazada.ingest.known import (
    DUPLICATE,
    GOOD,
    OUTCOMES,
    QUARANTINED,
    Known,
    ensure_notes,
    holders,
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
_PLACE = ["batch", "_number"]
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
    `rules` is a digest of the settings that `read` judges by.
    """

    name: str
    suffixes: tuple[str, ...]
    columns: tuple[str, ...]
    read: Read
    together: Callable[[Sequence[str]], Sequence[Sequence[str]]] | None = None
    strict: bool = False
    rules: str = ""


def ingest_files(
    job: Job,
    table: Table,
    paths: Sequence[str],
    files: Format,
    prepare: Callable[[DataFrame], DataFrame] | None = None,
    again: bool = False,
) -> None:
    """Take files into a table: folders, files and globs of any filesystem, plain or .gz, however many.

    The table has a column `batch` beside those that are read, the SHA-256 of the file, and those that `prepare` adds to
    the good rows. A row whose key is known, from another file or from earlier in the same, is a duplicate if its values
    are the same, else quarantined.

    A file is known by its content and its rules; only new ones are read, or with `again` all of them. Where that drops
    rows of the table, files that may have the same are judged again too. The driver keeps the list of the files, and
    none of what is in them. Safe to repeat after a kill at any point: rows, refused ones and notes of files land in one
    commit each, the notes last, and what a killed run left of files that are not noted is deleted first. Raises
    InputError for paths without files, for files beyond 2 GiB and for strict ones that are refused, before anything is
    written.
    """
    uris = list_files(job.spark, paths, files.suffixes)
    with job.progress(files.name, total=3) as bar, job.store.exclusive(table.name):
        bar.advance(what="look at the files")
        sets = _sets(job.spark, files, uris, again)
        uris = uris if sets is None else [uri for each in sets for uri in each]

        def standing() -> DataFrame:
            return job.store.read(table.name).frame.select("batch").distinct()

        known = Known({files.name: files.rules}, standing, again)
        more: Sequence[InputFile] = new_files(job, uris, known, lambda: job.store.ensure(table), sets)
        found: list[InputFile] = []
        while more:
            found += more
            if (largest := max(found, key=lambda file: file.size)).size > _LARGEST:
                raise InputError(
                    "files of less than 2 GiB", found=f"{largest.path}, {largest.size:,} bytes", todo="cut it up"
                )
            bar.advance(what="read, judge, write")
            with bounded_batches(job.spark, max(1, min(256, _AT_ONCE // max(1, largest.size)))):
                more = _take(job, table, found, files, prepare)


def _sets(spark: SparkSession, files: Format, uris: Sequence[str], again: bool) -> Sequence[Sequence[str]] | None:
    """The sets that files make; to be judged again, one of a set stands for all of it."""
    if files.together is None:
        return None
    try:
        return files.together(uris)
    except InputError:
        if not again:
            raise
        folders = sorted({unquote(uri.rpartition("/")[0]) for uri in uris})
        return [each for each in files.together(list_files(spark, folders, files.suffixes)) if {*each} & {*uris}]


def _take(
    job: Job,
    table: Table,
    found: Sequence[InputFile],
    files: Format,
    prepare: Callable[[DataFrame], DataFrame] | None,
) -> list[InputFile]:
    """Judge and write the rows of files; or give other files to judge with them, where the table would lose rows."""
    told = [(file.path, file.batch, file.size, file.number) for file in found]
    new = job.spark.createDataFrame(told, "path string, batch string, size long, number long")
    fields = [T.StructField(name, table.columns[name].dataType) for name in files.columns]
    rows = _found(_contents(job, found), fields, files.read).persist(StorageLevel.MEMORY_AND_DISK)
    before = job.store.read(table.name).frame
    had = before.join(F.broadcast(new), on="batch", how="left_semi")
    judged = None
    try:
        if files.strict and (worst := rows.where("_unit = 'file'").select("_file", "_reason").head()):
            raise InputError(f"files of {files.name}", found=": ".join(worst), todo="fetch it again, or leave it out")
        left = before.join(F.broadcast(new), on="batch", how="left_anti")
        judged = _judged(table, left, rows, files.columns).persist()
        good = rows.join(judged.where(F.col("outcome") != GOOD), on=_PLACE, how="left_anti")
        if not had.isEmpty():
            if not had.join(good, on=[*table.key], how="left_anti").isEmpty() and (
                more := holders(job, found, find=partial(_files_at, files))
            ):
                return more
            job.store.delete_matching(table, new.select("batch"))
        job.store.delete_matching(QUARANTINE, new.select("batch", F.lit(job.name).alias("job")))
        _write(job, table, rows, judged, good, files, new, prepare)
        return []
    finally:
        if judged is not None:
            judged.unpersist()
        rows.unpersist()


def _files_at(files: Format, spark: SparkSession, paths: Sequence[str]) -> list[InputFile]:
    """The files at these paths, or the sets whose first file is at one."""
    sets = _sets(spark, files, paths, again=True)
    if sets is None:
        return inspect(spark, paths)
    parts = {file.path: file for file in inspect(spark, [uri for each in sets for uri in each])}
    return [as_one([parts[uri] for uri in each]) for each in sets]


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
    rows: DataFrame,
    judged: DataFrame,
    good: DataFrame,
    files: Format,
    new: DataFrame,
    prepare: Callable[[DataFrame], DataFrame] | None,
) -> None:
    """Write the good rows, the refused ones, and the notes of the files."""
    good = good.select("batch", *files.columns)
    job.store.append(table, prepare(good) if prepare else good)
    bad = judged.where(F.col("outcome") == QUARANTINED).select(*_PLACE, "reason")
    counts = [F.count_if(F.col("outcome") == outcome).alias(f"rows_{outcome}") for outcome in OUTCOMES]
    total = judged.agg(F.count("*").alias("rows_in"), *counts).collect()[0]
    ensure_notes(job.store)
    if total["rows_quarantined"]:
        job.store.append(QUARANTINE, quarantined(job, _with_place(rows.join(bad, on=_PLACE, how="inner"))))
    job.report.add(total["rows_in"], *[total[f"rows_{outcome}"] for outcome in OUTCOMES])
    by_file = judged.groupBy("batch").agg(F.count("*").alias("rows_in"), *counts)
    notes = new.join(by_file, on="batch", how="left").na.fill(0).withColumnRenamed("path", "file")
    own = {"job": job.name, "run_id": job.run_id, "layout": files.name, "rules": files.rules}
    job.store.append(INGESTED_FILES, notes.withColumns({name: F.lit(value) for name, value in own.items()}))
    if empty := new.join(by_file, on="batch", how="left_anti").count():
        job.note(f"{empty} files hold no row")


def _judged(table: Table, there: DataFrame, rows: DataFrame, names: Sequence[str]) -> DataFrame:
    """What becomes of each row, by batch and number in the file: outcome, and the reason where it is quarantined.

    `there` is what the table has of other files.
    """
    key = list(table.key)
    own = [*_PLACE, "_file", "_reason"]
    values = F.xxhash64(*names).alias("values")
    here = rows.select(*key, values, *own)
    known = there.select(key).join(rows.select(key), on=key, how="left_semi")
    # Of most tables with content no key comes again, and then only their keys are read.
    there = there.where("false") if known.isEmpty() else there.join(F.broadcast(known), on=key, how="left_semi")
    there = there.select(*key, values, *[F.lit(None).alias(name) for name in own])
    sound = F.col("_reason").isNull()
    # Refused rows have no key: each is alone with its place. What the table has comes first, then by name of the file.
    apart = F.when(~sound, F.concat_ws("/", *_PLACE))
    before = Window.partitionBy("_apart", *key).orderBy(F.col("_file").asc_nulls_first(), "_number")
    both = here.unionByName(there).withColumn("_apart", apart)
    ranked = both.withColumn("rank", F.row_number().over(before)).withColumn("first", F.first("values").over(before))
    again, same = F.col("rank") > 1, F.col("first") == F.col("values")
    outcome = F.when(~sound | (again & ~same), QUARANTINED).when(again, DUPLICATE).otherwise(GOOD)
    reason = F.coalesce("_reason", F.when(again & ~same, F.lit(CONFLICT)))
    mine = ranked.where(F.col("batch").isNotNull())
    return mine.select(*_PLACE, outcome.alias("outcome"), reason.alias("reason"))


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
