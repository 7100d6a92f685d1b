"""Lines of a swim log as positions, each with what speaks against it.

Lines come some megabytes at a time. A piece in which every line is as the published log writes it, as nearly all are,
is read by Arrow and NumPy as a whole; of another the halves are tried, and what is left is read line by line.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from brazada.swim.settings import Swim

if TYPE_CHECKING:
    import pyarrow as pa

HEADER = "_id,TimeStamp,DrillID,TagID,Position,Velocity,Acceleration"
POSITION = ("x_m", "y_m", "z_m")
NUMBERS = ("millis", *POSITION)  # of a position; milliseconds since 1970, metres from the pool's centre
RECORD = np.dtype([(name, "<i8" if name == "millis" else "<f8") for name in NUMBERS])

_ONE_BY_ONE = 500  # lines: fewer are not worth dividing
_STANDING_STILL = np.frombuffer(b',"[0,0,0]","[0,0,0]"\n', np.uint8)  # Velocity and Acceleration, as published
_PIECES = ("id", "millis", "drill", "tag", "x", "y", "z")  # of `_id,TimeStamp,DrillID,TagID,"[x,y,z]"`, by commas
_OTHERS = ("vx", "vy", "vz", "ax", "ay", "az")  # of the rest, likewise

_HEX = b"[0-9a-fA-F]"
_ID = re.compile(rb"(?:ObjectId\((%s{24})\)|(%s{24}))" % (_HEX, _HEX))
_TAG = re.compile(rb"(%s{12})" % _HEX)
_TIME = re.compile(rb"[0-9]{13}")
_DECIMAL = rb"[\x00-\x20\x7f]*([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)[\x00-\x20\x7f]*"
_NUMBER, _LAST_NUMBER = re.compile(_DECIMAL), re.compile(_DECIMAL + rb'\]"')
_OBJECT_ID, _AROUND = np.frombuffer(b"ObjectId()", np.uint8), [*range(9), 33]
_TO_THE_END = re.compile(rb'([^]"]*)\]","\[[^]"]*\]","\[[^]"]*\]"')


@dataclass(frozen=True)
class Part:
    """Some lines of a piece: the positions among them, and the lines that are none.

    `places`, and those in `refused`, are line numbers in the piece, from 0. Of each position, `tag` and `drill` are
    numbers of names in `tags` and `drills`.
    """

    places: NDArray[np.int64]
    rows: NDArray[Any]  # of RECORD
    tag: NDArray[np.int32]
    tags: list[str]
    drill: NDArray[np.int32]
    drills: list[str]
    refused: list[tuple[int, str]]


def rows_of(columns: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """The columns NUMBERS as rows of RECORD."""
    rows = np.empty(len(columns[0]), RECORD)
    for name, column in zip(NUMBERS, columns, strict=True):
        rows[name] = column
    return rows


def read(text: bytes, settings: Swim, first: int = 0) -> Iterator[Part]:
    """Lines, each ended by a line feed, as positions and refused ones. From place `first` on; empty lines are none."""
    if not text:
        return
    if (part := _as_published(text, settings, first)) is not None:
        yield part
        return
    lines = [line + b"\n" for line in text.split(b"\n") if line]
    count = len(lines)
    if count > _ONE_BY_ONE:
        half = count // 2
        yield from read(b"".join(lines[:half]), settings, first)
        yield from read(b"".join(lines[half:]), settings, first + half)
    else:
        yield _one_by_one(lines, settings, first)


def _as_published(text: bytes, settings: Swim, first: int) -> Part | None:
    """All lines at once; None if any is written in another way, or is no position."""
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    signs, width = np.frombuffer(text, np.uint8), len(_STANDING_STILL)
    ends = np.flatnonzero(signs == ord("\n"))
    count = len(ends)
    if ends[0] < width or (sliding_window_view(signs, width)[ends - width + 1] != _STANDING_STILL).any():
        return None
    kinds = dict.fromkeys(_PIECES, pa.binary()) | {"y": pa.float64()}
    try:
        table = csv.read_csv(
            pa.py_buffer(text),
            csv.ReadOptions(use_threads=False, column_names=[*_PIECES, *_OTHERS], block_size=len(text) + 1),
            csv.ParseOptions(quote_char=False),
            csv.ConvertOptions(column_types=kinds, include_columns=list(_PIECES), null_values=[], check_utf8=False),
        )
        pieces = {name: table[name].combine_chunks() for name in _PIECES}
        opened = pc.all(pc.starts_with(pieces["x"], b'"[')).as_py()
        x = pc.utf8_slice_codeunits(pieces["x"].cast(pa.string(), safe=False), 2).cast(pa.float64())
    except pa.ArrowInvalid:  # other pieces than these, or no number
        return None
    if not (opened and table.num_rows == count and _are_ids(pieces["id"]) and _are_times(pieces["millis"])):
        return None
    tag, tags = _names(pieces["tag"], _TAG)
    drill, drills = _names(pieces["drill"], _ID)
    height, heights = _names(pieces["z"], _LAST_NUMBER)
    if not (tags and drills and heights):
        return None
    millis = pieces["millis"].cast(pa.string(), safe=False).cast(pa.int64())
    z = np.array([float(text) for text in heights])[height]
    rows = rows_of(
        [millis.to_numpy(), *[place + 0.0 for place in (x.to_numpy(), pieces["y"].to_numpy(), z)]]
    )  # no -0.0
    if not _plausible(rows, settings).all():
        return None
    return Part(np.arange(first, first + count), rows, tag, tags, drill, drills, [])


def _are_ids(texts: pa.Array) -> bool:
    """Whether all are 24 hex digits, or all `ObjectId` of them."""
    of_hex = slice(None)
    if (signs := _signs(texts, 24)) is None:
        if (signs := _signs(texts, 34)) is None or (signs[:, _AROUND] != _OBJECT_ID).any():
            return False
        of_hex = slice(9, 33)
    digits, letters = signs - ord("0"), (signs | 0x20) - ord("a")  # what is less becomes more than any
    return bool(((digits < 10) | (letters < 6)).all(axis=0)[of_hex].all())


def _are_times(texts: pa.Array) -> bool:
    """Whether all are 13 digits."""
    signs = _signs(texts, 13)
    return signs is not None and bool(((signs >= ord("0")) & (signs <= ord("9"))).all())


def _signs(texts: pa.Array, width: int) -> NDArray[np.uint8] | None:
    """Texts of one length as a matrix of bytes; None if they are not."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    if (np.diff(offsets) != width).any():
        return None
    return np.frombuffer(texts.buffers()[2], np.uint8)[offsets[0] : offsets[-1]].reshape(len(texts), width)


