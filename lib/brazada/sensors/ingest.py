"""Files of sensor series to tables."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import InputError
from brazada.ingest.whole import Format, Refused, ingest_files
from brazada.sensors.tables import (
    RATE_HZ,
    STROKE_LABELS,
    STROKES,
    SURFACE_STEPS,
    SURFACES,
    SURFACES_KNOWN,
    WINDOW,
)
from brazada.tables import Table
from brazada.training.data.sharding import with_shards

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from brazada.report import Job
    from brazada.sensors.settings import Parts, Strokes, Surfaces

_ROBOT = [
    *(f"orientation_{axis}" for axis in "XYZW"),
    *(f"{what}_{axis}" for what in ("angular_velocity", "linear_acceleration") for axis in "XYZ"),
]
_WATCH = [f"{what}_{axis}" for what in ("ACC", "GYRO", "MAG") for axis in range(3)]
_UNKNOWN = 255
_PAIR = "an X_train.csv and a y_train.csv beside each other, plain or .gz"


def ingest_surfaces(job: Job, paths: Sequence[str], options: Surfaces) -> None:
    """Take in series and their labels. A series that is not whole, or has no label, is quarantined as a whole.

    Raises InputError for files that are no such pair, before anything is written.
    """
    columns = ("id", "recording", "label", "class_number", "signal")
    files = Format("robot surfaces", (".csv", ".csv.gz"), columns, _surfaces, _pairs, strict=True)
    ingest_files(job, SURFACES, paths, files, partial(_divided, job, SURFACES, "recording", options))


def ingest_strokes(job: Job, paths: Sequence[str], options: Strokes) -> None:
    """Take in recordings of watches, `<swimmer>/<style>_<epoch>.csv`, cut into windows of 6 s.

    A window never goes across files. One whose commonest label is none of those known is quarantined.
    """
    columns = (
        "id",
        "swimmer",
        "recording",
        "start",
        "label",
        "class_number",
        "label_share",
        "clear",
        "signal",
        "labels",
    )
    read = partial(_strokes, options.stride, options.clear_share)
    files = Format("swimming strokes", (".csv", ".csv.gz"), columns, read)
    ingest_files(job, STROKES, paths, files, partial(_divided, job, STROKES, "swimmer", options))


def _divided(job: Job, table: Table, group: str, options: Parts, rows: DataFrame) -> DataFrame:
    """With the split of each row and its file there. A group is in one split, and stays in the one that it has.

    New groups, in the order of a hash, are dealt out by the shares: a hash alone would leave few groups as it likes.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    known = job.store.read(table.name).frame.select(group, "split").distinct()
    new = rows.select(group).distinct().join(known, on=group, how="left_anti")
    place = (F.row_number().over(Window.orderBy(F.xxhash64(group), group)) - 0.5) / F.count("*").over(
        Window.partitionBy()
    )
    held_back = F.when(place < options.test_share, "test").when(
        place < options.test_share + options.validation_share, "validate"
    )
    split = new.withColumn("split", held_back.otherwise("train")).unionByName(known)
    return with_shards(rows.join(F.broadcast(split), on=group, how="inner"), ("split",), ("id",), options.shards)


def _pairs(uris: Sequence[str]) -> list[tuple[str, str]]:
    """Each file of series with that of its labels."""
    series = [uri for uri in uris if re.search(r"/X_[^/]*$", uri)]
    found = [(uri, label) for uri in series if (label := re.sub(r"/X_(?=[^/]*$)", "/y_", uri)) in uris]
    if alone := sorted(set(uris) - {uri for pair in found for uri in pair}):
        raise InputError(_PAIR, found=f"{alone[0]} alone", todo="name the two files, or a folder of them and no others")
    return found


def _table(content: bytes, columns: Sequence[str], what: str) -> pd.DataFrame:
    """These columns of a CSV. Raises `Refused` where one is missing."""
    import pandas as pd

    try:
        frame = pd.read_csv(io.BytesIO(content))
    except (ValueError, pd.errors.ParserError) as error:
        raise Refused(f"{what}: no CSV: {error}") from error
    if missing := [name for name in columns if name not in frame]:
        raise Refused(f"{what}: expected columns {', '.join(columns)}, found none named {', '.join(missing)}")
    return frame[list(columns)]


def _surfaces(path: str, series: bytes, labels: bytes) -> Iterator[tuple[Any, ...] | Refused]:
    told = _table(labels, ("series_id", "group_id", "surface"), "labels").drop_duplicates()
    found = _table(series, ("series_id", "measurement_number", *_ROBOT), "series")
    surface = {str(row.series_id): (str(row.group_id), str(row.surface)) for row in told.itertuples()}
    doubled = {str(name) for name, count in told.groupby("series_id").size().items() if count > 1}
    steps = list(range(SURFACE_STEPS))
    for name, rows in found.groupby("series_id", sort=True):
        ident, ordered = str(name), rows.sort_values("measurement_number")
        numbers, values = (
            ordered["measurement_number"].to_numpy(),
            ordered[_ROBOT].to_numpy(np.float32, na_value=np.nan),
        )
        recording, label = surface.get(ident, ("", ""))
        reason = None
        if numbers != steps:
            lost, twice = len({*steps} - {*numbers}), len(numbers) - len({*numbers})
            reason = f"{lost} of {SURFACE_STEPS} steps are missing, {twice} are doubled"
        elif not np.isfinite(values).all():
            reason = "a measurement is no number"
        elif ident not in surface or ident in doubled:
            reason = "no label" if ident not in surface else "more than one label"
        elif label not in SURFACES_KNOWN:
            reason = f"an unknown surface: {label}"
        if reason:
            yield Refused(f"series {ident}: {reason}", "line", int(rows.index[0]) + 2)
        else:
            yield ident, recording, label, SURFACES_KNOWN.index(label), values.astype("<f4").tobytes()


def _strokes(stride: int, clear: float, path: str, content: bytes) -> Iterator[tuple[Any, ...] | Refused]:
    *_, swimmer, name = path.split("/")
    recording = re.sub(r"\.csv(\.gz)?$", "", name)
    rows = _table(content, ("timestamp", *_WATCH, "label"), "recording")
    values, labels = rows[_WATCH].to_numpy(np.float32), rows["label"].to_numpy()
    pace = np.diff(rows["timestamp"].to_numpy()) * RATE_HZ / 1e9
    if len(pace) and not 0.9 < np.median(pace) < 1.1:
        raise Refused(f"expected {RATE_HZ} samples a second, found {RATE_HZ / np.median(pace):.1f}")
    known = np.where(np.isin(labels, range(len(STROKE_LABELS))), labels, _UNKNOWN).astype(np.uint8)
    for start in range(0, len(rows) - WINDOW + 1, stride):
        part = slice(start, start + WINDOW)
        counts = np.bincount(known[part], minlength=_UNKNOWN + 1)
        label, share = int(counts.argmax()), float(counts.max() / WINDOW)
        if label == _UNKNOWN:
            said = ", ".join(f"{value:g}" for value in np.unique(labels[part]))
            yield Refused(
                f"samples {start} to {start + WINDOW - 1}: most have no known label ({said})", "line", start + 2
            )
        elif not np.isfinite(values[part]).all():
            yield Refused(f"samples {start} to {start + WINDOW - 1}: a measurement is no number", "line", start + 2)
        else:
            ident, told = f"{swimmer}/{recording}/{start:05d}", (STROKE_LABELS[label], label, share, share >= clear)
            signal = values[part].astype("<f4").tobytes()
            yield ident, swimmer, recording, start, *told, signal, known[part].tobytes()
