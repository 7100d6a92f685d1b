"""Input files of every Hadoop filesystem: which there are, how they begin, and what tells one from another."""

from __future__ import annotations

import glob
import gzip
import hashlib
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors.exceptions.captured import CapturedException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from brazada.errors import InputError

CHUNK_BYTES = 128 * 2**20  # bytes that are hashed, and read, at once; another number would make known files new

_HEAD = 2**16  # bytes: a header that is longer is none
_AT_ONCE = 2**20  # bytes read at once
_BY_JAVA = (Py4JJavaError, CapturedException)  # the second as PySpark hands them on
PACKED = (".gz", ".zst", ".bz2")
_NO_COLON = "file names without a colon, which Hadoop cannot read"
_READERS = 4  # files streamed at once


@dataclass(frozen=True)
class InputFile:
    """A file to read: its URI; bytes of its content, decompressed; a number by its digest, and the `digest`.

    Several files that belong together are one, which has the first one's path and all of them as `parts`.
    """

    path: str
    size: int
    number: int
    batch: str
    parts: tuple[InputFile, ...] = ()


def digest(pieces: Iterable[bytes]) -> str:
    """What tells a content: the SHA-256 of it or, where it is longer, of the SHA-256s of its pieces of CHUNK_BYTES."""
    first, *others = pieces
    return hashlib.sha256(b"".join([first, *others])).hexdigest() if others else first.hex()


def as_one(files: Sequence[InputFile]) -> InputFile:
    """Files that belong together as one."""
    if len(files) == 1:
        return files[0]
    batch = digest(bytes.fromhex(file.batch) for file in files)
    return InputFile(files[0].path, sum(file.size for file in files), _number(batch), batch, tuple(files))


def told_by_name(file: InputFile, said: str) -> InputFile:
    """A file of which what its name says is as much as its content: two of one content may be different files."""
    batch = digest([bytes.fromhex(file.batch), hashlib.sha256(said.encode()).digest()])
    return replace(file, number=_number(batch), batch=batch)


def list_files(spark: SparkSession, paths: Sequence[str], suffixes: tuple[str, ...]) -> list[str]:
    """URIs of the files that paths, folders (searched through) and globs name, each once, sorted.

    In folders only visible files that end in one of `suffixes` count. Spark looks through the folders. Raises
    InputError for a path without any file, for names with a colon, and for pipes and devices.
    """
    found: set[str] = set()
    for text in paths:
        files = [uri for uri, named in below(spark, text) if named or uri.lower().endswith(suffixes)]
        if not files:
            raise _nothing(text, suffixes)
        found |= {*files}
    if odd := sorted(uri for uri in found if ":" in uri.rpartition("/")[2]):
        raise InputError(_NO_COLON, found=odd[0], todo="rename it")
    if odd := sorted(uri for uri in found if (path := local_path(uri)) and not Path(path).is_file()):
        raise InputError("regular files", found=f"{odd[0]}, a pipe or a device", todo="copy its content into a file")
    return sorted(found)


def check_local(paths: Sequence[str], suffixes: tuple[str, ...]) -> list[str]:
    """What `list_files` finds of paths of this machine, before Spark is started: URIs of plain and .gz files, unsorted.

    No path of another filesystem is looked at. Raises InputError for a path without any file.
    """
    found: list[str] = []
    for text in paths:
        if "\\" in text or (re.match("[A-Za-z][A-Za-z0-9+.-]*:", text) and not text.startswith("file:/")):
            continue  # of another filesystem, or a glob with signs that stand for themselves, which Hadoop looks at
        local = _on_disk(text) or text
        with _readable(text):
            named = [local] if os.path.lexists(local) else _globbed(local)
            files = [file for path in named for file in ([path] if not Path(path).is_dir() else _below(path, suffixes))]
        if not files:
            raise _nothing(text, suffixes)
        paths_of = [
            Path(file).absolute() for file in files if file.endswith(".gz") or not file.lower().endswith(PACKED)
        ]
        found += [path.as_uri() for path in paths_of if path.is_file()]
    return found


