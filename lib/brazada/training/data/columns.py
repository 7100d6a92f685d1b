"""Data files and Arrow batches as the columns that a task decodes."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import numpy as np

from brazada.errors import TrainingError
from brazada.training.task import Array, Columns

_BEGINS = threading.Lock()
_SCRATCH = ("LOCAL_DIRS", "SPARK_LOCAL_DIRS")  # of YARN's containers, and of Spark's executors elsewhere


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
    found, path = _located(url)
    return found.open_input_file(path)


@contextmanager
def local_files(urls: Sequence[str]) -> Iterator[list[str]]:
    """Data files as URIs of local ones, in their order: Petastorm on pyarrow 14 reads no others.

    What lies elsewhere is copied to this machine while the block runs, where Spark and YARN have their own scratch.
    Raises `TrainingError` where the disk has too little room for the copies.
    """
    uris = [reader_url(url) for url in urls]
    if all(uri.startswith("file:") for uri in uris):
        yield uris
        return
    from pyarrow import fs

    places = [_located(url) for url in urls]
    size = sum(found.get_file_info(path).size for found, path in places)
    scratch = next((os.environ[name] for name in _SCRATCH if os.environ.get(name)), tempfile.gettempdir()).split(",")[0]
    if size > (free := shutil.disk_usage(scratch).free):
        raise TrainingError(
            f"{size / 2**30:.1f} GiB of free disk in {scratch} for copies of the files that Petastorm reads",
            found=f"{free / 2**30:.1f} GiB",
            todo="train on more ranks, name a larger disk in SPARK_LOCAL_DIRS, or set training.feed=tfdata",
        )
    with tempfile.TemporaryDirectory(prefix="brazada-feed-", dir=scratch) as folder:
        copies = [f"{folder}/{number:06d}.parquet" for number in range(len(places))]
        for (found, path), copy in zip(places, copies, strict=True):
            fs.copy_files(path, copy, source_filesystem=found, destination_filesystem=fs.LocalFileSystem())
        yield [f"file://{copy}" for copy in copies]


def _located(url: str) -> tuple[Any, str]:
    """Pyarrow's file system of a data file, by its unescaped URI, and the path in it."""
    scheme, _, path = reader_url(url).partition(":")
    return filesystem(f"{scheme}:{quote(path)}")


def filesystem(uri: str) -> tuple[Any, str]:
    """Pyarrow's file system of a URI, and the path in it. One thread at a time: pyarrow 14 crashes where several begin.

    That is so of S3 (SIGSEGV while its library is set up). Raises `TrainingError` where there is no library for it.
    """
    from pyarrow import ArrowInvalid, fs

    try:
        with _BEGINS:
            return fs.FileSystem.from_uri(uri)  # type: ignore[no-any-return]
    except (ArrowInvalid, OSError) as error:
        scheme = uri.partition(":")[0]
        hadoop = "set ARROW_LIBHDFS_DIR to libhdfs.so's folder and CLASSPATH to what `hadoop classpath --glob` prints"
        raise TrainingError(
            f"pyarrow with a library for {scheme}:// on every machine that trains",
            found=str(error).splitlines()[0],
            todo=hadoop if scheme == "hdfs" else "copy the warehouse to what pyarrow reads: file, dbfs, s3, gs, hdfs",
        ) from error


def reader_url(url: str) -> str:
    """A file's unescaped URI in the schemes that pyarrow and Petastorm know: s3a is s3, and DBFS is mounted."""
    scheme, colon, path = url.partition(":")
    if not colon:
        return f"file://{url}"
    if scheme in {"file", "dbfs"}:
        return f"file://{'/dbfs' if scheme == 'dbfs' else ''}/{path.lstrip('/')}"
    return f"{'s3' if scheme in {'s3a', 's3n'} else scheme}:{path}"
