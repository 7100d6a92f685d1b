"""What pages read: rows of tables and views by name, and whether they are there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from brazada.tables import Store, View


@dataclass(frozen=True)
class Reader:
    """The warehouse as pages see it: it reads and changes nothing."""

    store: Store
    views: tuple[View, ...]

    @cached_property
    def names(self) -> frozenset[str]:
        """The tables, and the views whose tables are all there."""
        return frozenset([*self.store.names(), *(view.name for view in self.store.present(self.views))])

    def has(self, *names: str) -> bool:
        """Whether these tables and views are all there."""
        return self.names.issuperset(names)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query, which names tables and views as `brazada sql` does."""
        self._attached  # noqa: B018 - once, at the first query
        return [row.asDict() for row in self.store.spark.sql(query).collect()]

    @cached_property
    def _attached(self) -> list[str]:
        return self.store.attach(self.views)