def _globbed(pattern: str) -> list[str]:
    """Paths that match a glob of Hadoop's, which has {a,b} and [^a] beside what Python's has."""
    if braces := re.search(r"\{([^{}]*)\}", pattern):
        before, after = pattern[: braces.start()], pattern[braces.end() :]
        return [path for part in braces[1].split(",") for path in _globbed(before + part + after)]
    return glob.glob(pattern.replace("[^", "[!"))  # noqa: PTH207 - the pattern may begin anywhere


def _below(folder: str, suffixes: tuple[str, ...]) -> Iterator[str]:
    """Visible files in a folder, and in those below it, that end in one of the suffixes."""
    _refuse_loop(folder)
    for path, folders, names in os.walk(folder, followlinks=True):
        folders[:] = [name for name in folders if name[0] not in "._"]
        shown = [name for name in names if name[0] not in "._" and name.lower().endswith(suffixes)]
        yield from (f"{path}/{name}" for name in shown)


def _nothing(text: str, suffixes: tuple[str, ...]) -> InputError:
    return InputError(
        f"files at {text}",
        found=f"none (in a folder, files ending in {', '.join(suffixes)} count)",
        todo="check the path",
    )


def inspect(spark: SparkSession, uris: Sequence[str]) -> list[InputFile]:
    """Files, each read through once. Raises InputError for one that cannot be read.

    Spark hashes plain files of up to one CHUNK_BYTES, which are the many; others, which are few, are streamed here.
    """
    plain = [uri for uri in uris if not uri.lower().endswith(PACKED)]
    found = contents(spark, plain).where(F.col("size") <= CHUNK_BYTES) if plain else None
    hashed = found.select("path", "size", F.sha2("content", 256)).collect() if found else []
    told = {row[0]: (row[1], row[2]) for row in hashed}
    with ThreadPoolExecutor(_READERS) as pool:
        others = [uri for uri in uris if uri not in told]
        told |= dict(zip(others, pool.map(lambda uri: _streamed_or_read(spark, uri), others), strict=True))
    return [InputFile(uri, told[uri][0], _number(told[uri][1]), told[uri][1]) for uri in uris]


def _number(batch: str) -> int:
    return int(batch[:15], 16)  # 60 bits


def contents(spark: SparkSession, uris: Sequence[str]) -> DataFrame:
    """The files, but for empty ones: path, size, content. What is not asked for is not read."""
    path = F.regexp_replace("_metadata.file_path", "^file:/+", "file:///").alias("path")
    with _readable(f"{uris[0]} ..."):
        # One text for all: a call to the JVM for each would take longer than to read them.
        strings: Any = spark._jvm.org.apache.commons.lang3.StringUtils  # type: ignore[union-attr]
        named = strings.split("\0".join(map(read_path, uris)), "\0")
        read = DataFrame(spark.read.format("binaryFile")._jreader.load(named), spark)
    return read.select(path, F.col("length").alias("size"), "content")


def below(spark: SparkSession, text: str) -> list[tuple[str, bool]]:
    """URIs of the visible files at a path, each with whether it was named (by itself or a glob) or lay in a folder."""
    found = []
    for root, is_a_folder in roots(spark, text):
        if not is_a_folder:
            found.append((root, True))
            continue
        with _readable(root):
            reader = spark.read.format("binaryFile").option("recursiveFileLookup", "true")
            listed = reader.load(read_path(root))._jdf.inputFiles()
            strings: Any = spark._jvm.org.apache.hadoop.util.StringUtils  # type: ignore[union-attr]
            joined = strings.join("\0", listed)  # all of them in one call
        uris = [re.sub("^file:/+", "file:///", uri) for uri in str(joined).split("\0") if uri]
        found += [(uri, False) for uri in uris if not re.search("/[_.]", uri.removeprefix(root.rstrip("/")))]
    return found


def _streamed_or_read(spark: SparkSession, uri: str) -> tuple[int, str]:
    """Size and digest of a file that is large, packed or empty."""
    with _readable(uri):
        if not (plain := local_path(uri)):
            return _streamed(spark, uri)
        size = Path(plain).stat().st_size
        with ThreadPoolExecutor() as pool:
            return size, digest(pool.map(lambda start: _hashed(plain, start), _pieces(size)))


