"""One writer at a time on a local warehouse.

Delta's log on a local disk checks for a version's file and then renames onto it, which two processes can do at once.
On S3 with a single driver, ADLS, GCS or in a catalog the log store or the commit service excludes that.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

log = logging.getLogger(__name__)

_guards: defaultdict[Path, threading.RLock] = defaultdict(threading.RLock)  # one thread of this process at a time
_depth: defaultdict[Path, int] = defaultdict(int)  # a job that holds a lock calls writers that take it again


@contextmanager
def exclusive(warehouse: str | None, table: str) -> Iterator[None]:
    """Hold the table's lock while the block runs, and say so where another holds it first.

    The kernel lets go of it when the process dies.
    """
    if warehouse is None or "://" in warehouse:
        yield
        return
    path = Path(warehouse).resolve() / ".locks" / table
    path.parent.mkdir(parents=True, exist_ok=True)
    with _guards[path], path.open("a+") as file:
        if _depth[path] == 0:
            _lock(file, table)
        _depth[path] += 1
        try:
            yield
        finally:
            _depth[path] -= 1


def _lock(file: IO[str], table: str) -> None:
    """Lock the file, which says which process holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        log.warning("wait for %s, which another job writes (process %s)", table, file.read() or "unknown")
        fcntl.flock(file, fcntl.LOCK_EX)
        log.warning("%s is free again", table)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
