"""The tables every job writes: what it did, which files it took, and which rows it refused."""

from __future__ import annotations

from pyspark.sql import types as T

from brazada.tables.table import Table, column

JOB_RUNS = Table(
    name="ops.job_runs",
    written_by="prices ingest FILES",
    comment="One row per job run, failed ones included.",
    columns=T.StructType(
        [
            column("run_id", T.StringType(), "Identifier of the run"),
            column("job", T.StringType(), "Name of the job, as on the command line"),
            column("status", T.StringType(), "done, failed, or stopped by Ctrl-C or SIGTERM"),
            column("started_at", T.TimestampType(), "Start, UTC"),
            column("seconds", T.DoubleType(), "Wall clock from settings read to report written"),
            column("rows_in", T.LongType(), "Rows read from the input"),
            column("rows_good", T.LongType(), "Rows that became rows of the job's table"),
            column(
                "rows_duplicate",
                T.LongType(),
                "Rows whose key the table has already, with the same values or preferred ones",
            ),
            column("rows_quarantined", T.LongType(), "Rows refused, in ops.quarantine with their reason"),
            column("tables_read", T.MapType(T.StringType(), T.LongType()), "Tables read and their versions"),
            column("tables_written", T.MapType(T.StringType(), T.LongType()), "Tables written and their new versions"),
            column("error", T.StringType(), "Why it failed", required=False),
        ]
    ),
    key=("run_id",),
    constraints={
        "status_known": "status IN ('done', 'failed', 'stopped')",
        "rows_add_up": "status <> 'done' OR rows_in = rows_good + rows_duplicate + rows_quarantined",
    },
)

QUARANTINE = Table(
    name="ops.quarantine",
    written_by="prices ingest FILES",
    comment="One row per rejected part of an input file, or whole file, verbatim.",
    columns=T.StructType(
        [
            column("run_id", T.StringType(), "Run that rejected it"),
            column("job", T.StringType(), "Job that rejected it"),
            column("batch", T.StringType(), "What tells the file's content, see ops.ingested_files"),
            column("file", T.StringType(), "File it came from"),
            column("unit", T.StringType(), "What was rejected and what place counts: line, row, byte or file"),
            column(
                "place",
                T.LongType(),
                "Line from 1, header included; row or byte from 0; null of a file",
                required=False,
            ),
            column("reason", T.StringType(), "Why it was rejected"),
            column("raw", T.StringType(), "The row as it stood in the file, where that is text", required=False),
            column(
                "content", T.BinaryType(), "The content as it stood in the file, where it is no text", required=False
            ),
        ]
    ),
    key=("job", "batch", "unit", "place"),
    constraints={"unit_known": "unit IN ('line', 'row', 'byte', 'file')"},
    stats_on=("job", "batch"),
)

INGESTED_FILES = Table(
    name="ops.ingested_files",
    written_by="prices ingest FILES",
    comment="One row per file taken in, by content: a file known here is read again only when its rules change.",
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
            column("layout", T.StringType(), "Layout or kind of file that it was read as"),
            column(
                "rules",
                T.StringType(),
                "Digest of the settings that its rows were judged by; null where an earlier version took it in",
                required=False,
            ),
            column("rows_in", T.LongType(), "Rows in the file, without a header; 1 for one refused as a whole"),
            column("rows_good", T.LongType(), "Rows that became rows of the job's table"),
            column(
                "rows_duplicate",
                T.LongType(),
                "Rows whose key the table has already, with the same values or preferred ones",
            ),
            column("rows_quarantined", T.LongType(), "Rows refused"),
        ]
    ),
    key=("job", "batch"),
    constraints={"rows_add_up": "rows_in = rows_good + rows_duplicate + rows_quarantined"},
)