def _names(texts: pa.Array, pattern: re.Pattern[bytes]) -> tuple[NDArray[np.int32], list[str]]:
    """What the pattern finds in each text, as numbers in a list of all; which is empty if one does not match."""
    coded = texts.dictionary_encode()
    matches = [pattern.fullmatch(text) for text in coded.dictionary.to_pylist()]
    names = [_found(match) for match in matches if match]
    return coded.indices.to_numpy(), names if len(names) == len(matches) else []


def _found(match: re.Match[bytes]) -> str:
    return match[match.lastindex or 0].decode()


def _plausible(rows: NDArray[Any], settings: Swim) -> NDArray[np.bool_]:
    """Whether times and positions are within the bounds of the settings; NaN is not."""
    least, greatest = settings.millis
    near = [np.abs(rows[name]) <= settings.max_position_m for name in POSITION]
    plausible: NDArray[np.bool_] = np.logical_and.reduce([rows["millis"] >= least, rows["millis"] <= greatest, *near])
    return plausible


def _one_by_one(lines: list[bytes], settings: Swim, first: int) -> Part:
    judged = [(place, _position(line[:-1], settings)) for place, line in enumerate(lines, first)]
    sound = [(place, position) for place, position in judged if not isinstance(position, str)]
    tags: dict[str, int] = {}
    drills: dict[str, int] = {}
    return Part(
        places=np.array([place for place, _ in sound], np.int64),
        rows=np.array([numbers for _, (_, _, numbers) in sound], RECORD),
        tag=np.array([tags.setdefault(tag, len(tags)) for _, (tag, _, _) in sound], np.int32),
        tags=list(tags),
        drill=np.array([drills.setdefault(drill, len(drills)) for _, (_, drill, _) in sound], np.int32),
        drills=list(drills),
        refused=[(place, reason) for place, reason in judged if isinstance(reason, str)],
    )


def _position(line: bytes, settings: Swim) -> tuple[str, str, tuple[int, float, float, float]] | str:  # noqa: PLR0911
    """Tag, drill and the numbers of RECORD; or why a line has none. The rules, in turn, that every line must meet."""
    pieces = line.split(b",", 6)
    if len(pieces) != 7:
        return f"not the seven fields {HEADER}"
    id_, time, drill, tag, x, y, rest = pieces
    if not _ID.fullmatch(id_):
        return "_id is neither 24 hex digits nor ObjectId of them"
    least, greatest = settings.millis
    if not _TIME.fullmatch(time) or not least <= int(time) <= greatest:
        return "TimeStamp is no plausible time"
    if not (named := _ID.fullmatch(drill)):
        return "DrillID is neither 24 hex digits nor ObjectId of them"
    if not _TAG.fullmatch(tag):
        return "TagID is not 12 hex digits"
    if not x.startswith(b'"['):
        return "Position is not a quoted list"
    if not (end := _TO_THE_END.fullmatch(rest)):
        return "Position, Velocity and Acceleration are not three quoted lists to the line's end"
    matches = [_NUMBER.fullmatch(text) for text in (x[2:], y, end[1])]
    numbers = [float(match[1]) + 0.0 for match in matches if match]  # no -0.0
    if len(numbers) != len(POSITION):
        return "Position has something else than three numbers"
    if any(abs(number) > settings.max_position_m for number in numbers):
        return f"Position is further than {settings.max_position_m:g} m from the centre"
    return tag.decode(), _found(named), (int(time), numbers[0], numbers[1], numbers[2])
