"""Data files and Arrow batches as the columns that a task decodes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

import numpy as np

from brazada.errors import TrainingError
from brazada.training.task import Array, Columns

_READ_ROWS = 8192  # at a time from a row group


def arrow_columns(url: str, names: Sequence[str]) -> Iterator[Columns]:
    """Columns of a Parquet file, chunk by chunk, as Petastorm would give them."""
    import pyarrow.parquet as pq

    with open_file(url) as file:
        for batch in pq.ParquetFile(file).iter_batches(_READ_ROWS, columns=list(names)):
            yield columns_of(batch)


def columns_of(batch: Any) -> Columns:
    """The columns of an Arrow record batch as arrays: scalars [n], lists of one length [n, length], bytes and text [n].

    Raises `TrainingError` for a column whose lists are null or differ in length.
    """
    import pyarrow as pa

    columns: dict[str, Array] = {}
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if not pa.types.is_list(column.type):
            columns[name] = column.to_numpy(zero_copy_only=False)
            continue
        lengths = np.unique(column.value_lengths().to_numpy(zero_copy_only=False))
        if len(lengths) != 1 or np.isnan(lengths[0]):
            raise TrainingError(
                f"lists of one length in column '{name}'",
                found=f"lengths {lengths.tolist()[:5]} (nan is a null)",
                todo="pad the lists with a mask beside them, or store them as binary",
            )
        columns[name] = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return columns


def open_file(url: str) -> Any:
    """A data file, by its unescaped URI, opened for pyarrow."""
    from pyarrow import fs

    scheme, _, path = reader_url(url).partition(":")
    filesystem, path = fs.FileSystem.from_uri(f"{scheme}:{quote(path)}")
    return filesystem.open_input_file(path)


def reader_url(url: str) -> str:
    """A file's unescaped URI in the schemes that pyarrow and Petastorm know: s3a is s3, and DBFS is mounted."""
    scheme, colon, path = url.partition(":")
    if not colon:
        return f"file://{url}"
    if scheme in {"file", "dbfs"}:
        return f"file://{'/dbfs' if scheme == 'dbfs' else ''}/{path.lstrip('/')}"
    return f"{'s3' if scheme in {'s3a', 's3n'} else scheme}:{path}"
