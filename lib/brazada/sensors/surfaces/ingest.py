"""Series of a robot's inertial unit and their labels to `sensors.surfaces`."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from brazada.errors import InputError
from brazada.ingest.texts import one_spelling
from brazada.ingest.whole import Format, Refused, ingest_files
from brazada.sensors.groups import with_folds
from brazada.sensors.settings import Sensors
from brazada.sensors.tables import SURFACE_SERIES, SURFACE_STEPS, SURFACES
from brazada.training.data.sharding import with_shards

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame

    from brazada.report import Job

SIGNALS = (
    *(f"orientation_{axis}" for axis in "XYZW"),
    *(f"angular_velocity_{axis}" for axis in "XYZ"),
    *(f"linear_acceleration_{axis}" for axis in "XYZ"),
)
SUFFIXES = (".csv", ".csv.gz")
_NAME = re.compile(r"(?P<folder>.*/)X(?P<part>[^/]*)\.csv(\.gz)?$", re.IGNORECASE)
_LABELS = re.compile(r".*/y[^/]*\.csv(\.gz)?$", re.IGNORECASE)
_LARGEST_ERROR = 0.01  # of the length of a quaternion
_EXPECTED = "pairs of X_<name>.csv and y_<name>.csv, plain or .gz"


def pairs(uris: Sequence[str]) -> list[tuple[str, str]]:
    """Files of series, each with that of its labels; labels alone are left out.

    Raises InputError for series without labels, for other files, and where there is no pair.
    """
    found = []
    for uri in uris:
        if name := _NAME.fullmatch(uri):
            own = (f"{name['folder']}{y}{name['part']}.csv{end}" for y in "yY" for end in ("", ".gz"))
            labels = next((label for label in own if label in uris), None)
            if labels is None:
                raise InputError(_EXPECTED, found=f"{uri} alone", todo="name the file of its labels too")
            found.append((uri, labels))
        elif not _LABELS.fullmatch(uri):
            raise InputError(_EXPECTED, found=uri, todo="name the files of series and labels alone")
    if not found:
        raise InputError(_EXPECTED, found=", ".join(uris), todo="name the file of the series too")
    return found


def read(path: str, series: bytes, labels: bytes) -> Iterator[tuple[Any, ...] | Refused]:
    """The rows of a file of series and of that of their labels; a series that is not whole is refused as such."""
    import pandas as pd

    steps, known = pd.read_csv(io.BytesIO(series)), pd.read_csv(io.BytesIO(labels), dtype=str)
    _check(steps, "series", ("series_id", "measurement_number", *SIGNALS))
    _check(known, "labels", ("series_id", "group_id", "surface"))
    signals = steps[["measurement_number", *SIGNALS]].apply(pd.to_numeric, errors="coerce").to_numpy(np.float64)
    for column in ("series_id", "group_id", "surface"):
        known[column] = known[column].map(one_spelling, na_action="ignore")
    told = {name: rows[["group_id", "surface"]].to_numpy().tolist() for name, rows in known.groupby("series_id")}
    names = steps["series_id"].astype(str).map(one_spelling)
    for name, places in names.groupby(names, sort=False).indices.items():
        mine, own = signals[places], told.get(str(name), [])
        if fault := next(_faults(mine, own), None):
            yield Refused(f"series {name}: {fault}", "line", int(places[0]) + 2)
            continue
        samples = mine[np.argsort(mine[:, 0]), 1:].astype("<f4")
        (recording, label), *_ = own
        yield str(name), str(recording), label, SURFACES.index(label), samples.tobytes()


def _faults(series: np.ndarray[Any, Any], labels: Sequence[Sequence[Any]]) -> Iterator[str]:
    """What is wrong with a series [n, 11], the number of the step first, or with its labels."""
    if bad := int((~np.isfinite(series)).any(axis=1).sum()):
        yield f"{bad} steps that are no numbers"
    found = series[:, 0]
    if twice := len(found) - len(np.unique(found)):
        yield f"{twice} steps that are there twice"
    if len(missing := np.setdiff1d(np.arange(SURFACE_STEPS), found)):
        yield f"{len(missing)} of {SURFACE_STEPS} steps are missing"
    if len(found) != SURFACE_STEPS:
        yield f"{len(found)} steps, not {SURFACE_STEPS}"
    if np.abs(np.linalg.norm(series[:, 1:5], axis=1) - 1).max() > _LARGEST_ERROR:
        yield "an orientation that is no quaternion of length 1"
    if len(labels) != 1:
        yield f"{len(labels) or 'no'} label{'s' if labels else ''}"
    elif labels[0][1] not in SURFACES:
        yield f"the label {labels[0][1]!r} is no surface that is known"
    elif not isinstance(labels[0][0], str):
        yield "no recording"


def _check(table: pd.DataFrame, what: str, columns: Sequence[str]) -> None:
    if missing := [name for name in columns if name not in table]:
        raise Refused(f"{what}: no column {', '.join(missing)}")


def ingest(job: Job, paths: Sequence[str], again: bool = False) -> None:
    """Take in pairs of files of series and labels; splits are by recording. Raises InputError, see `pairs`."""
    files = Format(
        "surfaces",
        SUFFIXES,
        ("id", "recording", "label", "class_number", "samples"),
        read,
        together=pairs,
        strict=True,
    )

    def prepare(rows: DataFrame) -> DataFrame:
        dealt = with_folds(job, SURFACE_SERIES, rows, "recording")
        return with_shards(dealt, ("split",), ("id",), job.settings.of(Sensors).surfaces.shards)

    ingest_files(job, SURFACE_SERIES, paths, files, prepare, again)
