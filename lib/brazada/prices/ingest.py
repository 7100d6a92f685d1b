"""Job: published price files into `prices.observations`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, reduce
from itertools import groupby
from urllib.parse import unquote

from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from brazada.ingest.files import InputFile, check_local, head, inspect, list_files, told_by_name
from brazada.ingest.known import (
    GOOD,
    OUTCOMES,
    QUARANTINED,
    Find,
    Known,
    Taken,
    digest_of,
    holders,
    new_files,
    note_files,
    quarantine_lines,
)
from brazada.prices import files
from brazada.prices.classify import classify_rows
from brazada.prices.conflicts import rules_of, with_older, write_good
from brazada.prices.counts import FileCounts, count_rows
from brazada.prices.dates import suspect_far
from brazada.prices.layouts import Columns, layouts_of, recognise
from brazada.prices.settings import Layout, Prices
from brazada.prices.sources import source_settings
from brazada.prices.tables import CONFLICTS, OBSERVATIONS
from brazada.prices.units import check_patterns
from brazada.report import Job

SUFFIXES = (".csv", ".csv.gz", ".txt", ".txt.gz")


@dataclass(frozen=True)
class _New:
    """A file to take in, and how it is to be read; its columns are named source/layout."""

    file: InputFile
    columns: Columns

    @property
    def source(self) -> str:
        return self.columns.name.partition("/")[0]


def check(settings: Prices, source: str | None, paths: Sequence[str]) -> None:
    """Raise InputError for paths of this machine without files, and for files of no known layout; needs no Spark."""
    layouts = _layouts(settings, source)
    for uri in check_local(paths, SUFFIXES):
        recognise(head(None, uri), layouts, uri)


def _layouts(settings: Prices, source: str | None) -> dict[str, Layout]:
    """The layouts of a source, or of all, as source/layout."""
    asked = sorted(settings.sources) if source is None else [source]
    return layouts_of({name: source_settings(settings, name) for name in asked})


def ingest(job: Job, source: str | None = None, paths: Sequence[str] = (), again: bool = False) -> None:
    """Take price files into `prices.observations`: files, folders, globs of any filesystem, gzip or plain.

    Their headers say of which source they are, unless one is named. A file is known by its content and by the settings
    that judged it; only new ones are read, or with `again` all of them. Where that drops rows of the table, files that
    may have the same are judged again too. Safe to repeat after a kill at any point: rows go in by key, refused ones
    replace those of the same file, and the file itself is noted last. Raises InputError for an unknown source, for
    paths without files, and for empty, unreadable or unrecognised files, before anything is written.
    """
    layouts = _layouts(job.settings.of(Prices), source)
    check_patterns(job.spark, job.settings.of(Prices).units)
    uris = list_files(job.spark, paths, SUFFIXES)
    with job.progress("price files", total=4) as bar, job.store.exclusive(OBSERVATIONS.name):
        bar.advance(what="look at the files")
        known = Known(_rules(job.settings.of(Prices)), partial(_standing, job), again)
        find = partial(_found, layouts)
        more: Sequence[InputFile] = new_files(job, uris, known, find=find)
        new: list[_New] = []
        while more:
            new += [_New(file, recognise(head(job.spark, file.path), layouts, file.path)) for file in more]
            with _judged(job, new) as judged:
                bar.advance(what="compare with the table")
                more = _that_may_have_what_is_dropped(job, judged, new, find)
                if not more:
                    counts = count_rows(judged, [item.file.path for item in new])
                    bar.advance(what="write")
                    _write(job, judged, new, counts)
        bar.advance(what="note the files")


def _found(layouts: Mapping[str, Layout], spark: SparkSession, uris: Sequence[str]) -> list[InputFile]:
    """The files at paths; of those that may be of a layout without a column for it, the date in the name counts too."""
    without = [layout for layout in layouts.values() if layout.date is None]
    dates = {
        uri: date
        for uri in uris
        for layout in without
        if (date := layout.date_in_name(unquote(uri.rpartition("/")[2])))
    }
    files = inspect(spark, uris)
    return [told_by_name(file, dates[file.path]) if file.path in dates else file for file in files]


def _rules(settings: Prices) -> dict[str, str]:
    """By layout a digest of the settings that judge its rows."""
    others = {"sources", "shards", "networks", "trees", "judging"}
    judging = settings.model_dump(mode="json", exclude=others)
    found: dict[str, list[object]] = {}
    for _, source in sorted(settings.sources.items()):
        own = source.model_dump(mode="json", include={"currency", "on_conflict", "units"})
        for name, layout in source.layouts.items():
            found.setdefault(name, []).append((layout.model_dump(mode="json"), own))
    return {name: digest_of(judging, rules) for name, rules in found.items()}


def _standing(job: Job) -> DataFrame:
    """The files whose rows are in the table, or gave way to those of others."""
    job.store.ensure(OBSERVATIONS)
    tables = [table for table in (OBSERVATIONS, CONFLICTS) if job.store.exists(table.name)]
    return reduce(DataFrame.union, [job.store.read(table.name).frame.select("batch").distinct() for table in tables])


def _that_may_have_what_is_dropped(job: Job, judged: DataFrame, new: Sequence[_New], find: Find) -> list[InputFile]:
    """Other files to judge too, where the table has rows of these that are not good any more."""
    ours = F.col("batch").isin([item.file.batch for item in new])
    key = [*OBSERVATIONS.key]
    had = job.store.read(OBSERVATIONS.name).frame.where(ours).select(*key)
    if had.isEmpty() or had.join(judged.where(F.col("outcome") == GOOD), on=key, how="left_anti").isEmpty():
        return []
    gave_way = job.store.read(CONFLICTS.name).frame.where(~ours) if job.store.exists(CONFLICTS.name) else None
    others = [row["batch"] for row in gave_way.select("batch").distinct().collect()] if gave_way else []
    return holders(job, [item.file for item in new], others, find)


@contextmanager
def _judged(job: Job, new: Sequence[_New]) -> Iterator[DataFrame]:
    """All rows of the new files with their outcome, kept while they are counted and written."""
    job.store.ensure(OBSERVATIONS)
    table = job.store.read(OBSERVATIONS.name).frame
    # What a killed run left of these very files is not known yet: it is written again, to the same effect.
    sources, batches = {item.source for item in new}, [item.file.batch for item in new]
    known = table.where(F.col("source").isin([*sources]) & ~F.col("batch").isin(batches))
    rows = reduce(DataFrame.unionByName, _rows(job, new))
    rows = with_older(job, rows, {item.file.path: item.file.batch for item in new})
    judged = classify_rows(rows, known, rules_of(job.settings.of(Prices))).persist(StorageLevel.MEMORY_AND_DISK)
    try:
        yield suspect_far(judged, known, job.settings.of(Prices))
    finally:
        judged.unpersist()


def _rows(job: Job, new: Sequence[_New]) -> Iterator[DataFrame]:
    """One frame for each layout, order of columns and encoding."""

    def form(item: _New) -> tuple[str, str, tuple[str, ...]]:
        return item.columns.name, item.columns.encoding, item.columns.names

    for _, group in groupby(sorted(new, key=form), key=form):
        members = list(group)
        source, columns = members[0].source, members[0].columns
        lines = files.lines(job.spark, [item.file.path for item in members], columns.encoding)
        yield files.rows(lines, columns, source, job.settings.of(Prices))


def _write(job: Job, judged: DataFrame, new: Sequence[_New], counts: Mapping[str, FileCounts]) -> None:
    by_path = {item.file.path: item for item in new}
    offsets = [
        (path, block, offset, by_path[path].columns.line, by_path[path].file.batch)
        for path, file_counts in counts.items()
        for block, offset in file_counts.offsets()
    ]
    schema = "file string, block long, offset long, header int, batch string"
    places = F.broadcast(job.spark.createDataFrame(offsets, schema))
    placed = judged.join(places, on=["file", "block"], how="inner")
    # What a killed run left of these files gives way: other files may have joined them.
    taken_in = [item.file for item in new]
    write_good(job, placed, taken_in)
    refused = placed.where(F.col("outcome") == QUARANTINED).withColumn("line", F.col("place") + F.col("offset"))
    count = sum(counts[path].rows(QUARANTINED) for path in by_path)
    quarantine_lines(job, refused.where(F.col("line") > F.col("header")), count, taken_in)
    taken = [
        Taken(item.file, item.columns.name.partition("/")[2], *map(counts[item.file.path].rows, OUTCOMES))
        for item in new
    ]
    note_files(job, taken, "+".join(sorted(file.batch[:16] for file in taken_in)), _rules(job.settings.of(Prices)))