def _pieces(size: int) -> range:
    """Where the pieces of a content begin."""
    return range(0, max(size, 1), CHUNK_BYTES)


def _hashed(path: str, start: int) -> bytes:
    hashed, left = hashlib.sha256(), CHUNK_BYTES
    with Path(path).open("rb") as file:
        file.seek(start)
        while left and (part := file.read(min(left, _AT_ONCE))):
            hashed.update(part)
            left -= len(part)
    return hashed.digest()


def _streamed(spark: SparkSession, path: str) -> tuple[int, str]:
    """Size and digest of a file whose content the JVM reads."""
    streams: Any = spark._jvm.org.apache.commons.io.input  # type: ignore[union-attr]
    sha256 = spark._jvm.org.apache.commons.codec.digest.DigestUtils.sha256  # type: ignore[union-attr]
    hashed: list[bytes] = []
    with _opened(spark, path) as stream:
        counted = streams.CountingInputStream(stream)
        while not hashed or counted.getByteCount() == len(hashed) * CHUNK_BYTES:
            before = counted.getByteCount()
            found = bytes(sha256(streams.BoundedInputStream(counted, CHUNK_BYTES)))
            if hashed and counted.getByteCount() == before:
                break
            hashed.append(found)
        return int(counted.getByteCount()), digest(hashed)


def first_line(spark: SparkSession | None, path: str) -> bytes:
    """The first line of a file, by `head`."""
    return head(spark, path).splitlines()[0]


def head(spark: SparkSession | None, path: str) -> bytes:
    """The first bytes of a file, a header among them; of one on a disk, plain or .gz, without Spark.

    Raises InputError if it is empty or cannot be read.
    """
    with _readable(path):
        if plain := local_path(path):
            with Path(plain).open("rb") as file:
                first = file.read(_HEAD)
        elif path.endswith(".gz") and (packed_here := _on_disk(path)):
            with gzip.open(packed_here) as packed:
                first = packed.read(_HEAD)
        else:
            assert spark  # noqa: S101 - files elsewhere are not looked at before it runs
            commons: Any = spark._jvm.org.apache.commons.io  # type: ignore[union-attr]
            with _opened(spark, path) as stream:
                first = bytes(commons.IOUtils.toByteArray(commons.input.BoundedInputStream(stream, _HEAD)))
    if not first:
        raise InputError("a file with a header line", found=f"an empty {path}", todo="fetch it again, or leave it out")
    return first


@contextmanager
def _readable(path: str) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, *_BY_JAVA) as error:
        if "Relative path in absolute URI" in _said(error):
            raise InputError(_NO_COLON, found=_said(error), todo="rename it") from error
        raise InputError(
            "a readable file or folder",
            found=f"{path}: {_said(error)}",
            todo="check it and its rights, or copy it again",
        ) from error


def _said(error: Exception) -> str:
    return str(error.java_exception.toString()) if isinstance(error, Py4JJavaError) else str(error)


def read_path(uri: str) -> str:
    """A URI as the path that Spark takes for this one file, whatever glob characters its name has."""
    return re.sub(r"([\[\]{}*?\\])", r"\\\1", unquote(uri))


def local_path(uri: str) -> str | None:
    """The path of a plain file on a disk, which needs no Hadoop to be read; None for any other."""
    return None if uri.lower().endswith(PACKED) else _on_disk(uri)


def _on_disk(uri: str) -> str | None:
    """The path of a file or folder on a disk; None for one of another filesystem."""
    return unquote(re.sub("^file:/+", "/", uri)) if uri.startswith("file:/") else None


