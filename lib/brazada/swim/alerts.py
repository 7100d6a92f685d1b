"""Job: a stream over incoming logs that reports tags which fall silent while their drill goes on."""

from __future__ import annotations

import datetime as dt
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial, reduce
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql.streaming.query import StreamingQuery
from pyspark.sql.streaming.state import GroupState, GroupStateTimeout

from brazada.errors import InputError
from brazada.ingest.files import below, check_local, exists, qualified, read_path, roots
from brazada.report import Job
from brazada.swim.delivery import Outbox
from brazada.swim.parse import HEADER, POSITION, positions
from brazada.swim.settings import Swim
from brazada.swim.tables import ALERTS

_NAMES = "*.{[cC][sS][vV],[gG][zZ]}"  # of files in a folder
_ANY_AGE = "36500d"  # of a file beside the newest one; Spark would pass over those a week older
_STEPS = 10_000  # of a stream that are counted; Spark would forget all but a hundred
_LOOKS_EVERY_S = 60  # for files that grew
_GROWN = "changed after it was read, and what was added is not; write new lines into new files"
_SAMPLE = ["tag", "millis", *POSITION]
_FOUND = "tag string, drill string, millis long, silent_s double, x_m double, y_m double, z_m double, arrived timestamp"
_FOUND_COLUMNS = [part.split()[0] for part in _FOUND.split(", ")]
_LAST = [*_SAMPLE, "told"]  # of each tag of a drill: its last sample, and whether its silence was told
_STATE = (
    "tag array<string>, millis array<long>, x_m array<double>, y_m array<double>, z_m array<double>,"
    " told array<boolean>"
)


def check(paths: Sequence[str]) -> None:
    """Raise InputError for a path of this machine that is not there; a folder may be empty. Needs no Spark."""
    check_local([path for path in paths if not Path(path).is_dir()], ("",))


def alerts(job: Job, paths: Sequence[str], continuous: bool = False) -> None:
    """Raise an alert, once, for each silence in what has come into folders, globs or files (plain or .gz).

    A tag is silent when its drill has samples, of it or of others, more than `swim.silence_s` after its last one. A tag
    whose drill ended with it is not. Where the job goes on from is kept in the warehouse; an alert is written by key,
    so that neither a restart nor a kill raises it twice. `continuous` ends when the job is stopped. Alerts are
    delivered as `swim.delivery` says, also those of earlier runs; raises DeliveryError for what was not taken.
    """
    watched = sorted({_watchable(job, path) for path in paths})
    job.store.ensure(ALERTS)
    job.spark.conf.set("spark.sql.streaming.numRecentProgressUpdates", _STEPS)
    outbox = Outbox(job, job.settings.of(Swim).delivery)
    raised = 0

    def write(batch: DataFrame, number: int) -> None:
        nonlocal raised
        now = dt.datetime.now(dt.UTC)
        rows = (
            batch.where("tag IS NOT NULL")
            .select(
                "*",
                F.timestamp_millis("millis").alias("ts"),
                F.lit(now).alias("raised_at"),
                (F.lit(now).cast("double") - F.col("arrived").cast("double")).alias("delay_s"),
            )
            .persist()
        )
        try:
            if count := rows.count():
                with outbox.writing:
                    job.store.insert(ALERTS, rows)
                outbox.wake()
                raised += count
                if continuous:
                    job.say(f"{now:%H:%M:%S}  alerts raised: {count}, in {ALERTS.name}")
        finally:
            rows.unpersist()

    trigger: dict[str, Any] = {"processingTime": "1 second"} if continuous else {"availableNow": True}
    name = sha256("\n".join(path for path, _ in watched).encode()).hexdigest()[:16]
    checkpoint = job.store.scratch(f"streams/alerts-{name}")
    query = (
        _silences(job, watched)
        .writeStream.trigger(**trigger)
        .option("checkpointLocation", checkpoint)
        .foreachBatch(write)
        .start()
    )
    if continuous:
        job.say(f"watching {', '.join(paths)} until stopped")
    try:
        _await(job, query, outbox, partial(_not_read, job, watched, checkpoint) if continuous else None)
    finally:
        query.stop()
    _note(job, query.recentProgress, raised)
    skipped = _not_read(job, watched, checkpoint)
    for seen, why in ((True, _GROWN), (False, "passed over by Spark's stream; give them another name")):
        if files := sorted(file for file, was_seen in skipped if was_seen == seen):
            job.note(f"{len(files)} files not watched, as {files[0]}: {why}")
    outbox.finish()


