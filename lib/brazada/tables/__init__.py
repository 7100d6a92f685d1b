"""All that knows Delta: declarations, versions, writing once, quarantine, views."""

from brazada.tables.store import Snapshot, Store
from brazada.tables.table import Table, View, array_of, column, literal

__all__ = ["Snapshot", "Store", "Table", "View", "array_of", "column", "literal"]
