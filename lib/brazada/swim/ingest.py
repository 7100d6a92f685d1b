"""Job: swim logs into `swim.readings`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, reduce

from pyspark.sql import Column, DataFrame, Observation, Row, SparkSession
from pyspark.sql import functions as F

from brazada.errors import InputError
from brazada.ingest.files import InputFile, check_local, first_line, list_files, read_path, splittable
from brazada.ingest.known import (
    Known,
    Taken,
    clear_quarantine,
    digest_of,
    holders,
    new_files,
    note_files,
    quarantine_lines,
)
from brazada.report import Job
from brazada.swim import drills
from brazada.swim.differences import readings
from brazada.swim.parse import HEADER, POSITION, SAMPLE, positions, refused
from brazada.swim.settings import Swim
from brazada.swim.tables import READINGS
from brazada.tables import Snapshot

SUFFIXES = (".csv", ".csv.gz", ".csv.zst")
_TEXT_PER_PARTITION = 160 * 2**20  # bytes; as a file of readings about a twentieth of it
_LAYOUT = "positions"
_KEYS = ("tag", "drill", "millis", *POSITION)


def check(paths: Sequence[str]) -> None:
    """Raise InputError for paths of this machine without files, and for files of another header; needs no Spark."""
    for uri in check_local(paths, SUFFIXES):
        _check_header(None, uri)


def ingest(job: Job, paths: Sequence[str], again: bool = False) -> None:
    """Take swim logs into `swim.readings`: files, folders, globs of any filesystem, plain, .gz or .zst.

    A file is known by its content and by the settings that judged it; only new ones are read, or with `again` all of
    them. A drill that the table has already, and that a new file adds to, is made again as a whole, and no other is
    touched. Safe to repeat after a kill at any point: what landed of a file gives way, and the file itself is noted
    last. Raises InputError for paths without files and for empty or foreign files before anything is written, for
    packed ones that cannot be read before any row is, and before a file is noted where one changed while it was read.
    """
    uris = list_files(job.spark, paths, SUFFIXES)
    for uri in uris:
        _check_header(job.spark, uri)
    with job.progress("swim logs", total=4) as bar, job.store.exclusive(READINGS.name):
        bar.advance(what="look at the files")
        known = Known(_rules(job), partial(_standing, job), again)
        more = new_files(job, uris, known, meanwhile=lambda: job.store.ensure(READINGS))
        done: list[InputFile] = []
        while more:
            done += more
            with splittable(job.spark, [file.path for file in more], job.store.scratch("unpacked")) as readable:
                batch = _Batch(job, more, readable)
                bar.advance(what="parse, sort, write")
                batch.write_readings()
                more = holders(job, done) if batch.dropped() else []
                bar.advance(what="refused rows")
                batch.write_refused()
                bar.advance(what="note the files")
                batch.note_files()


def _rules(job: Job) -> dict[str, str]:
    """A digest of the settings that judge positions."""
    settings = job.settings.of(Swim)
    return {_LAYOUT: digest_of(settings.model_dump(mode="json", include={"first_date", "last_date", "max_position_m"}))}


def _standing(job: Job) -> DataFrame:
    return job.store.read(READINGS.name).frame.select(F.col("file_id").alias("number")).distinct()


@dataclass
class _Batch:
    """The new files of one ingest, and what was counted in them."""

    job: Job
    files: Sequence[InputFile]
    readable: Mapping[str, str]  # where the content of each lies as text that Spark can read
    lines: int = 0  # in all files, headers among them
    conflicts: int = 0  # samples at another position than the good one of their time
    good: dict[int, int] = field(default_factory=dict)  # rows by number of the file, as are the next two
    quarantined: dict[int, int] = field(default_factory=dict)
    rows: dict[int, int] = field(default_factory=dict)
    added_in: int = field(init=False)
    before: Snapshot = field(init=False)
    drills: DataFrame = field(init=False)  # that the table had before, not those that this batch appends
    had: list[str] = field(init=False)  # drills with rows of these files, of a run that was killed or by other rules

    def __post_init__(self) -> None:
        self.before, self.added_in = self.job.store.read(READINGS.name), drills.next_write(self.job)
        self.had = drills.names(self._own()) if self.before.version else []
        if self.added_in > 1:
            self.drills = drills.known(self.job).select("drill").distinct().withColumn("known", F.lit(True))

    def _own(self) -> DataFrame:
        """What the table had of these files."""
        return self.before.frame.where(F.col("file_id").isin(self._numbers()))

    def dropped(self) -> bool:
        """Whether the table has a time of a drill no longer that it had of these files."""
        key, now = ["tag", "drill", "ts"], self.job.store.read(READINGS.name).frame
        return bool(self.had) and not self._own().join(now, on=key, how="left_anti").isEmpty()

    def write_readings(self) -> None:
        """Append the drills that are new; make those again that the table has already."""
        read, sorted_ = Observation(), Observation()
        lines = self.text().observe(read, F.count("*").alias("lines"))
        samples, known = self._samples(lines), Observation()
        if self.added_in > 1:
            samples = samples.observe(known, F.count("known").alias("samples")).where("known IS NULL")
        fresh = readings(samples, self.added_in, self.partitions(), sorted_)
        if self.job.store.append_once(READINGS, fresh, self.named()):
            self.lines, self.conflicts = read.get["lines"], sorted_.get["conflicts"]
            again = known.get["samples"] if self.added_in > 1 else 0
        else:  # it had landed, by a run at the same time: nothing was counted
            self.lines, self.conflicts = self.text().count(), 1
            again = self._samples(self.text()).where("known IS NOT NULL").count()
        if again or self.had:
            self._make_again(again)
        readings_ = self.job.store.read(READINGS.name).frame.where(F.col("file_id").isin(self._numbers()))
        self.good = {row["file_id"]: row["count"] for row in readings_.groupBy("file_id").count().collect()}

    def _samples(self, lines: DataFrame) -> DataFrame:
        """The positions in lines as samples; `known` is true where the table has rows of their drill, else null."""
        samples = positions(lines, self.job.settings.of(Swim)).withColumn("kept", F.lit(False))
        if self.added_in == 1:
            return samples.withColumn("known", F.lit(None).cast("boolean"))
        return samples.join(F.broadcast(self.drills), on="drill", how="left")

    def _make_again(self, count: int) -> None:
        """Drills of the table with the new times among the old: all of a drill, whichever tag, in one commit.

        A time that the table has of a tag and drill stays as it is, so that rows at such times make nothing again; but
        for times of these very files, which give way.
        """
        added = self._samples(self.text()).where("known").drop("known").persist()
        times = self._kept(sorted({*drills.names(added), *self.had})).select("tag", "drill", "millis")
        late = added.join(times, on=times.columns, how="left_anti")
        if touched := sorted({*drills.names(late), *self.had}):
            again = drills.among(touched)
            # A number of its own: who reads between this write and the last must find it new.
            both = self._kept(touched).unionByName(late)
            self.job.store.replace(READINGS, readings(both, self.added_in + 1, self.partitions()), again)
            made = self.job.store.read(READINGS.name).frame.where(again).where(F.col("file_id").isin(self._numbers()))
            count -= made.count()
            self.job.note(f"{len(touched)} drills of the table were made again, with the rows of these files")
        self.conflicts += count  # at the most: what became no reading may be a duplicate
        added.unpersist()

    def _kept(self, names: list[str]) -> DataFrame:
        """What the table has of these drills and not of these files, as samples."""
        others = ~F.col("file_id").isin(self._numbers())
        table = self.job.store.read(READINGS.name).frame.where(drills.among(names)).where(others)
        kept = table.withColumns({"millis": F.unix_millis("ts"), "kept": F.lit(True)})
        return kept.select("file_id", *SAMPLE, "kept")

    def write_refused(self) -> None:
        """Quarantine lines that are no positions, and positions that another one at the same time forestalled."""
        self.rows = {number: self.good.get(number, 0) for number in self._numbers()}
        if self.lines == sum(self.good.values()) + len(self.files):
            clear_quarantine(self.job, self.files)
            return  # every line but the headers is a reading
        lines = self._places()
        filled = F.octet_length("value") > 0  # blank ones count as lines, and are no rows
        figures = F.count("*").alias("lines"), F.count_if(filled).alias("filled"), F.min("place").alias("first")
        blocks = lines.groupBy("file_id", "block").agg(*figures).collect()
        self.rows = dict.fromkeys(self._numbers(), -1)  # the header
        for block in blocks:
            self.rows[block["file_id"]] += block["filled"]
        offsets = self.job.spark.createDataFrame(list(_offsets(blocks)), "file_id long, block long, before long")
        lines = lines.where(filled)
        bad = refused(lines, self.job.settings.of(Swim)).withColumnRenamed("value", "raw")
        if self.conflicts:
            verbatim = lines.withColumn("raw", F.col("value"))
            bad = bad.unionByName(self._conflicting(positions(verbatim, self.job.settings.of(Swim))))
        numbered = bad.join(F.broadcast(offsets), on=["file_id", "block"], how="inner")
        files = self.job.spark.createDataFrame(
            [(file.number, file.path, file.batch) for file in self.files], "file_id long, file string, batch string"
        )
        rows = numbered.join(F.broadcast(files), on="file_id", how="inner").select(
            *["file_id", "batch", "file"],
            (F.col("place") - F.col("before")).alias("line"),
            "reason",
            F.decode(F.col("raw").cast("binary"), "UTF-8").alias("raw"),
        )
        rows = rows.where(F.col("line") > 1).persist()
        try:
            counts = rows.groupBy("file_id").count().collect()
            self.quarantined = {row["file_id"]: row["count"] for row in counts}
            quarantine_lines(self.job, rows, sum(self.quarantined.values()), self.files)
        finally:
            rows.unpersist()

    def _conflicting(self, sound: DataFrame) -> DataFrame:
        """Valid lines whose key stands in the table with another position, deduplicated."""
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
        """Note the files with their counts, whichever run wrote their rows."""
        taken = []
        for file in self.files:
            rows, good, refused_ = (of.get(file.number, 0) for of in (self.rows, self.good, self.quarantined))
            taken.append(Taken(file, _LAYOUT, good, rows - good - refused_, refused_))
        note_files(self.job, taken, self.named(), _rules(self.job))

    def text(self) -> DataFrame:
        """The lines of all files that are not blank: value, file_id."""
        return self._read().where(F.octet_length("value") > 0)

    def _places(self) -> DataFrame:
        """All lines: value, file_id, and `place`, which grows within a `block`, which one task reads."""
        block = F.col("_metadata.file_block_start").alias("block")
        return self._read(block, F.monotonically_increasing_id().alias("place"))

    def _read(self, *columns: Column) -> DataFrame:
        frames = [
            self.job.spark.read.text(read_path(self.readable[file.path])).select(
                "value", F.lit(file.number).alias("file_id"), *columns
            )
            for file in self.files
        ]
        return reduce(DataFrame.unionByName, frames)

    def _numbers(self) -> list[int]:
        return [file.number for file in self.files]

    def named(self) -> str:
        """A name for this ingest of these files."""
        return f"{self.before.version}/" + "+".join(sorted(f"{file.number:015x}" for file in self.files))

    def partitions(self) -> int:
        """Tasks to sort with: by the bytes of the text, and as many for each core."""
        cores = self.job.spark.sparkContext.defaultParallelism
        size = sum(file.size for file in self.files)
        return cores * max(1, -(-size // (_TEXT_PER_PARTITION * cores)))


def _check_header(spark: SparkSession | None, uri: str) -> None:
    found = first_line(spark, uri).decode("utf-8-sig", "replace").strip()
    if found != HEADER:
        raise InputError(f"the header {HEADER}", found=f"{found[:200]!r} in {uri}", todo="check that it is a swim log")


def _offsets(blocks: Sequence[Row]) -> list[tuple[int, int, int]]:
    """Per file and block what, taken from a place in it, leaves the line's number, the header's being 1."""
    found, before = [], dict.fromkeys([row["file_id"] for row in blocks], 0)
    for row in sorted(blocks, key=lambda row: (row["file_id"], row["block"])):
        found.append((row["file_id"], row["block"], row["first"] - before[row["file_id"]] - 1))
        before[row["file_id"]] += row["lines"]
    return found
