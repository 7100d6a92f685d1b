"""The page of operations: jobs over time, where rows went, tables and their versions, who reads and writes what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from brazada.pages.blocks import NONE, Block, Grid, Missing, Page, Picture, bars, lines
from brazada.pages.reader import Reader

_RUNS = 60


def page(reader: Reader) -> Page:
    """The page, from ops.job_runs and what Delta says of every table."""
    runs = reader.rows("SELECT * FROM ops.job_runs ORDER BY started_at DESC") if reader.has("ops.job_runs") else []
    blocks = [*_jobs(runs), *_tables(reader, runs)]
    return Page("operations", "Operations", "Which jobs ran, where every row went, and what each table is.", blocks)


def _jobs(runs: Sequence[Mapping[str, Any]]) -> list[Block]:
    if not runs:
        return [Missing("Jobs", "No job has run in this warehouse yet.")]
    dots = [
        {"name": status, "dots": True, "color": color}
        | {"x": [run["started_at"] for run in runs if run["status"] == status]}
        | {"y": [run["seconds"] for run in runs if run["status"] == status]}
        for status, color in (("done", 2), ("failed", 1))
        if any(run["status"] == status for run in runs)
    ]
    parts = (("good", "rows_good", 2), ("duplicate", "rows_duplicate", 0), ("quarantined", "rows_quarantined", 1))
    ingests: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys((name for _, name, _ in parts), 0))
    for run in runs:
        for _, name, _ in parts:
            ingests[run["job"]][name] += run[name] if run["rows_in"] else 0
    rows = [
        {"label": job, "bars": [{"name": name, "value": counts[key], "color": color} for name, key, color in parts]}
        for job, counts in sorted(ingests.items())
        if sum(counts.values())
    ]
    grid = [
        {
            "started, UTC": run["started_at"], "job": run["job"], "status": run["status"], "seconds": run["seconds"],
            "rows in": run["rows_in"], "good": run["rows_good"], "duplicate": run["rows_duplicate"],
            "quarantined": run["rows_quarantined"], "error": run["error"] or "",
        }
        for run in runs[:_RUNS]
    ]  # fmt: skip
    text = f"{len(runs):,} runs, each a dot: when it began and how long it took."
    return [
        Picture("Jobs over time", text, {"jobs": lines("start, UTC", "seconds", time=True, lines=dots)}),
        *([Picture("Where rows went", "Rows in = good + duplicate + quarantined, all runs of a job together.",
                   {"rows": bars("rows", rows)})] if rows else []),
        Grid("The newest runs", f"At most {_RUNS}.", grid),
    ]  # fmt: skip


def _tables(reader: Reader, runs: Sequence[Mapping[str, Any]]) -> list[Block]:
    writers, readers = defaultdict(set), defaultdict(set)
    for run in runs:
        for table in run["tables_written"] or {}:
            writers[table].add(run["job"])
        for table in run["tables_read"] or {}:
            readers[table].add(run["job"])
    sizes, dictionary = [], []
    for name in reader.store.names():
        of = reader.store.figures(name)
        sizes.append(
            {
                "table": name, "rows": of.rows, "version": of.version, "size, MiB": of.size_bytes / 2**20,
                "written, UTC": of.written, "written by": ", ".join(sorted(writers[name])) or NONE,
                "read by": ", ".join(sorted(readers[name])) or "no job", "a row is": of.comment,
            }
        )  # fmt: skip
        dictionary += [
            {
                "table": name, "column": column.name, "type": column.dataType.simpleString(),
                "null": "yes" if column.nullable else "no", "what it is": column.metadata.get("comment", ""),
            }
            for column in reader.store.read(name).frame.schema
        ]  # fmt: skip
    shown = [{"view": view.name, "of": ", ".join(view.tables), "what it shows": view.comment}
             for view in reader.store.present(reader.views)]  # fmt: skip
    return [
        Grid("Tables", "Size and version of every table, and which jobs read and write it.", sizes),
        Grid("Views", "What can be asked in SQL beside the tables.", shown),
        Grid("Data dictionary", "Every column of every table.", dictionary),
    ]
