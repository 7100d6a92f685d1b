"""Data files and Arrow batches as the columns that a task decodes."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from brazada.errors import TrainingError
from brazada.training.task import Array, Columns

_BEGINS = threading.Lock()


def arrow_columns(url: str, names: Sequence[str], rows: int) -> Iterator[Columns]:
    """Columns of a Parquet file, at most so many rows at once, as Petastorm would give them."""
    import pyarrow.parquet as pq

    with open_file(url) as file:
        for batch in pq.ParquetFile(file).iter_batches(rows, columns=list(names)):
            yield columns_of(batch)


def columns_of(batch: Any) -> Columns:
    """The columns of an Arrow record batch as arrays: scalars, bytes and text [n]; lists of lists [n, length, ...].

    Raises `TrainingError` for a column whose lists are null or differ in length, and for maps and structs.
    """
    return {name: _array(name, column) for name, column in zip(batch.schema.names, batch.columns, strict=True)}


def _array(name: str, column: Any) -> Array:
    import pyarrow as pa

    if pa.types.is_nested(column.type) and not pa.types.is_list(column.type):
        raise TrainingError(
            f"numbers, text, bytes or lists of them in column '{name}'",
            found=str(column.type),
            todo="store its parts as columns, or as lists",
        )
    if not pa.types.is_list(column.type):
        return column.to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]
    lengths = np.unique(column.value_lengths().to_numpy(zero_copy_only=False))
    if len(column) and (len(lengths) != 1 or np.isnan(lengths[0])):
        raise TrainingError(
            f"lists of one length in column '{name}'",
            found=f"lengths {lengths.tolist()[:5]} (nan is a null)",
            todo="pad the lists with a mask beside them, or store them as binary",
        )
    values = _array(name, column.flatten())
    return values.reshape(len(column), int(lengths[0]) if len(lengths) else 0, *values.shape[1:])


def open_file(url: str) -> Any:
    """A data file, by its unescaped URI, opened for pyarrow."""
    scheme, _, path = reader_url(url).partition(":")
    found, path = filesystem(f"{scheme}:{quote(path)}")
    return found.open_input_file(path)


def filesystem(uri: str) -> tuple[Any, str]:
    """Pyarrow's file system of a URI, and the path in it. One thread at a time: pyarrow 14 crashes where several begin.

    That is so of S3 (SIGSEGV while its library is set up).
    """
    from pyarrow import fs

    with _BEGINS:
        return fs.FileSystem.from_uri(uri)  # type: ignore[no-any-return]


def reader_url(url: str) -> str:
    """A file's unescaped URI in the schemes that pyarrow and Petastorm know: s3a is s3, and DBFS is mounted."""
    scheme, colon, path = url.partition(":")
    if not colon:
        return f"file://{url}"
    if scheme in {"file", "dbfs"}:
        return f"file://{'/dbfs' if scheme == 'dbfs' else ''}/{path.lstrip('/')}"
    return f"{'s3' if scheme in {'s3a', 's3n'} else scheme}:{path}"
