"""What is checked before any rank starts: files there and whole, rows that decode, numbers that are finite."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import numpy as np

from brazada.errors import TrainingError, VersionError
from brazada.session import bounded_batches
from brazada.training.data.columns import columns_of, open_file, reader_url
from brazada.training.data.sharding import Plan, plan
from brazada.training.task import Decoded, Task, flat

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from brazada.tables import Snapshot

_FOUND = "file STRING, part STRING, rows BIGINT, weight DOUBLE, faults BIGINT, fault STRING"


def check(task: Task, snapshot: Snapshot, where: str, *, ranks: int) -> tuple[Task, Plan]:
    """The task with its statistics learned, and the plan of a training on rows of a pinned version.

    The rows are those that meet the SQL condition `where`; every one is decoded once, in Spark. Raises `VersionError`
    for files that are gone, `TrainingError` for damaged files, rows that do not decode, values that are not finite,
    empty splits, a filter that cuts through files, and fewer files than ranks.
    """
    splits = (task.train, task.validate)
    frame = chosen(task, snapshot, where, splits)
    footers = _footers(snapshot, snapshot.files(frame))
    if task.statistics and "statistics" not in task.spec:
        task = task.with_spec(statistics=task.statistics(chosen(task, snapshot, where, (task.train,))))
    with bounded_batches(frame.sparkSession, task.rows_per_chunk):
        found = _decoded(task, frame)
    for files in found.values():
        for url, (rows, _) in files.items():
            if footers.get(reader_url(url)) != rows:
                raise TrainingError(
                    f"a filter that takes whole files of {snapshot.table} v{snapshot.version}",
                    found=f"{rows:,} of {footers.get(reader_url(url), 0):,} rows of {url} ({where})",
                    todo=f"partition the table by the filter's columns and by {task.split}",
                )
    train, validate = (_nonzero_weight(task, snapshot, where, name, found.get(name, {})) for name in splits)
    return task, plan(train, validate, ranks=ranks, batch=int(task.spec["batch"]))


def check_feed(task: Task, snapshot: Snapshot, feed: str) -> None:
    """Refuse columns that the feed cannot read, with `TrainingError`: Petastorm leaves nested lists out in silence."""
    from pyspark.sql.types import ArrayType

    nested = [
        name
        for name in task.columns
        if isinstance(kind := snapshot.frame.schema[name].dataType, ArrayType)
        and isinstance(kind.elementType, ArrayType)
    ]
    if nested and feed == "petastorm":
        raise TrainingError(
            f"columns that Petastorm reads in {snapshot.table}",
            found=f"lists of lists in {', '.join(nested)}",
            todo="set training.feed=tfdata, or store each as one flat list or as binary",
        )


def chosen(task: Task, snapshot: Snapshot, where: str, splits: tuple[str, ...] = ()) -> DataFrame:
    """The rows of those splits, or of all, that meet the condition. Raises `TrainingError` for missing columns."""
    from pyspark.sql import functions as F

    if missing := {*task.columns, task.split, *task.key, *task.by} - set(snapshot.frame.columns):
        raise TrainingError(
            f"columns {', '.join(sorted(missing))} in {snapshot.table}",
            found=", ".join(snapshot.frame.columns),
            todo=f"mend the columns of the task {task.name}",
        )
    rows = snapshot.frame.where(where)
    return rows.where(F.col(task.split).isin(*splits)) if splits else rows


def _nonzero_weight(
    task: Task, snapshot: Snapshot, where: str, split: str, files: Mapping[str, tuple[int, float]]
) -> dict[str, int]:
    """Rows of each file of a split, of which some must weigh something."""
    if not sum(weight for _, weight in files.values()):
        raise TrainingError(
            f"rows where {task.split} = '{split}' in {snapshot.table} v{snapshot.version}",
            found=f"all sample weights are 0 where {where}",
            todo="check the filter, and the job that writes the split",
        )
    return {url: rows for url, (rows, _) in files.items()}


def _footers(snapshot: Snapshot, urls: list[str]) -> dict[str, int]:
    """Rows of each file by its own footer: reads what Spark would stumble over later, with a plainer message."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowInvalid

    def rows(url: str) -> int:
        try:
            with open_file(url) as file:
                return int(pq.ParquetFile(file).metadata.num_rows)
        except FileNotFoundError as error:
            raise VersionError(
                f"the files of {snapshot.table} v{snapshot.version}",
                found=f"{url} gone, by VACUUM or by hand",
                todo="train on the newest version, or restore the file",
            ) from error
        except (ArrowInvalid, OSError) as error:
            raise TrainingError(
                f"whole Parquet files in {snapshot.table} v{snapshot.version}",
                found=f"{url} damaged ({str(error).splitlines()[0]})",
                todo="write its rows again by the job that made them",
            ) from error

    with ThreadPoolExecutor(8) as pool:
        return dict(zip(map(reader_url, urls), pool.map(rows, urls), strict=True))


