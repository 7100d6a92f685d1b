"""The tables for people who write Python: notebooks, scripts, a shell. `brazada.open` makes one of these."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from brazada import domains, session
from brazada.errors import UsageError
from brazada.pages import Reader
from brazada.pages.write import write
from brazada.settings import Settings
from brazada.tables import Store
from brazada.tables.readonly import refuse_changes

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame


class Warehouse:
    """The tables and views of one warehouse. It reads and changes nothing.

    `settings` are those that it was opened with, `spark` is its session. It can be used with `with`, which closes it.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.spark = session.start(settings)
        self._store = Store(self.spark, settings.warehouse, schemas=settings.schemas)

    def table(self, name: str, version: int | None = None) -> DataFrame:
        """A table or view as a frame of Spark; a table also as it was at a version.

        Raises TableError, which names what there is, where it is not there.
        """
        if version is None and name in self.views():
            self._store.attach(domains.views(), {name})
            return self.spark.table(name)
        return self._store.read(name, version).frame

    def sql(self, query: str, **values: Any) -> DataFrame:
        """The rows of a query in Spark SQL, as a frame of Spark: `sql("... WHERE tag = :tag", tag="b827eb51a000")`.

        It names tables and views as `brazada sql` does. Raises UsageError for a statement that does more than read.
        """
        self._store.attach_for(refuse_changes(self.spark, query), domains.views())
        return self.spark.sql(query, args=values)

    def tables(self) -> list[str]:
        """The names of the tables that are there."""
        return self._store.names()

    def views(self) -> list[str]:
        """The names of the views whose tables are all there."""
        return [view.name for view in self._store.present(domains.views())]

    def columns(self, name: str) -> pd.DataFrame:
        """The columns of a table or view: `column`, `type`, `null` (whether it may be), `meaning`."""
        import pandas as pd

        fields = self.table(name).schema.fields
        rows = [(f.name, f.dataType.simpleString(), f.nullable, f.metadata.get("comment", "")) for f in fields]
        return pd.DataFrame(rows, columns=["column", "type", "null", "meaning"])

    def history(self, name: str) -> pd.DataFrame:
        """The versions of a table, the newest first: `version`, `timestamp` (UTC), `operation`."""
        import pandas as pd

        names = ["version", "timestamp", "operation"]
        rows = self._store.history(name)
        return pd.DataFrame([[row[key] for key in names] for row in rows], columns=names)

    def runs(self, task: str | None = None) -> DataFrame:
        """The training runs, the newest first, or those of one task. Raises TableError where nothing was trained."""
        runs = self.table("ml.runs").orderBy("finished_at", ascending=False)
        return runs if task is None else runs.where(runs["task"] == task)

    def report(self, *names: str, out: str | Path = "report") -> Path:
        """Write HTML pages, all or those of these names, to a folder. Returns the file of the index.

        Raises UsageError for a name that is no page.
        """
        known = domains.reports()
        if unknown := set(names) - set(known):
            raise UsageError(f"pages out of {', '.join(known)}", found=", ".join(sorted(unknown)), todo="name one")
        reader = Reader(self._store, domains.views())
        return write([domains.report(name)(reader) for name in names or known], Path(out))[0]

    def close(self) -> None:
        """End the Spark session."""
        self.spark.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()
