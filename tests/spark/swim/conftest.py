"""Swim logs made line by line, and warehouses read by another engine than the one that wrote."""

import gzip
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from rich.console import Console

from brazada.report import Job
from brazada.settings import load
from brazada.simulate.swim import HEADER
from brazada.tables import Store

from .reference import KEY, PLACE

START = 1_580_000_000_000
READING = [*KEY, *PLACE, "dx_m", "dt_s"]


def line(millis=0, x=1.0, y=2.0, z=0.2, drill=1, tag=1):
    """A line of the published log, `millis` after the start."""
    where = f'"[{x},{y},{z}]","[0,0,0]","[0,0,0]"'
    return f"ObjectId({millis % 10**9:024x}),{START + millis},ObjectId({hexed(drill)}),{tag_of(tag)},{where}"


def hexed(drill: int) -> str:
    return f"5e2a{drill:020x}"


def tag_of(tag: int) -> str:
    return f"b827eb{tag:06x}"


def log(*lines: str | bytes, end: str = "\n", last: str = "\n") -> bytes:
    """The lines below their header."""
    parts = [HEADER.strip().encode(), *[part if isinstance(part, bytes) else part.encode() for part in lines]]
    return end.encode().join(parts) + last.encode()


def write(path: Path, content: bytes) -> str:
    """Content as a file, packed as its name says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".zst":
        with pa.CompressedOutputStream(str(path), "zstd") as file:
            file.write(content)
    else:
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def table(warehouse: Path, name: str, version: int | None = None) -> pd.DataFrame:
    """A table's rows, in order of what they hold, with times as milliseconds since 1970."""
    delta = DeltaTable(str(warehouse / name.replace(".", "/")), version=version)
    frame = duckdb.from_arrow(delta.to_pyarrow_table()).df()
    if "ts" in frame:
        frame.insert(0, "millis", frame["ts"].astype("int64") // 1000)
    return frame.sort_values([name for name in (*KEY, "file", "place") if name in frame], ignore_index=True)


def readings(warehouse: Path) -> pd.DataFrame:
    """The readings without where they came from and when."""
    return table(warehouse, "swim.readings")[READING]


def data_files(warehouse: Path, name: str) -> set[str]:
    """The files that make up a table's newest version."""
    return {uri.rpartition("/")[2] for uri in DeltaTable(str(warehouse / name.replace(".", "/"))).file_uris()}


@pytest.fixture(scope="module")
def at(spark_session) -> Iterator[Callable[..., Job]]:
    """`at(warehouse, *overrides)`: a job on this warehouse; the session's catalog knows of no other one."""

    def forget() -> None:
        for (schema,) in spark_session.sql("SHOW SCHEMAS").collect():
            if schema != "default":
                spark_session.sql(f"DROP SCHEMA {schema} CASCADE")

    def opened(warehouse: Path, *overrides: str, name: str = "swim") -> Job:
        forget()
        settings = load(overrides=[f"warehouse.path={warehouse}", *overrides], variables={})
        store = Store(spark_session, settings.warehouse)
        return Job(name, "run-1", settings, spark_session, store, Console(quiet=True))

    yield opened
    forget()


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("warehouse")