def _silences(job: Job, watched: Sequence[tuple[str, str]]) -> DataFrame:
    """The stream of silences in the lines of what is watched."""
    settings = job.settings.of(Swim)
    streams = [
        job.spark.readStream.schema("value string")
        .options(maxFilesPerTrigger=settings.files_per_trigger, maxFileAge=_ANY_AGE)
        .options(recursiveFileLookup="true", pathGlobFilter=names)
        .text(path)
        .select("value", F.col("_metadata.file_modification_time").alias("arrived"))
        for path, names in watched
    ]
    lines = reduce(DataFrame.unionByName, streams).where((F.length("value") > 0) & (F.col("value") != HEADER))
    lines = lines.observe("lines", F.count("*").alias("read"))
    sound = positions(lines, settings).observe("sound", F.count("*").alias("read"))
    # A timeout by the clock would have the stream go on for ever; by the log's own time it ends with the log.
    sound = sound.withColumn("ts", F.timestamp_millis("millis"))
    # A sample from after its file was written tells of a wrong clock, and would make all that follows too late.
    sound = sound.where(F.col("ts") <= F.col("arrived") + F.expr("INTERVAL 1 DAY"))
    sound = sound.observe("past", F.count("*").alias("read"))
    sound = sound.withWatermark("ts", f"{round(settings.drill_ends_after_h * 3600)} seconds")
    return sound.groupBy("drill").applyInPandasWithState(
        _watch(settings), _FOUND, _STATE, "append", GroupStateTimeout.EventTimeTimeout
    )


def _await(
    job: Job, query: StreamingQuery, outbox: Outbox, not_read: Callable[[], set[tuple[str, bool]]] | None
) -> None:
    """Deliver alerts until the stream ends; say meanwhile which files grew, where `not_read` finds such.

    Raises InputError for a file that it cannot read to its end.
    """
    told: set[str] = set()
    look = time.monotonic() + _LOOKS_EVERY_S
    try:
        while not query.awaitTermination(1):
            outbox.deliver()
            if not_read and time.monotonic() > look:
                grown = {file for file, seen in not_read() if seen} - told
                for file in sorted(grown):
                    job.say(f"{file}: {_GROWN}")
                told |= grown
                look = time.monotonic() + _LOOKS_EVERY_S
    except StreamingQueryException as error:
        lines_of = [line.strip() for line in str(error).splitlines() if "Exception: " in line] or [str(error)]
        raise InputError(
            "logs that can be read to their end",
            found=lines_of[-1][:500],
            todo="mend or remove the file, and run again: the stream goes on where it was",
        ) from error


def _note(job: Job, progress: Sequence[Mapping[str, Any]], raised: int) -> None:
    """Note what was read in these steps of the stream and what was not watched. Raises InputError for no position."""
    read, sound, past = (_observed(progress, name) for name in ("lines", "sound", "past"))
    if read and not sound:
        raise InputError(
            "lines of a swim log", found=f"none among {read:,} new ones", todo="check the path: nothing was watched"
        )
    late = sum(int(state["numRowsDroppedByWatermark"]) for step in progress for state in step["stateOperators"])
    job.note(f"{raised} alerts raised; {read:,} new lines read")
    for count, why in (
        (read - sound, "no positions; `swim ingest` says why"),
        (sound - past, "dated more than a day after their file was written"),
        (late, "older than the newest by more than swim.drill_ends_after_h"),
    ):
        if count:
            job.note(f"{count:,} lines not watched: {why}")


