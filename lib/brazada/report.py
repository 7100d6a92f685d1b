"""What a job did: rows in, good, duplicate, quarantined; versions read and written; seconds. Printed and kept."""

from __future__ import annotations

import datetime as dt
import logging
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from brazada import session
from brazada.settings import Settings, dotted
from brazada.tables import Store
from brazada.tables.ops import JOB_RUNS

log = logging.getLogger(__name__)


@dataclass
class Report:
    """The counts of one run; a job adds to them as it goes. Rows in are good, duplicate or quarantined."""

    rows_in: int = 0
    rows_good: int = 0
    rows_duplicate: int = 0
    rows_quarantined: int = 0
    notes: list[str] = field(default_factory=list)

    def add(self, rows_in: int, good: int, duplicate: int, quarantined: int) -> None:
        """Count the rows of a file."""
        self.rows_in += rows_in
        self.rows_good += good
        self.rows_duplicate += duplicate
        self.rows_quarantined += quarantined


@dataclass(frozen=True)
class Job:
    """One run of a job, handed to the job's function: its session, settings, tables, report and where to print."""

    name: str
    run_id: str
    settings: Settings
    spark: SparkSession
    store: Store
    console: Console
    report: Report = field(default_factory=Report)

    def note(self, text: str) -> None:
        """Say something that belongs in the report, which is printed at the end."""
        self.report.notes.append(text)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[ProgressBar]:
        """A progress bar on a terminal; nothing elsewhere."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self.console, transient=True, disable=not self.console.is_terminal) as bar:
            yield ProgressBar(bar, bar.add_task(what, total=total))


@dataclass(frozen=True)
class ProgressBar:
    """The one task of a progress display."""

    display: Progress
    task: int

    def advance(self, steps: float = 1, what: str | None = None) -> None:
        """Go on by so many steps, with a new description if given."""
        self.display.update(self.task, advance=steps, description=what)  # type: ignore[arg-type]


def stdout() -> Console:
    """Standard output at the terminal's width; wide enough for whole rows where it is piped."""
    return Console(highlight=False) if sys.stdout.isatty() else Console(highlight=False, width=200)


@contextmanager
def job(name: str, settings: Settings, sections: tuple[str, ...], verbose: bool = False) -> Iterator[Job]:
    """Run a job: print these sections of its settings, start Spark, print and append its report, also of a failure."""
    started, clock = dt.datetime.now(dt.UTC), time.perf_counter()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    console.print(f"[bold]{name}[/bold]  env {settings.env}" + (", settings:" if sections else ""))
    for key, value in dotted(settings, *sections, verbose=verbose) if sections else ():
        console.print(f"  {key} = {value}", markup=False, soft_wrap=True)
    spark = session.start(settings, verbose)
    run = Job(
        name, uuid.uuid4().hex, settings, spark, Store(spark, settings.warehouse, schemas=settings.schemas), console
    )
    try:
        yield run
    except BaseException as error:
        # In a thread of its own, with its own connection to the JVM: Ctrl-C may have cut this one short.
        noting = threading.Thread(target=_note_failure, args=(run, started, clock, error, verbose))
        noting.start()
        noting.join()
        raise
    _append(run, started, clock, None)
    _print(run, time.perf_counter() - clock)


def _note_failure(run: Job, started: dt.datetime, clock: float, error: BaseException, verbose: bool) -> None:
    """Append the report of a job that failed. One that cannot be written must not hide the job's own fault."""
    try:
        _append(run, started, clock, f"{type(error).__name__}: {error}")
    except Exception:
        log.warning("the failure could not be written to ops.job_runs", exc_info=verbose)


def _append(run: Job, started: dt.datetime, clock: float, error: str | None) -> None:
    counts = run.report
    row = {
        "run_id": run.run_id,
        "job": run.name,
        "status": "failed" if error else "done",
        "started_at": started,
        "seconds": time.perf_counter() - clock,
        "rows_in": counts.rows_in,
        "rows_good": counts.rows_good,
        "rows_duplicate": counts.rows_duplicate,
        "rows_quarantined": counts.rows_quarantined,
        "tables_read": run.store.reads,
        "tables_written": dict(run.store.writes),
        "error": error[:2000] if error else None,
    }
    run.store.append(JOB_RUNS, [tuple(row[name] for name in JOB_RUNS.columns.names)])


def _print(run: Job, seconds: float) -> None:
    counts, store = run.report, run.store
    for note in counts.notes:
        run.console.print(f"  {note}", markup=False, soft_wrap=True)
    if counts.rows_in:
        run.console.print(
            f"  rows in {counts.rows_in:,} = good {counts.rows_good:,} + duplicate {counts.rows_duplicate:,}"
            f" + quarantined {counts.rows_quarantined:,}"
        )
    if counts.rows_quarantined:
        run.console.print("  why: brazada quarantine list", markup=False)
    for verb, versions in (("read", store.reads), ("wrote", store.writes)):
        named = ", ".join(f"{name} v{version}" for name, version in sorted(versions.items()) if name != JOB_RUNS.name)
        if named:
            run.console.print(f"  {verb} {named}")
    run.console.print(f"[bold]{run.name} done[/bold] in {seconds:.1f} s")
