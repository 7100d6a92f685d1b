"""Job: swim logs into `swim.readings`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial, reduce

from pyspark import Accumulator
from pyspark.sql import DataFrame, Observation, Row
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.report import Job
from brazada.swim import drills
from brazada.swim.differences import readings, together
from brazada.swim.packs import ROWS, Pieces, Read, packed, packed_files, positions, reasons, repacked, unpacked
from brazada.swim.parse import HEADER, POSITION
from brazada.swim.tables import READINGS
from brazada.tables import literal
from brazada.tables.files import (
    InputFile,
    digest,
    first_line,
    glance,
    list_files,
    local_path,
    pieces,
    read_path,
    splittable,
    with_digest,
)
from brazada.tables.ops import INGESTED_FILES, QUARANTINE, note_files

SUFFIXES = (".csv", ".csv.gz", ".csv.zst")
_READERS = 4  # files read at once, to tell whether they are known
_TEXT_PER_PARTITION = 160 * 2**20  # bytes; as a file of readings about a fifth of it
_KEYS = ("tag", "drill", "millis", *POSITION)


def ingest(job: Job, paths: Sequence[str]) -> None:
    """Take swim logs into `swim.readings`: files, folders, globs of any filesystem, plain, .gz or .zst.

    A file is known by its content; only new ones are read. A drill that the table has already, and that a new file adds
    to, is made again as a whole, and no other is touched. Safe to repeat after a kill at any point: what landed is
    known by its keys, and the file itself is noted last. Raises InputError for paths without files and for empty or
    foreign files before anything is written, for packed ones that cannot be read before any row is, and before a file
    is noted where one changed while it was read.
    """
    uris = list_files(job.spark, paths, SUFFIXES)
    with job.progress("swim logs", total=len(uris) + 3) as bar:
        for uri in uris:
            _check_header(job, uri)
        with job.store.exclusive(READINGS.name):
            found = []
            with ThreadPoolExecutor(_READERS) as pool:
                files = pool.map(partial(glance, job.spark), uris)
                job.store.ensure(READINGS)  # meanwhile: both may take seconds
                for file in files:
                    found.append(file)
                    bar.advance(what=f"read {file.path.rpartition('/')[2]}")
            new = _new(job, found)
            if skipped := len(uris) - len(new):
                job.note(f"{skipped} of {len(uris)} files known already, skipped")
            if not new:
                return
            with splittable(job.spark, [file.path for file in new], job.store.scratch("unpacked")) as readable:
                batch = _Batch(job, new, readable)
                bar.advance(what="parse, sort, write")
                batch.write_readings()
                bar.advance(what="refused rows")
                batch.write_refused()
                bar.advance(what="note the files")
                batch.note_files()


@dataclass
class _Batch:
    """The new files of one ingest, and what was counted in them."""

    job: Job
    files: Sequence[InputFile]  # with their digests once the readings are written
    readable: Mapping[str, str]  # where the content of each lies as text that Spark can read
    lines: dict[int, int] = field(default_factory=dict)  # by number of the file, the headers among them
    refused: int = 0
    conflicts: int = 0
    added_in: int = field(init=False)

    def __post_init__(self) -> None:
        self.added_in = drills.newest(self.job.store.read(READINGS.name)) + 1

    def write_readings(self) -> None:
        """Append the drills that are new; make those again that the table has already."""
        context = self.job.spark.sparkContext
        done: Accumulator[Read] = context.accumulator({}, Pieces())
        packs = self.packs(done)
        read, conflicts = Observation(), context.accumulator(0)
        again = F.lit(False)
        if self.added_in > 1:
            known = drills.known(self.job).select("drill").distinct().withColumn("known", F.lit(True))
            packs, again = packs.join(F.broadcast(known), on="drill", how="left"), F.col("known").isNotNull()
        of_files = [file.number for file in self.files]
        sums = {str(file_id): F.when(F.col("file_id") == file_id, F.col("lines")) for file_id in of_files}
        sums |= {"refused": F.col("refused"), "known": F.when(again, F.col("samples"))}
        counts = [F.coalesce(F.sum(column), F.lit(0)).alias(name) for name, column in sums.items()]
        fresh = together(packs.observe(read, *counts).where(~again), self.partitions())
        if self.job.store.append_made(READINGS, fresh, readings(self.added_in, conflicts), self.named()):
            counted, self.conflicts = read.get, conflicts.value
        else:  # it had landed, by a run that was killed then: nothing was counted
            counted, self.conflicts = packs.agg(*counts).collect()[0].asDict(), 1
        self.lines, self.refused = {file_id: counted[str(file_id)] for file_id in of_files}, counted["refused"]
        self.files = [_told(file, done.value) for file in self.files]
        if counted["known"]:
            self._make_again(unpacked(packs.where(again)), counted["known"])

    def _make_again(self, added: DataFrame, count: int) -> None:
        """Drills of the table with the new times among the old: all of a drill, whichever tag, in one commit.

        A time that the table has of a tag and drill stays as it is, so that rows at such times make nothing again.
        """
        added.persist()
        times = self._kept(drills.names(added)).select("tag", "drill", "millis")
        late = added.join(times, on=times.columns, how="left_anti").select(*ROWS.names)
        if touched := drills.names(late):
            again = drills.among(touched)
            # A number of its own: who reads between this write and the last must find it new.
            kept = repacked(self._kept(touched), F.lit(True))
            both = together(kept.unionByName(repacked(late, F.lit(False))), self.partitions())
            make = readings(self.added_in + 1, self.job.spark.sparkContext.accumulator(0))
            rows = both.mapInArrow(make, READINGS.columns)
            self.job.store.replace(READINGS, rows, again)
            # Delta's overwrite of a slice leaves an observation empty. What became no reading may be in conflict.
            of_files = F.col("file_id").isin([file.number for file in self.files])
            count -= self.job.store.read(READINGS.name).frame.where(again).where(of_files).count()
            self.job.note(f"{len(touched)} drills of the table had rows added and were made again")
        self.conflicts += count
        added.unpersist()

    def _kept(self, names: list[str]) -> DataFrame:
        """What the table has of these drills, as ROWS."""
        table = self.job.store.read(READINGS.name).frame.where(drills.among(names))
        return table.withColumn("millis", F.unix_millis("ts")).select(*ROWS.names)

    def write_refused(self) -> None:
        """Quarantine lines that could not be read, and positions that another one at the same time forestalled."""
        if self.refused == len(self.files) and not self.conflicts:
            return  # the headers
        lines = self.text(self.files, "block", "place")
        blocks = (
            lines.groupBy("file_id", "block").agg(F.count("*").alias("lines"), F.min("place").alias("first")).collect()
        )
        offsets = self.job.spark.createDataFrame(list(_offsets(blocks)), "file_id long, block long, before long")
        filled = lines.where(F.length("value") > 0)  # blank ones count as lines, and are no rows
        verbatim = filled.withColumn("raw", F.col("value").cast("binary"))
        bad = reasons(verbatim, self.job.settings.swim)
        if self.conflicts:
            bad = bad.unionByName(self._forestalled(positions(verbatim, self.job.settings.swim)))
        numbered = bad.join(F.broadcast(offsets), on=["file_id", "block"], how="inner")
        files = self.job.spark.createDataFrame(
            [(file.number, file.path, file.batch) for file in self.files], "file_id long, file string, batch string"
        )
        rows = numbered.join(F.broadcast(files), on="file_id", how="inner").select(
            F.lit(self.job.run_id).alias("run_id"),
            F.lit(self.job.name).alias("job"),
            *["batch", "file"],
            (F.col("place") - F.col("before")).alias("line"),
            "reason",
            F.decode("raw", "UTF-8").alias("raw"),
        )
        self.job.store.replace(QUARANTINE, rows.where(F.col("line") > 1), self._slice())

    def _forestalled(self, sound: DataFrame) -> DataFrame:
        """Sound lines whose tag, drill and time has another position in the table; equal ones once."""
        spots = {f"good_{name}": F.col(name) for name in POSITION}
        table = self.job.store.read(READINGS.name).frame.withColumns(spots)
        good = table.select("tag", "drill", F.unix_millis("ts").alias("millis"), *spots)
        both = sound.join(good, on=["tag", "drill", "millis"], how="inner")
        differs = reduce(lambda a, b: a | b, [F.col(name) != F.col(f"good_{name}") for name in POSITION])
        said = F.concat(F.lit("same tag, drill and time at another position, ["), F.concat_ws(",", *spots), F.lit("]"))
        first = F.min_by(
            F.struct(*[name for name in sound.columns if name not in _KEYS], said.alias("said")),
            F.struct("file_id", "place"),
        )
        once = both.where(differs).groupBy(*_KEYS).agg(first.alias("line"))
        return once.select("line.*").withColumnRenamed("said", "reason")

    def note_files(self) -> None:
        """The counts of each file: good rows are those that the table has of it, whichever run wrote them."""
        of_files = [file.number for file in self.files]
        table = self.job.store.read(READINGS.name).frame.where(F.col("file_id").isin(of_files))
        good = {row["file_id"]: row["count"] for row in table.groupBy("file_id").count().collect()}
        refused = {}
        if self.job.store.exists(QUARANTINE.name):
            slice_ = self.job.store.read(QUARANTINE.name).frame.where(self._slice())
            refused = {row["batch"]: row["count"] for row in slice_.groupBy("batch").count().collect()}
        notes = []
        for file in self.files:
            counts = (self.lines[file.number] - 1, good.get(file.number, 0), refused.get(file.batch, 0))
            duplicate = counts[0] - counts[1] - counts[2]
            of_file = (self.job.name, file.batch, file.size, file.path, file.number, self.job.run_id)
            notes.append((*of_file, "positions", counts[0], counts[1], duplicate, counts[2]))
            self.job.report.rows_in += counts[0]
            self.job.report.rows_good += counts[1]
            self.job.report.rows_duplicate += duplicate
            self.job.report.rows_quarantined += counts[2]
            if not counts[0]:
                self.job.note(f"{file.path}: no row below its header")
        note_files(self.job.store, notes, self.named())

    def packs(self, done: Accumulator[Read]) -> DataFrame:
        """The positions of all files, packed; what has been read of those on a disk goes into `done`."""
        paths = {file: local_path(self.readable[file.path]) for file in self.files}
        plain = {path: file for file, path in paths.items() if path}
        others = [file for file, path in paths.items() if not path]
        found = [packed_files(self.job.spark, plain, self.job.settings.swim, done)] if plain else []
        if others:
            found.append(packed(self.text(others), self.job.settings.swim))
        return reduce(DataFrame.unionByName, found)

    def text(self, files: Sequence[InputFile], *columns: str) -> DataFrame:
        """The lines of files that are not blank; `place` grows within a `block`, which one task reads."""
        read = self.job.spark.read
        frames = [
            read.text(read_path(self.readable[file.path])).select(
                "value",
                F.lit(file.number).alias("file_id"),
                *[F.col("_metadata.file_block_start").alias("block")] * ("block" in columns),
                *[F.monotonically_increasing_id().alias("place")] * ("place" in columns),
            )
            for file in files
        ]
        every = reduce(DataFrame.unionByName, frames)
        return every if "place" in columns else every.where(F.length("value") > 0)

    def named(self) -> str:
        """A name for this ingest of these files."""
        return f"{self.added_in}/" + "+".join(sorted(f"{file.number:015x}" for file in self.files))

    def partitions(self) -> int:
        """Tasks to sort with: by the bytes of the text, at least one for each core."""
        size = sum(file.size for file in self.files)
        return max(self.job.spark.sparkContext.defaultParallelism, -(-size // _TEXT_PER_PARTITION))

    def _slice(self) -> str:
        listed = ", ".join(literal(file.batch) for file in self.files)
        return f"job = {literal(self.job.name)} AND batch IN ({listed})"


def _check_header(job: Job, uri: str) -> None:
    found = first_line(job.spark, uri).decode("utf-8-sig", "replace").strip()
    if found != HEADER:
        raise InputError(f"the header {HEADER}", found=f"{found[:200]!r} in {uri}", todo="check that it is a swim log")


def _new(job: Job, found: Sequence[InputFile]) -> list[InputFile]:
    """The files that are not known, each content once. Those on a disk are read only where another is as long."""
    known = {}
    if job.store.exists(INGESTED_FILES.name):
        noted = job.store.read(INGESTED_FILES.name).frame.where(F.col("job") == job.name)
        known = {row["batch"]: row["size"] for row in noted.select("batch", "size").collect()}
    sizes = Counter([*known.values(), *[file.size for file in found]])
    told = [with_digest(file) if sizes[file.size] > 1 else file for file in found]
    once: dict[str, InputFile] = {}
    for file in told:
        once.setdefault(file.batch or file.path, file)
    return [file for batch, file in once.items() if batch not in known]


def _told(file: InputFile, read: Read) -> InputFile:
    """The file with the digest of what was read of it. Raises InputError where it has changed meanwhile."""
    if file.batch:
        return file
    sizes, hashes = zip(*[read[file.number, at] for at in pieces(file.size)], strict=True)
    if sum(sizes) != file.size:
        raise InputError(
            f"{file.path} with {file.size:,} bytes to its end",
            found=f"{sum(sizes):,} bytes: it changed while it was read",
            todo="run again when it is whole; nothing of it is lost or doubled",
        )
    return replace(file, batch=digest(hashes))


def _offsets(blocks: Sequence[Row]) -> list[tuple[int, int, int]]:
    """Per file and block what, taken from a place in it, leaves the line's number, the header's being 1."""
    found, before = [], dict.fromkeys([row["file_id"] for row in blocks], 0)
    for row in sorted(blocks, key=lambda row: (row["file_id"], row["block"])):
        found.append((row["file_id"], row["block"], row["first"] - before[row["file_id"]] - 1))
        before[row["file_id"]] += row["lines"]
    return found
