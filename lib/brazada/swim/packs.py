"""Positions on their way through Spark: the samples of a drill packed, thousands in one row.

To hand over, shuffle and sort eighteen million rows one by one costs more than all that is done with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pyspark import Accumulator, AccumulatorParam
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import types as T

from brazada.swim.parse import NUMBERS, POSITION, RECORD, Part, read, rows_of
from brazada.swim.settings import Swim
from brazada.tables.files import PIECE, InputFile, pieces
from brazada.workers import settle

if TYPE_CHECKING:
    import pyarrow as pa

_LINES = 30_000  # at once: enough for NumPy, little for memory
_TEXT = 4 * 2**20  # bytes, so many lines


def columns(**kinds: T.DataType) -> T.StructType:
    """Columns by name and type."""
    return T.StructType([T.StructField(name, kind) for name, kind in kinds.items()])


OF = {"tag": T.StringType(), "drill": T.StringType(), "file_id": T.LongType()}
ROWS = columns(**OF, millis=T.LongType(), **dict.fromkeys(POSITION, T.DoubleType()))
# `packed` holds the RECORDs of so many samples; a row without a drill only counts lines.
PACKS = columns(
    **OF,
    kept=T.BooleanType(),
    packed=T.BinaryType(),
    **dict.fromkeys(("samples", "lines", "refused"), T.LongType()),
)


def positions(lines: DataFrame, settings: Swim) -> DataFrame:
    """Sound lines (`value`) as tag, drill, millis (since 1970), x_m, y_m, z_m, beside the other columns of `lines`."""

    def found(part: Part) -> tuple[NDArray[np.int64], Mapping[str, Any]]:
        import pyarrow as pa

        named = {"tag": (part.tag, part.tags), "drill": (part.drill, part.drills)}
        texts = {name: pa.array(names, pa.string()).take(pa.array(codes)) for name, (codes, names) in named.items()}
        return part.places, {**texts, **{name: part.rows[name] for name in NUMBERS}}

    return _of_lines(lines, settings, [field for field in ROWS if field.name != "file_id"], found)


def reasons(lines: DataFrame, settings: Swim) -> DataFrame:
    """Lines (`value`) that are not sound as the other columns of `lines` and the `reason`."""

    def found(part: Part) -> tuple[NDArray[np.int64], Mapping[str, Any]]:
        places = np.array([place for place, _ in part.refused], np.int64)
        return places, {"reason": [reason for _, reason in part.refused]}

    return _of_lines(lines, settings, columns(reason=T.StringType()).fields, found)


def _of_lines(
    lines: DataFrame,
    settings: Swim,
    more: Sequence[T.StructField],
    found: Callable[[Part], tuple[NDArray[np.int64], Mapping[str, Any]]],
) -> DataFrame:
    """Of each part of the lines those that `found` names by their places, with what it makes of them."""
    others = [field for field in lines.schema if field.name != "value"]
    schema = T.StructType([*others, *more])

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        for table in _together(batches):
            for part in read(_text(table), settings):
                places, made = found(part)
                if len(places):
                    kept = table.select([field.name for field in others]).take(pa.array(places)).combine_chunks()
                    same = {name: kept[name].chunk(0) for name in kept.column_names}
                    yield batch_of(schema, len(places), **same, **made)

    return _with_bytes(lines).mapInArrow(run, schema)


def packed(lines: DataFrame, settings: Swim) -> DataFrame:
    """Lines (`value`, `file_id`) as PACKS: what is sound in them, and how many there were."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in _together(batches):
            yield from _packed(_text(table), table["file_id"][0].as_py(), settings)

    return _with_bytes(lines.select("value", "file_id")).mapInArrow(run, PACKS)


Read = dict[tuple[int, int], tuple[int, bytes]]  # by `file_id` and place the bytes of a piece and their SHA-256


class Pieces(AccumulatorParam[Read]):
    """Accumulates the pieces of files that tasks have read, were it twice."""

    def zero(self, value: Read) -> Read:  # noqa: ARG002 - as declared
        """None."""
        return {}

    def addInPlace(self, value1: Read, value2: Read) -> Read:  # noqa: N802 - Spark's name
        """Both."""
        return value1 | value2


def packed_files(
    spark: SparkSession,
    files: Mapping[str, InputFile],
    settings: Swim,
    done: Accumulator[Read],
) -> DataFrame:
    """Plain files on disks that every worker sees, by their paths, as PACKS; the pieces read go into `done`.

    Faster than `packed`, for no line goes through the JVM.
    """
    blocks = [(path, file.number, start) for path, file in files.items() for start in pieces(file.size)]

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        settle()
        for batch in batches:
            for number in batch.column(0).to_pylist():
                path, file_id, start = blocks[number]
                hashed, sizes = hashlib.sha256(), []
                for text, of_piece in _texts(path, start):
                    hashed.update(of_piece)
                    sizes.append(len(of_piece))
                    yield from _packed(text, file_id, settings)
                done.add({(file_id, start): (sum(sizes), hashed.digest())})

    return spark.range(0, len(blocks), 1, len(blocks)).mapInArrow(run, PACKS)


