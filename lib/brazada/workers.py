"""Spark's Python workers, spared a tenth of a second of every task."""

from __future__ import annotations

import gc
import sys
from zipimport import zipimporter


def settle() -> None:
    """Let go of what a worker would go through again between tasks; tasks that may be many and short call it first.

    After each task Spark's worker collects garbage (pyspark/daemon.py), and before the next it has Python look anew for
    what could be imported (pyspark/worker.py), in the directories of Spark's archives too. What a worker has imported
    is no garbage, and those archives do not change.
    """
    if not gc.get_freeze_count():
        gc.freeze()
    for path in [path for path, finder in sys.path_importer_cache.items() if isinstance(finder, zipimporter)]:
        del sys.path_importer_cache[path]
