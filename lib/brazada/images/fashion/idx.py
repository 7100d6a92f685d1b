"""The IDX files of MNIST and its like: arrays behind a header of type and dimensions (LeCun)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from brazada.errors import InputError
from brazada.ingest.whole import Refused

SUFFIXES = ("-ubyte", "-ubyte.gz")
_NAME = re.compile(r"(?P<stem>.*/(?P<part>train|t10k|test)[^/]*)-(?P<kind>images-idx3|labels-idx1)-ubyte(?P<gz>\.gz)?$")
_TYPES = {8: "uint8", 9: "int8", 11: "int16", 12: "int32", 13: "float32", 14: "float64"}
_EXPECTED = "pairs of <part>-images-idx3-ubyte and <part>-labels-idx1-ubyte, plain or .gz, of the parts train and t10k"


def pairs(uris: Sequence[str]) -> list[tuple[str, str]]:
    """Files of pictures, each with that of its labels. Raises InputError for one without the other, or another file."""
    names = {uri: _NAME.fullmatch(uri) for uri in uris}
    if odd := [uri for uri, name in names.items() if name is None]:
        raise InputError(_EXPECTED, found=odd[0], todo="name the IDX files, or a folder that holds them")
    found = []
    for uri, name in names.items():
        if name and name["kind"] == "images-idx3":
            packed = name["gz"] or ""
            labels = [f"{name['stem']}-labels-idx1-ubyte{end}" for end in (packed, "" if packed else ".gz")]
            found += [(uri, label) for label in labels if label in names][:1]
    if alone := sorted(set(uris) - {uri for pair in found for uri in pair}):
        raise InputError(_EXPECTED, found=f"{alone[0]} alone", todo="fetch the file that belongs to it")
    return found


def part(uri: str) -> str:
    """Whether a file is of the part `train` or `test`."""
    name = _NAME.fullmatch(uri)
    return "train" if name and name["part"] == "train" else "test"


def array(content: bytes, what: str, dimensions: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """The array of unsigned bytes that an IDX file holds. Raises `Refused` where header and content disagree."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _TYPES:
        raise Refused(f"{what}: no IDX file: {len(content)} bytes that begin with {content[:4].hex() or 'nothing'}")
    kind, count = _TYPES[content[2]], content[3]
    if len(content) < 4 + 4 * count:
        raise Refused(f"{what}: the header is cut off after {len(content)} bytes")
    shape = tuple(np.frombuffer(content, ">u4", count, 4).tolist())
    if kind != "uint8" or count != dimensions:
        said = " x ".join(map(str, shape))
        raise Refused(f"{what}: expected uint8 in {dimensions} dimensions, found {kind} in {count}: {said}")
    values = np.frombuffer(content, np.uint8, offset=4 + 4 * count)
    if len(values) != math.prod(shape):
        raise Refused(f"{what}: the header says {' x '.join(map(str, shape))} bytes, found {len(values)}")
    return values.reshape(shape)