@contextmanager
def splittable(spark: SparkSession, uris: Sequence[str], scratch: str) -> Iterator[dict[str, str]]:
    """By URI where Spark can read each file; those in .zst, which it cannot, are unpacked into `scratch` meanwhile."""
    jvm: Any = spark._jvm
    folder = _java_path(spark, scratch)
    filesystem = folder.getFileSystem(_configuration(spark))
    filesystem.delete(folder, True)  # what a killed job left
    readable = {uri: uri for uri in uris}
    try:
        for number, uri in enumerate(uris):
            if uri.lower().endswith(".zst"):
                target = jvm.org.apache.hadoop.fs.Path(folder, f"{number}.csv")
                with _opened(spark, uri) as stream:
                    jvm.org.apache.hadoop.io.IOUtils.copyBytes(stream, filesystem.create(target), 2**16, True)
                readable[uri] = str(target.toString())
        yield readable
    finally:
        filesystem.delete(folder, True)


def roots(spark: SparkSession, text: str) -> list[tuple[str, bool]]:
    """URIs that a path names, by itself or as a glob, each with whether it is a folder.

    Raises InputError for a local folder that holds itself by a symbolic link.
    """
    with _readable(text):
        path = _java_path(spark, text)
        filesystem = path.getFileSystem(_configuration(spark))
        statuses = [filesystem.getFileStatus(path)] if filesystem.exists(path) else filesystem.globStatus(path) or []
        found = [(_uri(status), bool(status.isDirectory())) for status in statuses]
    for uri, is_a_folder in found:
        if is_a_folder and (folder := local_path(uri)):
            _refuse_loop(folder)
    return found


def _refuse_loop(folder: str) -> None:
    """Raise InputError for a symbolic link to a folder that holds it, in which files are found again and again."""
    pending = [(folder, frozenset([os.path.realpath(folder)]))]
    while pending:
        path, above = pending.pop()
        with _readable(path), os.scandir(path) as entries:
            for entry in entries:
                if entry.name[0] not in "._" and entry.is_dir():
                    if (real := os.path.realpath(entry.path)) in above:
                        found = f"the link {entry.path}"
                        raise InputError("folders that do not hold themselves", found=found, todo="remove the link")
                    pending.append((entry.path, above | {real}))


def exists(spark: SparkSession, text: str) -> bool:
    """Whether there is a file or folder of exactly this name, whatever glob characters it has."""
    path = _java_path(spark, text)
    return bool(path.getFileSystem(_configuration(spark)).exists(path))


def qualified(spark: SparkSession, text: str) -> str:
    """A path or glob in one form, with its filesystem and from the root."""
    path = _java_path(spark, text)
    return str(path.getFileSystem(_configuration(spark)).makeQualified(path).toString())


def is_there(spark: SparkSession, uri: str) -> bool:
    """Whether there is a file of this URI, which is taken as it is."""
    path = spark._jvm.org.apache.hadoop.fs.Path(spark._jvm.java.net.URI(uri))  # type: ignore[union-attr]
    with _readable(uri):
        return bool(path.getFileSystem(_configuration(spark)).exists(path))


def _uri(status: Any) -> str:
    """A file's URI in one form, for Hadoop writes file:/ as well as file:///."""
    return re.sub("^file:/+", "file:///", str(status.getPath().toUri().toString()))


@contextmanager
def _opened(spark: SparkSession, uri: str) -> Iterator[Any]:
    """A Java input stream of the file's content, decompressed by what its name says."""
    jvm: Any = spark._jvm
    path, configuration = jvm.org.apache.hadoop.fs.Path(jvm.java.net.URI(uri)), _configuration(spark)
    stream = path.getFileSystem(configuration).open(path)
    try:
        if uri.lower().endswith(".zst"):  # Hadoop's own codec needs a native library that is rarely there
            yield jvm.com.github.luben.zstd.ZstdInputStreamNoFinalizer(stream)
            return
        codec = jvm.org.apache.hadoop.io.compress.CompressionCodecFactory(configuration).getCodec(path)
        yield stream if codec is None else codec.createInputStream(stream)
    finally:
        stream.close()


def _java_path(spark: SparkSession, text: str) -> Any:
    jvm: Any = spark._jvm
    return jvm.org.apache.hadoop.fs.Path(text)


def _configuration(spark: SparkSession) -> Any:
    return spark._jsc.hadoopConfiguration()
