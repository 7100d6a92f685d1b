"""Which files are new, and what is noted of those that were taken in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from brazada.ingest.files import InputFile, as_one, inspect, told_by_name
from brazada.report import Job
from brazada.tables import Store, literal
from brazada.tables.ops import INGESTED_FILES, QUARANTINE

GOOD, DUPLICATE, QUARANTINED = OUTCOMES = ("good", "duplicate", "quarantined")


@dataclass(frozen=True)
class Taken:
    """A file that was taken in, as what layout it was read, and what became of its rows."""

    file: InputFile
    layout: str
    good: int
    duplicate: int
    quarantined: int


def new_files(
    job: Job,
    uris: Sequence[str],
    meanwhile: Callable[[], object] | None = None,
    sets: Sequence[Sequence[str]] | None = None,
    again: bool = False,
    names: Mapping[str, str] | None = None,
) -> list[InputFile]:
    """The files whose content this job has not taken in yet, each content once; `meanwhile` runs beside the reading.

    With `again` files that were taken in count as new: their notes are gone, as after a run that was killed.
    Of `sets`, files that belong together, those of which a content is new, each as one file. `names` has, by URI, what
    files say in their names alone, which tells them apart as their content does.
    """
    with ThreadPoolExecutor(1) as pool:
        inspected = pool.submit(inspect, job.spark, uris)
        if meanwhile:
            meanwhile()
        files = {file.path: file for file in inspected.result()}
    files |= {uri: told_by_name(files[uri], said) for uri, said in (names or {}).items()}
    units = list(files.values()) if sets is None else [as_one([files[uri] for uri in each]) for each in sets]
    found: dict[str, InputFile] = {}
    for unit in units:
        found.setdefault(unit.batch, unit)
    if again and job.store.exists(INGESTED_FILES.name):
        job.store.delete(INGESTED_FILES, f"job = {literal(job.name)} AND {batches_in(list(found.values()))}")
    known = set()
    if job.store.exists(INGESTED_FILES.name):
        noted = job.store.read(INGESTED_FILES.name).frame.where(F.col("job") == job.name)
        known = {row["batch"] for row in noted.select("batch").collect()}
    new = [file for batch, file in found.items() if batch not in known]
    if len(new) < len(units):
        what = "files" if sets is None else "sets of files"
        job.note(f"{len(units) - len(new)} of {len(units)} {what} known already, skipped")
    return new


def batches_in(files: Sequence[InputFile]) -> str:
    """The SQL condition for rows of these files in a table with their `batch`."""
    return f"batch IN ({', '.join(sorted(literal(file.batch) for file in files))})"


def quarantine_lines(job: Job, rows: DataFrame, count: int, files: Sequence[InputFile]) -> None:
    """Put so many refused lines in the place of what a killed run left of the files: batch, file, line, reason, raw."""
    where = f"job = {literal(job.name)} AND {batches_in(files)}"
    if count:
        lines = {"unit": F.lit("line"), "place": F.col("line"), "content": F.lit(None).cast("binary")}
        job.store.replace(QUARANTINE, quarantined(job, rows.withColumns(lines)), where)
    elif job.store.exists(QUARANTINE.name) and not job.store.read(QUARANTINE.name).frame.where(where).isEmpty():
        job.store.delete(QUARANTINE, where)


def quarantined(job: Job, rows: DataFrame) -> DataFrame:
    """Refused rows, with all columns of ops.quarantine but for the run and the job, as rows of it."""
    own = {"run_id": F.lit(job.run_id), "job": F.lit(job.name)}
    return rows.withColumns(own).select(*QUARANTINE.columns.names)


def note_files(job: Job, taken: Sequence[Taken], name: str) -> None:
    """Note files as taken in, under a name for them all, and count their rows in the report.

    Files whose note somebody deleted are noted again. After it there is a quarantine too: empty, it says that nothing
    was refused.
    """
    ensure_notes(job.store)
    rows = []
    for one in taken:
        file, counts = one.file, (one.good, one.duplicate, one.quarantined)
        rows.append(
            (job.name, file.batch, file.size, file.path, file.number, job.run_id, one.layout, sum(counts), *counts)
        )
        job.report.add(sum(counts), *counts)
        if not sum(counts):
            job.note(f"{file.path}: no row below its header")
    job.store.append_once(INGESTED_FILES, rows, f"{job.store.version(INGESTED_FILES.name)}/{name}")


def ensure_notes(store: Store) -> None:
    """Have the tables of files and of what was refused."""
    store.ensure(QUARANTINE)
    store.ensure(INGESTED_FILES)
