"""Recordings of a swimmer's watch to `sensors.strokes`: windows that never cross a file or a gap."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from brazada.ingest.known import digest_of
from brazada.ingest.texts import one_spelling
from brazada.ingest.whole import Format, Refused, ingest_files
from brazada.sensors.groups import with_folds
from brazada.sensors.settings import Sensors
from brazada.sensors.tables import STROKE_HZ, STROKE_SAMPLES, STROKE_WINDOWS, STROKES
from brazada.training.data.sharding import with_shards

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.report import Job
    from brazada.sensors.settings import Strokes

SIGNALS = ("ACC_0", "ACC_1", "ACC_2", "GYRO_0", "GYRO_1", "GYRO_2")
SUFFIXES = (".csv", ".csv.gz")
_LARGEST_STEP = 1.5  # steps of 1/30 s; more is a gap
_COLUMNS = (
    *("id", "swimmer", "recording", "start", "label", "class_number", "label_share", "ambiguous", "samples", "labels"),
)


def read(options: Strokes, path: str, content: bytes) -> Iterator[tuple[Any, ...]]:
    """The windows of `<swimmer>/<recording>.csv`: 180 samples every `stride`, none across a gap in time.

    The label of a window is that of most of its samples, the lowest of several; a recording without labels has none.
    Raises `Refused` for missing columns, for what is no number, and for samples that are not in the order of time.
    """
    import pandas as pd

    *_, swimmer, name = map(one_spelling, unquote(path).split("/"))
    recording = name.removesuffix(".gz").removesuffix(".csv")
    table = pd.read_csv(io.BytesIO(content))
    if missing := [name for name in ("timestamp", *SIGNALS) if name not in table]:
        raise Refused(f"no column {', '.join(missing)}")
    numbers = table[["timestamp", *SIGNALS]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    if len(bad := np.flatnonzero(~np.isfinite(numbers).all(axis=1))):
        raise Refused(f"{len(bad)} of {len(numbers)} samples that are no numbers", "line", int(bad[0]) + 2)
    steps = np.diff(numbers[:, 0]) * 1e-9 * STROKE_HZ
    if len(bad := np.flatnonzero(steps <= 0)):
        raise Refused(f"{len(bad)} samples that are not later than the one before", "line", int(bad[0]) + 3)
    if len(steps) and not 0.9 < np.median(steps) < 1.1:
        raise Refused(f"{STROKE_HZ / np.median(steps):.4g} samples per second, not {STROKE_HZ}")
    samples = numbers[:, 1:].astype("<f4")
    labels = pd.to_numeric(table["label"], errors="coerce").fillna(-1) if "label" in table else -np.ones(len(table))
    labels = np.asarray(labels).clip(-1, 127).astype(np.int8)
    gap = np.concatenate([[0], np.cumsum(steps > _LARGEST_STEP)])
    for piece in np.unique(gap):
        first, after = np.searchsorted(gap, [piece, piece + 1])
        for start in range(int(first), int(after) - STROKE_SAMPLES + 1, options.stride):
            window = slice(start, start + STROKE_SAMPLES)
            found, counts = np.unique(labels[window], return_counts=True)
            number, share = int(found[counts.argmax()]), float(counts.max() / STROKE_SAMPLES)
            known = 0 <= number < len(STROKES)
            told = (STROKES[number], number) if known else (None, -1)
            content_of = samples[window].tobytes(), labels[window].tobytes()
            yield (
                *(f"{swimmer}/{recording}/{start}", swimmer, recording, start, *told),
                *(share, share < options.ambiguous_below, *content_of),
            )


def ingest(job: Job, paths: Sequence[str], again: bool = False) -> None:
    """Take in recordings, each file in a Spark task of its own; splits and folds are by swimmer."""
    from pyspark.sql import functions as F

    options = job.settings.of(Sensors).strokes

    def prepare(rows: DataFrame) -> DataFrame:
        dealt = with_folds(job, STROKE_WINDOWS, rows, "swimmer")
        split = F.when(F.col("class_number") < 0, "aside").otherwise(F.col("split"))
        return with_shards(dealt.withColumn("split", split), ("split",), ("id",), options.shards)

    rules = digest_of(options.stride, options.ambiguous_below)
    files = Format("watch", SUFFIXES, _COLUMNS, partial(read, options), rules=rules)
    ingest_files(job, STROKE_WINDOWS, paths, files, prepare, again)
    if job.report.rows_good:
        counts = F.count_if(F.col("split") == "aside"), F.count_if("ambiguous"), F.count_distinct("swimmer")
        aside, ambiguous, swimmers = job.store.read(STROKE_WINDOWS.name).frame.agg(*counts).collect()[0]
        job.note(
            f"{swimmers} swimmers; {aside:,} windows are labelled none of 0 to {len(STROKES) - 1} and set aside, "
            f"{ambiguous:,} are ambiguous"
        )