def _texts(path: str, start: int) -> Iterator[tuple[bytes, memoryview]]:
    """The lines that begin in a piece of a file, some megabytes at a time, and what of its bytes has been read so."""
    end = start + PIECE
    with Path(path).open("rb") as file:
        file.seek(start)
        if start:  # the line that goes on or begins here is the piece's before
            yield b"", memoryview(file.readline())[:PIECE]
        while (at := file.tell()) <= end and (text := file.read(min(_TEXT, end + 1 - at))):
            text += b"" if text.endswith(b"\n") else file.readline()
            of_piece = memoryview(text)[: max(0, end - at)]
            if b"\r" in text:
                text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
            if not text.endswith(b"\n"):
                text += b"\n"
            yield text, of_piece


def _packed(text: bytes, file_id: int, settings: Swim) -> Iterator[pa.RecordBatch]:
    sound = refused = 0
    for part in read(text, settings):
        sound += len(part.places)
        refused += len(part.refused)
        yield from _packs(part, np.full(len(part.rows), file_id), kept=False)
    yield batch_of(PACKS, 1, file_id=[file_id], lines=[sound + refused], refused=[refused])


def _with_bytes(lines: DataFrame) -> DataFrame:
    """Lines with `value` as bytes: they need not be text."""
    return lines.withColumn("value", lines["value"].cast("binary"))


def _together(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Batches as larger ones, which cost less each."""
    import pyarrow as pa

    held: list[pa.RecordBatch] = []
    for batch in batches:
        held.append(batch)
        if sum(part.num_rows for part in held) >= _LINES:
            yield pa.Table.from_batches(held).combine_chunks()
            held = []
    if held:
        yield pa.Table.from_batches(held).combine_chunks()


def _text(table: pa.Table) -> bytes:
    """The lines of a table as one text."""
    import pyarrow as pa
    import pyarrow.compute as pc

    lines = table["value"].chunk(0)
    whole = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    joined: bytes = pc.binary_join(whole, b"\n")[0].as_py()
    return joined + b"\n"


def repacked(rows: DataFrame, kept: Column) -> DataFrame:
    """ROWS as PACKS; `kept` are those that stand in the table."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in _together(batches):
            columns = {name: table[name].chunk(0) for name in table.column_names}
            tag, drill = (columns[name].dictionary_encode() for name in ("tag", "drill"))
            part = Part(
                places=np.arange(table.num_rows),
                rows=rows_of([columns[name].to_numpy() for name in NUMBERS]),
                tag=tag.indices.to_numpy(),
                tags=tag.dictionary.to_pylist(),
                drill=drill.indices.to_numpy(),
                drills=drill.dictionary.to_pylist(),
                refused=[],
            )
            yield from _packs(part, columns["file_id"].to_numpy(), kept=columns["kept"][0].as_py())

    return rows.select(*ROWS.names, kept.alias("kept")).mapInArrow(run, PACKS)


def unpacked(packs: DataFrame) -> DataFrame:
    """PACKS as ROWS."""

    def run(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for *of, content in zip(*[column.to_pylist() for column in batch.columns], strict=True):
                rows = np.frombuffer(content, RECORD)
                same = {name: [value] * len(rows) for name, value in zip(OF, of, strict=True)}
                yield batch_of(ROWS, len(rows), **same, **{name: rows[name] for name in NUMBERS})

    return packs.where("drill IS NOT NULL").select(*OF, "packed").mapInArrow(run, ROWS)


def _packs(part: Part, file_ids: NDArray[np.int64], *, kept: bool) -> Iterator[pa.RecordBatch]:
    """The positions by tag, drill and file."""
    import pyarrow as pa

    if not len(part.rows):
        return
    files, file = np.unique(file_ids, return_inverse=True)
    shape = (len(part.tags), len(part.drills), len(files))
    codes = np.ravel_multi_index((part.tag, part.drill, file), shape)
    codes = codes.astype(np.min_scalar_type(int(np.prod(shape))))  # short ones sort fastest
    order = np.argsort(codes, kind="stable")
    changes = np.flatnonzero(np.diff(codes[order])) + 1
    bounds = np.concatenate([[0], changes, [len(order)]])
    tag, drill, file = np.unravel_index(codes[order[bounds[:-1]]], shape)
    count = len(bounds) - 1
    rows = pa.py_buffer(part.rows[order])
    offsets = pa.py_buffer((bounds * RECORD.itemsize).astype(np.int32))
    yield batch_of(
        PACKS,
        count,
        tag=pa.array(part.tags).take(pa.array(tag)),
        drill=pa.array(part.drills).take(pa.array(drill)),
        file_id=files[file],
        kept=np.full(count, kept),
        packed=pa.Array.from_buffers(pa.binary(), count, [None, offsets, rows]),
        samples=np.diff(bounds),
    )


def batch_of(schema: T.StructType, count: int, **columns: Any) -> pa.RecordBatch:
    """Columns as a batch of the schema; those that are not given are null."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import to_arrow_schema

    wanted = to_arrow_schema(schema)
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(count, field.type)
        for field in wanted
    ]
    return pa.RecordBatch.from_arrays(arrays, schema=wanted)
