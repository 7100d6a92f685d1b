"""Which sources a job is asked for, checked against the settings and the table it reads."""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame

from brazada.errors import InputError, UsageError
from brazada.prices.settings import Prices, Source


def source_settings(settings: Prices, source: str) -> Source:
    """The settings of a source. Raises UsageError if they do not name it."""
    if source in settings.sources:
        return settings.sources[source]
    raise UsageError(
        f"a source out of {', '.join(sorted(settings.sources))}",
        found=source,
        todo="name one of them, or describe it under prices.sources in the settings",
    )


def sources_in(table: DataFrame, settings: Prices, source: str | None) -> dict[str, Source]:
    """The source asked for, or all sources of the settings, that have rows in a table partitioned by source.

    Raises InputError if there is none.
    """
    asked = sorted(settings.sources) if source is None else [source]
    chosen = {name: source_settings(settings, name) for name in asked}
    present = {row["source"] for row in table.select("source").distinct().collect()}
    found = {name: chosen[name] for name in asked if name in present}
    if not found:
        raise InputError(
            f"rows of {' or '.join(asked)}",
            found=f"rows of {', '.join(sorted(present)) or 'no source'}",
            todo="take in its files by `brazada prices ingest FILES`",
        )
    return found


def slice_of(sources: Iterable[str]) -> str:
    """The SQL condition for the rows of these sources; their names are plain words by the settings' check."""
    return f"source IN ({', '.join(repr(name) for name in sources)})"
