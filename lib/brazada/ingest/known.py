"""Which files are new, and what is noted of those that were taken in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from brazada.ingest.files import InputFile, as_one, inspect, is_there
from brazada.report import Job
from brazada.tables import Store, literal
from brazada.tables.ops import INGESTED_FILES, QUARANTINE

Find = Callable[[SparkSession, Sequence[str]], Sequence[InputFile]]  # the files at paths

GOOD, DUPLICATE, QUARANTINED = OUTCOMES = ("good", "duplicate", "quarantined")


@dataclass(frozen=True)
class Taken:
    """A file that was taken in, as what layout it was read, and what became of its rows."""

    file: InputFile
    layout: str
    good: int
    duplicate: int
    quarantined: int


@dataclass(frozen=True)
class Known:
    """What makes a file known beside its content.

    `rules` has a digest of the settings that judge the rows by layout, `standing()` the files that have rows in the
    job's table, by `batch` or `number`; `again` says that files are to be judged anew whatever they are.
    """

    rules: Mapping[str, str]
    standing: Callable[[], DataFrame]
    again: bool = False


def digest_of(*settings: object) -> str:
    """A digest of settings, of what JSON has."""
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]


def new_files(
    job: Job,
    uris: Sequence[str],
    known: Known,
    meanwhile: Callable[[], object] | None = None,
    sets: Sequence[Sequence[str]] | None = None,
    find: Find = inspect,
) -> list[InputFile]:
    """The files that this job has not taken in as they are now, each content once; `meanwhile` runs beside the reading.

    Files that were taken in are new if that is asked for, if the rules of their layout are others now, or if the table
    has none of their rows any more, which was deleted or restored to an older version. Their notes are gone, as after a
    run that was killed. Of `sets`, files that belong together, those of which a content is new, each as one file.
    `find` gives the files at paths.
    """
    with ThreadPoolExecutor(1) as pool:
        inspected = pool.submit(find, job.spark, uris)
        if meanwhile:
            meanwhile()
        files = {file.path: file for file in inspected.result()}
    units = list(files.values()) if sets is None else [as_one([files[uri] for uri in each]) for each in sets]
    found: dict[str, InputFile] = {}
    for unit in units:
        found.setdefault(unit.batch, unit)
    what = "files" if sets is None else "sets of files"
    noted = {}
    if job.store.exists(INGESTED_FILES.name):
        rows = _noted(job).select("batch", "layout", "rules", "rows_duplicate").collect()
        noted = {row["batch"]: row for row in rows}
    changed = {
        batch
        for batch in found.keys() & noted.keys()
        if noted[batch]["rules"] not in (None, known.rules.get(noted[batch]["layout"], noted[batch]["rules"]))
    }
    if changed and not known.again:
        job.note(f"{len(changed)} {what} judged again: the settings that judged them are others now")
    if gone := _gone(job, known) if noted else set():
        job.note(f"{len(gone)} {what} were taken in and have no row in the table any more: name them to take them in")
        # What of them other files have was a duplicate, and is none now.
        changed |= gone | {batch for batch, row in noted.items() if row["rows_duplicate"]}
    forgotten = (changed | found.keys() if known.again else changed) & noted.keys()
    forget(job, forgotten)
    new = [file for batch, file in found.items() if batch not in noted.keys() - forgotten]
    if len(new) < len(units):
        job.note(f"{len(units) - len(new)} of {len(units)} {what} known already, skipped")
    return new


def _noted(job: Job) -> DataFrame:
    job.store.ensure(INGESTED_FILES)
    return job.store.read(INGESTED_FILES.name).frame.where(F.col("job") == job.name)


def _gone(job: Job, known: Known) -> set[str]:
    """The files that were taken in with good rows, of which the table has none."""
    standing = known.standing()
    told = _noted(job).where("rows_good > 0").select("batch", *{*standing.columns} - {"batch"})
    return {row["batch"] for row in told.join(standing, on=standing.columns, how="left_anti").collect()}


def forget(job: Job, batches: Collection[str]) -> None:
    """Delete the notes of files, which are new then."""
    if batches:
        rows = job.spark.createDataFrame([(job.name, batch) for batch in sorted(batches)], "job string, batch string")
        job.store.delete_matching(INGESTED_FILES, rows)


def holders(
    job: Job,
    files: Sequence[InputFile],
    others: Collection[str] = (),
    find: Find = inspect,
) -> list[InputFile]:
    """Known files that may have rows which these no longer have: those with duplicates, refused rows, or of `others`.

    They are new then. `find` gives the files at paths. The report names those that are no longer where they were.
    """
    own = {file.batch for file in files}
    held = (F.col("rows_duplicate") + F.col("rows_quarantined") > 0) | F.col("batch").isin([*others])
    noted = {row["batch"]: row["file"] for row in _noted(job).where(held).collect() if row["batch"] not in own}
    there = [path for path in noted.values() if is_there(job.spark, path)]
    found = {file.batch: file for file in find(job.spark, there)} if there else {}
    for path in (path for batch, path in noted.items() if batch not in found):
        job.note(f"{path} is not there as it was: it may have rows that are no longer in the table; take it in anew")
    again = [found[batch] for batch in noted if batch in found]
    if again:
        job.note(f"{len(again)} other files judged again: they may have rows that these no longer have")
    forget(job, [file.batch for file in again])
    return again


def batches_in(files: Sequence[InputFile]) -> str:
    """The SQL condition for rows of these files in a table with their `batch`."""
    return f"batch IN ({', '.join(sorted(literal(file.batch) for file in files))})"


def quarantine_lines(job: Job, rows: DataFrame, count: int, files: Sequence[InputFile]) -> None:
    """Put so many refused lines in the place of what there is of the files: batch, file, line, reason, raw."""
    if not count:
        clear_quarantine(job, files)
        return
    lines = {"unit": F.lit("line"), "place": F.col("line"), "content": F.lit(None).cast("binary")}
    job.store.replace(QUARANTINE, quarantined(job, rows.withColumns(lines)), _refused_of(job, files))


def clear_quarantine(job: Job, files: Sequence[InputFile]) -> None:
    """Delete what was refused of the files, by a run that was killed or by other rules."""
    where = _refused_of(job, files)
    if job.store.exists(QUARANTINE.name) and not job.store.read(QUARANTINE.name).frame.where(where).isEmpty():
        job.store.delete(QUARANTINE, where)


def _refused_of(job: Job, files: Sequence[InputFile]) -> str:
    return f"job = {literal(job.name)} AND {batches_in(files)}"


def quarantined(job: Job, rows: DataFrame) -> DataFrame:
    """Refused rows, with all columns of ops.quarantine but for the run and the job, as rows of it."""
    own = {"run_id": F.lit(job.run_id), "job": F.lit(job.name)}
    return rows.withColumns(own).select(*QUARANTINE.columns.names)


def note_files(job: Job, taken: Sequence[Taken], name: str, rules: Mapping[str, str]) -> None:
    """Note files as taken in, under a name for them all, with the rules of their layout; count their rows.

    Files whose note somebody deleted are noted again. After it there is a quarantine too: empty, it says that nothing
    was refused.
    """
    ensure_notes(job.store)
    rows = []
    for one in taken:
        file, counts = one.file, (one.good, one.duplicate, one.quarantined)
        told = (job.name, file.batch, file.size, file.path, file.number, job.run_id, one.layout, rules[one.layout])
        rows.append((*told, sum(counts), *counts))
        job.report.add(sum(counts), *counts)
        if not sum(counts):
            job.note(f"{file.path}: no row below its header")
    job.store.append_once(INGESTED_FILES, rows, f"{job.store.version(INGESTED_FILES.name)}/{name}")


def ensure_notes(store: Store) -> None:
    """Have the tables of files and of what was refused."""
    store.ensure(QUARANTINE)
    store.ensure(INGESTED_FILES)
