"""The tables every job writes: what it did, which files it took, and which rows it refused."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import types as T

from brazada.tables.store import Store
from brazada.tables.table import Table, column

JOB_RUNS = Table(
    name="ops.job_runs",
    comment="One row per job run, failed ones included.",
    columns=T.StructType(
        [
            column("run_id", T.StringType(), "Identifier of the run"),
            column("job", T.StringType(), "Name of the job, as on the command line"),
            column("status", T.StringType(), "done or failed"),
            column("started_at", T.TimestampType(), "Start, UTC"),
            column("seconds", T.DoubleType(), "Wall clock from settings read to report written"),
            column("rows_in", T.LongType(), "Rows read from the input"),
            column("rows_good", T.LongType(), "Rows that became rows of the job's table"),
            column("rows_duplicate", T.LongType(), "Rows that stand in the table already, value for value"),
            column("rows_quarantined", T.LongType(), "Rows refused, in ops.quarantine with their reason"),
            column("tables_read", T.MapType(T.StringType(), T.LongType()), "Tables read and their versions"),
            column("tables_written", T.MapType(T.StringType(), T.LongType()), "Tables written and their new versions"),
            column("error", T.StringType(), "Why it failed", required=False),
        ]
    ),
    key=("run_id",),
    constraints={
        "status_known": "status IN ('done', 'failed')",
        "rows_add_up": "status = 'failed' OR rows_in = rows_good + rows_duplicate + rows_quarantined",
    },
)

QUARANTINE = Table(
    name="ops.quarantine",
    comment="One row per rejected input row, verbatim.",
    columns=T.StructType(
        [
            column("run_id", T.StringType(), "Run that rejected it"),
            column("job", T.StringType(), "Job that rejected it"),
            column("batch", T.StringType(), "What tells the file's content, see ops.ingested_files"),
            column("file", T.StringType(), "File it came from"),
            column("line", T.LongType(), "Line in that file, from 1, header included", required=False),
            column("reason", T.StringType(), "Why it was rejected"),
            column("raw", T.StringType(), "The row as it stood in the file"),
        ]
    ),
    key=("job", "batch", "line"),
)

INGESTED_FILES = Table(
    name="ops.ingested_files",
    comment="One row per file taken in, by content: a file known here is not read again.",
    columns=T.StructType(
        [
            column("job", T.StringType(), "Job that took it in"),
            column(
                "batch",
                T.StringType(),
                "SHA-256 of the file's content, decompressed; beyond 128 MiB that of its pieces' SHA-256s",
            ),
            column("size", T.LongType(), "Bytes of its content, decompressed"),
            column("file", T.StringType(), "Where it lay"),
            column("number", T.LongType(), "A number of its own: file_id of swim.readings"),
            column("run_id", T.StringType(), "Run that took it in"),
            column("layout", T.StringType(), "Layout its header was recognised as"),
            column("rows_in", T.LongType(), "Data rows in the file"),
            column("rows_good", T.LongType(), "Rows that became rows of the job's table"),
            column("rows_duplicate", T.LongType(), "Rows that stand in the table already, value for value"),
            column("rows_quarantined", T.LongType(), "Rows refused"),
        ]
    ),
    key=("job", "batch"),
    constraints={"rows_add_up": "rows_in = rows_good + rows_duplicate + rows_quarantined"},
)


def quarantine(store: Store, rows: DataFrame, count: int, where: str) -> None:
    """Put so many refused rows in the place of what a killed run left of the same files, by an SQL condition."""
    if count:
        store.replace(QUARANTINE, rows, where)
    elif store.exists(QUARANTINE.name) and not store.read(QUARANTINE.name).frame.where(where).isEmpty():
        store.delete(QUARANTINE, where)


def note_files(store: Store, notes: Sequence[tuple[Any, ...]], batch: str) -> None:
    """Note files as taken in, under a name for them all; those whose note somebody deleted are noted again.

    After it there is a quarantine too: empty, it says that nothing was refused.
    """
    store.ensure(QUARANTINE)
    store.ensure(INGESTED_FILES)
    store.append_once(INGESTED_FILES, notes, f"{store.version(INGESTED_FILES.name)}/{batch}")
