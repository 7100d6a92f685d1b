"""Job: published price files into `prices.observations`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import reduce
from itertools import groupby

from pyspark import StorageLevel
from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from brazada.prices import files
from brazada.prices.layouts import Columns, recognise
from brazada.prices.settings import Source
from brazada.prices.sources import source_settings
from brazada.prices.tables import OBSERVATIONS
from brazada.prices.tallies import Tally, tally
from brazada.prices.verdicts import DUPLICATE, GOOD, QUARANTINED, verdicts
from brazada.report import Job
from brazada.tables import literal
from brazada.tables.files import InputFile, first_line, inspect, list_files
from brazada.tables.ops import INGESTED_FILES, note_files, quarantine

SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz")


@dataclass(frozen=True)
class _New:
    """A file to take in, and how it is to be read; its columns are named source/layout."""

    file: InputFile
    columns: Columns

    @property
    def source(self) -> str:
        return self.columns.name.partition("/")[0]


def ingest(job: Job, source: str | None, paths: Sequence[str]) -> None:
    """Take price files into `prices.observations`: files, folders, globs of any filesystem, gzip or plain.

    Their headers say of which source they are, unless one is named. A file is known by its content; only new ones are
    read. Safe to repeat after a kill at any point: rows go in by key, refused ones replace those of the same file, and
    the file itself is noted last. Raises InputError for an unknown source, for paths without files, and for empty,
    unreadable or unrecognised files, before anything is written.
    """
    asked = sorted(job.settings.prices.sources) if source is None else [source]
    sources = {name: source_settings(job.settings.prices, name) for name in asked}
    uris = list_files(job.spark, paths, SUFFIXES)
    with job.progress("price files", total=2 * len(uris)) as bar:
        found: dict[str, InputFile] = {}
        for uri in uris:
            file = inspect(job.spark, uri)
            found.setdefault(file.batch, file)
            bar.advance(what=f"read {uri.rpartition('/')[2]}")
        with job.store.exclusive(OBSERVATIONS.name):
            new = _new(job, sources, found)
            if skipped := len(uris) - len(new):
                job.note(f"{skipped} of {len(uris)} files known already, skipped")
            if not new:
                return
            with _judged(job, new) as judged:
                bar.advance(0, what="compare with the table")
                tallies = tally(judged, [item.file.path for item in new])
                bar.advance(0, what="write")
                _write(job, judged, new, tallies)
                _count(job, tallies)
            bar.advance(len(new))


def _new(job: Job, sources: Mapping[str, Source], found: Mapping[str, InputFile]) -> list[_New]:
    known = set()
    if job.store.exists(INGESTED_FILES.name):
        ingested = job.store.read(INGESTED_FILES.name).frame
        mine = ingested.where((F.col("job") == job.name) & F.col("batch").isin([*found]))
        known = {row["batch"] for row in mine.select("batch").collect()}
    fresh = [file for batch, file in found.items() if batch not in known]
    layouts = {f"{name}/{layout}": rules for name, one in sources.items() for layout, rules in one.layouts.items()}
    return [_New(file, recognise(first_line(job.spark, file.path), layouts, file.path)) for file in fresh]


@contextmanager
def _judged(job: Job, new: Sequence[_New]) -> Iterator[DataFrame]:
    """All rows of the new files with their outcome, kept while they are counted and written."""
    job.store.ensure(OBSERVATIONS)
    table = job.store.read(OBSERVATIONS.name).frame
    # What a killed run left of these very files is not known yet: it is written again, to the same effect.
    sources, batches = {item.source for item in new}, [item.file.batch for item in new]
    known = table.where(F.col("source").isin([*sources]) & ~F.col("batch").isin(batches))
    rows = reduce(DataFrame.unionByName, _rows(job, new))
    refused = F.when(F.col("outcome") == QUARANTINED, F.col("raw"))  # the text of the others is not needed again
    judged = verdicts(rows, known).withColumn("raw", refused).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield judged
    finally:
        judged.unpersist()


def _rows(job: Job, new: Sequence[_New]) -> Iterator[DataFrame]:
    """One frame for each layout and order of columns."""
    alike = sorted(new, key=lambda item: (item.columns.name, item.columns.names))
    for _, group in groupby(alike, key=lambda item: (item.columns.name, item.columns.names)):
        members = list(group)
        source, columns = members[0].source, members[0].columns
        lines = files.lines(job.spark, [item.file.path for item in members], columns.layout.encoding)
        yield files.rows(lines, columns, source, job.settings.prices)


def _write(job: Job, judged: DataFrame, new: Sequence[_New], tallies: Mapping[str, Tally]) -> None:
    batches = {item.file.path: item.file.batch for item in new}
    offsets = [(path, block, offset, batches[path]) for path, t in tallies.items() for block, offset in t.offsets()]
    schema = "file string, block long, offset long, batch string"
    places = F.broadcast(job.spark.createDataFrame(offsets, schema))
    placed = judged.join(places, on=["file", "block"], how="inner")
    # What a killed run left of these files gives way: other files may have joined them.
    of_batches = f"batch IN ({', '.join(map(literal, sorted(batches.values())))})"
    job.store.replace(OBSERVATIONS, placed.where(F.col("outcome") == GOOD), of_batches)
    refused = placed.where(F.col("outcome") == QUARANTINED).select(
        F.lit(job.run_id).alias("run_id"),
        F.lit(job.name).alias("job"),
        *["batch", "file"],
        (F.col("place") + F.col("offset")).alias("line"),
        *["reason", "raw"],
    )
    slice_of_files = f"job = {literal(job.name)} AND {of_batches}"
    count = sum(tallies[path].rows(QUARANTINED) for path in batches)
    quarantine(job.store, refused.where(F.col("line") > 1), count, slice_of_files)
    done = [_ingested(job, item, tallies[item.file.path]) for item in new]
    note_files(job.store, done, "+".join(sorted(batch[:16] for batch in batches.values())))


def _ingested(job: Job, item: _New, counted: Tally) -> Row:
    return Row(
        job=job.name,
        batch=item.file.batch,
        size=item.file.size,
        file=item.file.path,
        number=item.file.number,
        run_id=job.run_id,
        layout=item.columns.name.partition("/")[2],
        rows_in=counted.rows_in,
        rows_good=counted.rows(GOOD),
        rows_duplicate=counted.rows(DUPLICATE),
        rows_quarantined=counted.rows(QUARANTINED),
    )


def _count(job: Job, tallies: Mapping[str, Tally]) -> None:
    for path, counted in tallies.items():
        if not counted.rows_in:
            job.note(f"{path}: no row below its header")
        job.report.add(counted.rows_in, *[counted.rows(outcome) for outcome in (GOOD, DUPLICATE, QUARANTINED)])