def _not_read(job: Job, watched: Sequence[tuple[str, str]], checkpoint: str) -> set[tuple[str, bool]]:
    """The files that are there as the stream has not read them, each with whether it has read what it was before."""
    path, millis = F.regexp_replace("path", "^file:/+", "file:///"), F.unix_millis("time")
    there = reduce(
        DataFrame.unionByName,
        [
            job.spark.read.format("binaryFile")
            .options(recursiveFileLookup="true", pathGlobFilter=names)
            .load(pattern)
            .select("_metadata.file_path", "_metadata.file_modification_time")
            .toDF("path", "time")
            for pattern, names in watched
        ],
    ).select(path.alias("file"), millis.alias("changed"))
    # Of each file that it read the stream notes the path, and the time at which it was changed last.
    noted = job.spark.read.schema("path string, timestamp long").json(f"{read_path(checkpoint)}/sources/*")
    seen = noted.groupBy(path.alias("file")).agg(F.max("timestamp").alias("seen")).where("file IS NOT NULL")
    missed = there.join(seen, on="file", how="left").where("seen IS NULL OR changed > seen").distinct()
    return {(row["file"], row["seen"] is not None) for row in missed.collect()}


def _observed(progress: Sequence[Mapping[str, Any]], name: str) -> int:
    """What was counted under a name in the steps of a stream."""
    counted = [step.get("observedMetrics", {}).get(name) for step in progress]
    return sum(int(metrics["read"]) for metrics in counted if metrics)


def _watchable(job: Job, path: str) -> tuple[str, str]:
    """A path as a stream takes it, in one form however it is written, and a pattern for the names of files in it.

    Raises InputError for what is not there, or packed in a way that Spark's streams cannot read.
    """
    if packed := [uri for uri, _ in below(job.spark, path) if uri.lower().endswith(".zst")]:
        raise InputError("logs as text or .gz", found=packed[0], todo="unpack it, or leave out the step alerts")
    found = roots(job.spark, path)
    if not found:
        raise InputError(f"a folder or files at {path}", found="nothing", todo="check the path")
    if not exists(job.spark, path):
        return qualified(job.spark, path), _NAMES
    ((uri, is_a_folder),) = found
    exact = read_path(uri)
    # A stream takes a file only as a pattern.
    return (exact, _NAMES) if is_a_folder else (f"{exact[:-1]}[{exact[-1]}]", "*")


def silences(new: pd.DataFrame, last: pd.DataFrame, threshold_s: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Silences of one drill that are told by new samples, and the last sample of each tag after them.

    `new` has tag, millis and the position; `last` also `told`. A silence stands at the sample before it and is told by
    the first sample of the drill, of whichever tag, that comes later than the threshold; `silent_s` is up to that.
    """
    # One that comes after newer ones of its tag says nothing of now, and those between are no longer at hand.
    late = new["millis"] <= new["tag"].map(last.set_index("tag")["millis"])
    samples = pd.concat([last, new[~late].assign(told=False)], ignore_index=True)
    samples = samples.sort_values(["tag", "millis"], kind="stable", ignore_index=True)
    # Beside an empty frame whole numbers become others, which the stream's state would keep as nulls.
    samples["millis"] = samples["millis"].astype("int64")
    told = samples["told"].astype(bool)
    goes_on = samples["tag"] == samples["tag"].shift(-1)
    until = samples["millis"].shift(-1).where(goes_on, samples["millis"].max())
    silent_s = (until - samples["millis"]) / 1000
    silent = silent_s > threshold_s
    found = samples.assign(silent_s=silent_s)[silent & ~told]
    return found.drop(columns="told"), samples.assign(told=silent | told)[~goes_on]


def _watch(settings: Swim) -> Callable[..., Iterator[pd.DataFrame]]:
    """What is done with the new samples of one drill."""

    def watch(key: tuple[str], parts: Iterable[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        # pandas 2 warns of how Spark 3.5 joins the parts of its output, once a drill.
        warnings.filterwarnings("ignore", category=FutureWarning, module=r"pyspark\.")
        if state.hasTimedOut:
            state.remove()
            return
        new = pd.concat(list(parts))
        last = pd.DataFrame(dict(zip(_LAST, state.get if state.exists else [[]] * len(_LAST), strict=True)))
        found, last = silences(new[_SAMPLE], last, settings.silence_s)
        state.update(tuple(last[name].tolist() for name in _LAST))
        ends = int(last["millis"].max() + settings.drill_ends_after_h * 3_600_000)
        state.setTimeoutTimestamp(max(ends, state.getCurrentWatermarkMs() + 1))
        if len(found):
            yield found.assign(drill=key[0], arrived=new["arrived"].max())[_FOUND_COLUMNS]

    return watch
