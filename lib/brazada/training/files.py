"""Whole files at a path or cloud URL: written at once or not at all, so that a kill leaves no half of one."""

from __future__ import annotations

import io
import json
import os
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fsspec
import numpy as np

from brazada.training.task import Array


def write(url: str, content: bytes) -> None:
    """Write a file atomically: by rename on a disk; an object store shows an object only when it is complete."""
    filesystem, path = fsspec.core.url_to_fs(url)
    filesystem.makedirs(path.rpartition("/")[0], exist_ok=True)
    if "file" not in filesystem.protocol:
        filesystem.pipe_file(path, content)
        return
    partial = Path(f"{path}.{uuid.uuid4().hex}.part")
    try:
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(url: str) -> bytes | None:
    """The content of a file, or None where there is none."""
    filesystem, path = fsspec.core.url_to_fs(url)
    try:
        return bytes(filesystem.cat_file(path))
    except FileNotFoundError:
        return None


def names(url: str) -> list[str]:
    """Names of the files of a folder; none where there is no folder."""
    filesystem, path = fsspec.core.url_to_fs(url)
    try:
        return sorted(str(entry).rsplit("/", 1)[-1] for entry in filesystem.ls(path, detail=False))
    except FileNotFoundError:
        return []


def first(url: str, prefix: str) -> tuple[str, bytes] | None:
    """The file of a folder whose name begins so: the rest of its name, and its content; None where there is none."""
    name = next((name for name in names(url) if name.startswith(prefix)), None)
    content = read(f"{url}/{name}") if name else None
    return None if name is None or content is None else (name.removeprefix(prefix), content)


def remove(url: str) -> None:
    """Remove a file or a folder with all it holds; nothing happens where there is none."""
    filesystem, path = fsspec.core.url_to_fs(url)
    if filesystem.exists(path):
        filesystem.rm(path, recursive=True)


def pack(arrays: Mapping[str, Array], meta: Mapping[str, Any]) -> bytes:
    """Arrays and JSON-able facts as the bytes of one .npz file; read back by `unpack`, without pickle."""
    buffer = io.BytesIO()
    np.savez(buffer, **{"meta": np.array(json.dumps(dict(meta)))}, **arrays)
    return buffer.getvalue()


def unpack(content: bytes) -> tuple[dict[str, Array], dict[str, Any]]:
    """What `pack` packed. Raises `ValueError` or `zipfile.BadZipFile` for other bytes."""
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    return arrays, json.loads(str(arrays.pop("meta")))


def numbered(name: str, arrays: list[Array]) -> dict[str, Array]:
    """A list of arrays as named arrays, for `pack`."""
    return {f"{name}.{index:05d}": array for index, array in enumerate(arrays)}


def listed(name: str, arrays: Mapping[str, Array]) -> list[Array]:
    """The list that `numbered` named."""
    return [arrays[key] for key in sorted(arrays) if key.startswith(f"{name}.")]
