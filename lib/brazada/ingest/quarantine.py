"""What was refused, by file and reason; and files of it to judge again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.ingest.files import is_there
from brazada.report import Job
from brazada.tables import Store, literal
from brazada.tables.ops import QUARANTINE


@dataclass(frozen=True)
class Which:
    """Refused rows by parts of a text each: of the job that refused them, of their file's URI, of the reason."""

    job: str = ""
    file: str = ""
    reason: str = ""

    @property
    def condition(self) -> str:
        """As a SQL condition on rows of ops.quarantine."""
        parts = {"job": self.job, "file": self.file, "reason": self.reason}
        return " AND ".join(f"contains({name}, {literal(text)})" for name, text in parts.items())


def refused(store: Store, which: Which) -> DataFrame:
    """The rows of ops.quarantine. Raises TableError where nothing was ever ingested."""
    return store.read(QUARANTINE.name).frame.where(which.condition)


def counted(store: Store, which: Which) -> DataFrame:
    """How many there are by job, file and reason, most first, and the least place."""
    return (
        refused(store, which)
        .groupBy("job", "file", "reason")
        .agg(F.count("*").alias("rows"), F.first("unit").alias("unit"), F.min("place").alias("first"))
        .orderBy(F.desc("rows"), "job", "file", "reason")
    )


def files_of(store: Store, which: Which) -> dict[str, list[str]]:
    """By job the files that have refused rows. Raises InputError where there is none."""
    found: dict[str, list[str]] = {}
    for row in refused(store, which).select("job", "file").distinct().orderBy("job", "file").collect():
        found.setdefault(row["job"], []).append(row["file"])
    if not found:
        raise InputError(f"rows of {QUARANTINE.name} that are asked for", found="none", todo="list them all")
    return found


def judge_again(job: Job, files: Sequence[str], ingest: Callable[..., None]) -> list[str]:
    """Ingest files again that are where they were, and give these; the report names those that are not."""
    there = [file for file in files if is_there(job.spark, file)]
    if there:
        ingest(job, paths=there, again=True)
    for file in sorted({*files} - {*there}):
        job.note(f"{file} is no longer there: its rows stay refused; ingest it from where it is now, with --again")
    return there


def dismiss(job: Job, which: Which) -> None:
    """Delete refused rows; earlier versions of the table have them still. Raises InputError where there is none."""
    files_of(job.store, which)
    count = refused(job.store, which).count()
    version = job.store.version(QUARANTINE.name)
    job.store.delete(QUARANTINE, which.condition)
    job.note(f"{count:,} refused rows dismissed; {QUARANTINE.name} has them up to version {version}")