def _decoded(task: Task, frame: DataFrame) -> dict[str, dict[str, tuple[int, float]]]:
    """Rows and weight of each file of each split, every row decoded once; the first fault raises."""
    from pyspark.sql import functions as F

    rows = frame.select(F.col("_metadata.file_path").alias("_file"), F.col(task.split).alias("_part"), *task.columns)
    found = (
        rows.mapInArrow(partial(_inspect, task), _FOUND)
        .groupBy("part", "file")
        .agg(F.sum("rows"), F.sum("weight"), F.sum("faults"), F.first("fault", ignorenulls=True))
        .collect()
    )
    result: dict[str, dict[str, tuple[int, float]]] = {}
    for part, url, count, weight, faults, fault in sorted(found):
        if faults:
            raise TrainingError(
                f"rows that decode to finite numbers for {task.name}",
                found=f"{faults:,} of {count:,} rows of {url} that do not: {fault}",
                todo="quarantine such rows where the table is written, or mask them in the task's decode",
            )
        # This URI is escaped, those of `files` are not.
        result.setdefault(part, {})[unquote(url)] = (count, weight)
    return result


def _inspect(task: Task, batches: Iterable[Any]) -> Iterator[Any]:
    import pyarrow as pa

    names = ("file", "part", "rows", "weight", "faults", "fault")
    for batch in batches:
        # A Spark batch holds rows of one file after another; it is cut where the file changes.
        files, parts = (batch.column(index).to_pylist() for index in (0, 1))
        edges = [i for i in range(len(files)) if i == 0 or (files[i], parts[i]) != (files[i - 1], parts[i - 1])]
        for start, stop in zip(edges, [*edges[1:], len(files)], strict=True):
            piece = pa.RecordBatch.from_arrays(
                [batch.column(i).slice(start, stop - start) for i in range(2, batch.num_columns)], list(task.columns)
            )
            weight, faults, fault = validate_batch(task, piece)
            row = (files[start], parts[start], stop - start, weight, faults, fault)
            yield pa.RecordBatch.from_pylist([dict(zip(names, row, strict=True))], schema=_schema())


def _schema() -> Any:
    import pyarrow as pa

    kinds = {"rows": pa.int64(), "weight": pa.float64(), "faults": pa.int64()}
    return pa.schema(
        [(name, kinds.get(name, pa.string())) for name in ("file", "part", "rows", "weight", "faults", "fault")]
    )


def validate_batch(task: Task, piece: Any) -> tuple[float, int, str | None]:
    """Sum of weights, number of faulty rows and the first fault of a record batch of the task's columns."""
    rows = piece.num_rows
    try:
        decoded: Decoded = task.decode(columns_of(piece), task.spec)
        arrays: Mapping[str, Any] = flat(decoded[0], "inputs") | flat(decoded[1], "targets") | {"weights": decoded[2]}
    except Exception as error:
        return 0.0, rows, f"{type(error).__name__}: {error}"
    if text := {name: str(array.dtype) for name, array in arrays.items() if array.dtype.kind not in "biuf"}:
        return 0.0, rows, f"decode gave no numbers: {text}"
    if wrong := {name: array.shape for name, array in arrays.items() if len(array) != rows}:
        return 0.0, rows, f"decode gave {wrong} for {rows} rows"
    bad = {name: ~np.isfinite(array).reshape(rows, -1).all(axis=1) for name, array in arrays.items()}
    faulty = np.logical_or.reduce(list(bad.values()))
    fault = next((f"{name} hold NaN or infinity" for name, rows_bad in bad.items() if rows_bad.any()), None)
    return float(np.sum(decoded[2], dtype=np.float64)), int(faulty.sum()), fault
