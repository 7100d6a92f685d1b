"""A warehouse in a folder of this machine, looked at without Spark."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path

from brazada.errors import TableError
from brazada.settings import Warehouse


def names(path: str) -> list[str]:
    """`schema.table` of every table below a folder."""
    logs = Path(path).glob("*/*/_delta_log")
    return sorted(f"{log.parent.parent.name}.{log.parent.name}" for log in logs if is_table(log.parent))


def is_table(folder: Path) -> bool:
    """Whether the folder holds a table. A log without a commit, left by a job that was killed, is no table yet."""
    kept = (path.name for path in folder.joinpath("_delta_log").glob("[0-9]*"))
    return any(name.endswith(".json") or ".checkpoint." in name for name in kept)


def missing(name: str, known: Iterable[str], warehouse: Warehouse) -> TableError:
    """The error for a table or view that is not there, with the names like it, or in its schema, that are."""
    known = sorted(known)
    near, schema = nearest(name, known), name.partition(".")[0]
    beside = [each for each in known if each.partition(".")[0] == schema] or known
    error = TableError(
        f"table or view {name} in {warehouse.shown}",
        found=", ".join(beside) or "no table at all",
        todo=f"did you mean {' or '.join(near)}?"
        if near
        else "check the name and --warehouse, or write the table first",
    )
    error.table, error.warehouse = name, warehouse.path
    return error


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """The known names that are most like one, at most two."""
    by_lower = {each.lower(): each for each in known}
    wanted = name.lower()
    found = difflib.get_close_matches(wanted, by_lower, n=2, cutoff=0.8)
    # Without the schema, or with another one.
    found += [each for each in by_lower if each.partition(".")[2] == wanted.rpartition(".")[2] and each not in found]
    return [by_lower[each] for each in found[:2]]
