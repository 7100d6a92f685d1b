"""A table as a declared object: it is created from its declaration, never from what a frame happens to hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pyspark.sql.types import ArrayType, DataType, StructField, StructType


@dataclass(frozen=True)
class Table:
    """A Delta table's declaration.

    `name` is `schema.table`; every column of `columns` has a comment; `key` names the columns that identify a row;
    `constraints` maps a name to a SQL condition that every row meets; `stats_on` names the columns whose
    least and greatest value is kept per file, by which queries skip files (default: all); `written_by` is the command
    that makes it, for who misses it. Raises `ValueError` for a faulty declaration.
    """

    name: str
    comment: str
    columns: StructType
    key: tuple[str, ...]
    constraints: Mapping[str, str] = field(default_factory=dict)
    partition_by: tuple[str, ...] = ()
    stats_on: tuple[str, ...] = ()
    written_by: str = ""

    def __post_init__(self) -> None:
        """Refuse a declaration that could not be created or would not document itself."""
        if self.name.count(".") != 1:
            raise ValueError(f"{self.name}: expected schema.table")
        if bare := [f.name for f in self.columns if not f.metadata.get("comment")]:
            raise ValueError(f"{self.name}: columns without a comment: {bare}")
        if unknown := {*self.key, *self.partition_by, *self.stats_on} - set(self.columns.names):
            raise ValueError(f"{self.name}: key, partitioning or stats name unknown columns {sorted(unknown)}")

    @property
    def properties(self) -> dict[str, str]:
        """What Delta is told of the table, its constraints among them."""
        # Petastorm reads data files as they are: a deletion vector would bring deleted rows back.
        stats = {"delta.dataSkippingStatsColumns": ",".join(self.stats_on)} if self.stats_on else {}
        constraints = {f"delta.constraints.{name}": condition for name, condition in self.constraints.items()}
        return {"delta.enableDeletionVectors": "false", **stats, **constraints}


@dataclass(frozen=True)
class View:
    """A SQL view for analysts over declared tables; `tables` are the names it reads.

    `units` gives by column the unit of its values where the column's name does not say it; in braces stands a column
    that holds a part of it, or `{currency}`.
    """

    name: str
    comment: str
    tables: tuple[str, ...]
    query: str
    units: Mapping[str, str] = field(default_factory=dict)


def literal(text: str) -> str:
    """Any text as a SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def column(name: str, kind: DataType, comment: str, *, required: bool = True) -> StructField:
    """A documented column; NOT NULL unless `required` is false."""
    return StructField(name, kind, nullable=not required, metadata={"comment": comment})


def array_of(kind: DataType) -> ArrayType:
    """An array whose elements may be null (Delta keeps no NOT NULL on elements)."""
    return ArrayType(kind, containsNull=True)
