"""What an error says: its first cause, and the command to run next where a table is missing."""

from __future__ import annotations

import re

from brazada import domains
from brazada.errors import TableError
from brazada.output import command


def next_command(error: Exception) -> str | None:
    """The command that writes the table that an error misses, if it is one of this suite's."""
    if not isinstance(error, TableError) or not error.table:
        return None
    writers = [table.written_by for table in domains.tables() if table.name == error.table]
    return command(*writers[0].split(), warehouse=error.warehouse) if any(writers) else None


def first_cause(error: Exception) -> str:
    """The line that says what lies at the root, and of which data file where it is about one."""
    said, cause = [str(error)], getattr(error, "java_exception", None)
    while cause is not None:  # of a Java exception its own message, not that a call failed
        said.append(str(cause.getMessage()))
        cause = cause.getCause()
    lines = said[-1].strip().splitlines() or [""]
    # Of an error in a Python worker the message is a traceback, and the last line what it says.
    root = f"{type(error).__name__}: {lines[-1 if 'Traceback (most recent call last)' in said[-1] else 0]}"
    file = re.search(r"[Ff]ile (?:file:/*(?=/))?(\S+\.parquet)", "\n".join(said))
    if file is None:
        return root
    found = root if file[1] in root else f"{root} in {file[1]}"
    return f"expected a table's data files as they were written; found {found}. Restore the file from a copy"
