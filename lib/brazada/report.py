"""What a job did: rows in, good, duplicate, quarantined; versions read and written; seconds. Printed and kept."""

from __future__ import annotations

import datetime as dt
import logging
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from brazada import output, session
from brazada.errors import UsageError
from brazada.output import Output, stdout
from brazada.settings import Settings, dotted, load
from brazada.tables import Store
from brazada.tables.ops import JOB_RUNS

__all__ = ["Job", "ProgressBar", "Report", "job", "stdout"]

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
    display: Progress | None = None

    @property
    def on_terminal(self) -> bool:
        """Whether a display on a terminal shows how far the job is."""
        return self.display is not None and not self.display.disable

    def note(self, text: str) -> None:
        """Say something that belongs in the report, which is printed at the end."""
        self.report.notes.append(text)

    def say(self, text: str) -> None:
        """Say something at once, also of a job that may fail before its end."""
        log.info("  %s", text)

    @contextmanager
    def progress(self, what: str, total: int | None = None) -> Iterator[ProgressBar]:
        """How far the job is, in its display on a terminal; nothing elsewhere."""
        display = self.display or Progress(console=self.console, disable=True)
        whole, task = display.task_ids, display.add_task(what, total=total)
        for shown in whole:
            display.update(shown, visible=False)
        try:
            yield ProgressBar(display, task)
        finally:
            display.remove_task(task)
            for shown in whole:
                display.update(shown, visible=True)


@dataclass(frozen=True)
class ProgressBar:
    """One task of a progress display."""

    display: Progress
    task: Any

    def advance(self, steps: float = 1, what: str | None = None) -> None:
        """Go on by so many steps, with a new description if given."""
        self.display.update(self.task, advance=steps, description=what)

    def set(self, done: int, total: int, what: str) -> None:
        """Be at so many steps of a total, with a new description."""
        self.display.update(self.task, completed=done, total=total, description=what)


class _HowFar(ProgressColumn):
    """How many steps are done, and how many tasks of the stages that Spark runs now."""

    spark: SparkSession | None = None

    def render(self, task: Task) -> Text:
        """The words to show."""
        steps = [f"{task.completed:.0f} of {task.total:.0f}"] if task.total else []
        return Text(" · ".join([*steps, *self._tasks()]), no_wrap=True)

    def _tasks(self) -> list[str]:
        try:
            tracker = self.spark.sparkContext.statusTracker()  # type: ignore[union-attr]
            stages = [stage for each in tracker.getActiveStageIds() if (stage := tracker.getStageInfo(each))]
        except Exception:  # no session yet, or no more
            return []
        done, total = (sum(getattr(one, name) for one in stages) for name in ("numCompletedTasks", "numTasks"))
        return [f"Spark {done:,} of {total:,} tasks"] if total else []


class _ToConsole(logging.Handler):
    """Messages of this suite on the terminal, above a progress display."""

    def __init__(self, console: Console, level: int) -> None:
        super().__init__(level)
        self.console = console

    def emit(self, record: logging.LogRecord) -> None:
        """Print one."""
        text = ("warning: " if record.levelno >= logging.WARNING else "") + self.format(record)
        self.console.print(text, markup=False, soft_wrap=True)


@contextmanager
def _spoken(console: Console, asked: Output) -> Iterator[None]:
    """Print what this suite logs, and append it to the log file that is asked for. Raises UsageError for a bad one."""
    logger = logging.getLogger("brazada")
    handlers: list[logging.Handler] = [_ToConsole(console, logging.WARNING if asked.quiet else logging.INFO)]
    if asked.log_file:
        try:
            Path(asked.log_file).parent.mkdir(parents=True, exist_ok=True)
            handlers.append(logging.FileHandler(asked.log_file, encoding="utf-8"))
        except OSError as error:
            found = f"{asked.log_file}: {error.strerror}"
            raise UsageError("a file that can be written to", found=found, todo="correct --log-file") from error
        handlers[-1].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    before = logger.level
    logger.setLevel(logging.DEBUG)
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
            handler.close()
        logger.setLevel(before)


@contextmanager
def job(name: str, settings: Settings, sections: tuple[str, ...], verbose: bool = False) -> Iterator[Job]:
    """Run a job: say what it is and which settings are not the defaults, start Spark, print and append its report.

    The report of a failure is appended too. `sections` are those of the settings that `--show-settings` shows as a
    whole; with none of them no setting is shown.
    """
    started, clock, asked = dt.datetime.now(dt.UTC), time.perf_counter(), output.asked()
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    far = _HowFar()
    display = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=16),
        far,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        refresh_per_second=4,
        redirect_stdout=False,  # which may be a file or a pipe where the errors' stream is a terminal
        disable=not console.is_terminal or asked.quiet or verbose,
    )
    with _spoken(console, asked), display:
        log.info("%s · %s · %s", name, settings.env, settings.warehouse.shown)
        for key, value in _shown(settings, sections, asked) if sections else ():
            log.info("  %s = %s", key, value)
        whole = display.add_task(f"{name}: start Spark", total=None)
        spark = far.spark = session.start(settings, verbose)
        display.update(whole, description=name)
        store = Store(spark, settings.warehouse, schemas=settings.schemas)
        run = Job(name, uuid.uuid4().hex, settings, spark, store, console, display=display)
        try:
            yield run
        except BaseException as error:
            display.stop()
            log.debug("%s failed", name, exc_info=True)
            # In a thread of its own, with its own connection to the JVM: Ctrl-C may have cut this one short.
            noting = threading.Thread(
                target=copy_context().run, args=(_note_failure, run, started, clock, error, verbose)
            )
            noting.start()
            noting.join()
            raise
        row = _append(run, started, clock, "done", None)
        display.stop()
        _print(run, row)


def _shown(settings: Settings, sections: tuple[str, ...], asked: Output) -> list[tuple[str, str]]:
    """The settings to show: those that are not the defaults of their environment, or whole sections."""
    if asked.show_settings:
        return list(dotted(settings, *sections))
    defaults = {*dotted(load(settings.env, variables={}))}
    return [pair for pair in dotted(settings) if pair not in defaults and pair[0] != "warehouse.path"]


def _note_failure(run: Job, started: dt.datetime, clock: float, error: BaseException, verbose: bool) -> None:
    """Append the report of a job that failed. One that cannot be written must not hide the job's own fault."""
    try:
        status = "failed"
        if isinstance(error, KeyboardInterrupt):
            status = "stopped"
            run.spark.sparkContext.cancelAllJobs()  # which would delay this row
        _print_json(run, _append(run, started, clock, status, f"{type(error).__name__}: {error}"))
    except Exception:
        log.warning("the failure could not be written to ops.job_runs", exc_info=verbose)


def _append(run: Job, started: dt.datetime, clock: float, status: str, error: str | None) -> dict[str, Any]:
    """Append the report to ops.job_runs, and return its row."""
    counts = run.report
    row = {
        "run_id": run.run_id,
        "job": run.name,
        "status": status,
        "started_at": started,
        "seconds": time.perf_counter() - clock,
        "rows_in": counts.rows_in,
        "rows_good": counts.rows_good,
        "rows_duplicate": counts.rows_duplicate,
        "rows_quarantined": counts.rows_quarantined,
        "tables_read": dict(run.store.reads),
        "tables_written": dict(run.store.writes),
        "error": error[:2000] if error else None,
    }
    run.store.append(JOB_RUNS, [tuple(row[name] for name in JOB_RUNS.columns.names)])
    return row


def _print(run: Job, row: dict[str, Any]) -> None:
    counts, store = run.report, run.store
    for note in counts.notes:
        run.say(note)
    if counts.rows_in:
        run.say(
            f"rows in {counts.rows_in:,} = good {counts.rows_good:,} + duplicate {counts.rows_duplicate:,}"
            f" + quarantined {counts.rows_quarantined:,}"
        )
    if counts.rows_quarantined:
        run.say(f"why: {output.command('quarantine', 'list', warehouse=store.warehouse.path)}")
    for verb, versions in (("read", row["tables_read"]), ("wrote", row["tables_written"])):
        named = ", ".join(f"{name} v{version}" for name, version in sorted(versions.items()) if name != JOB_RUNS.name)
        if named:
            run.say(f"{verb} {named}")
    log.info("%s done in %.1f s", run.name, row["seconds"])
    _print_json(run, row)


def _print_json(run: Job, row: dict[str, Any]) -> None:
    if output.asked().as_json:
        output.show_json({**{name: output.plain(value) for name, value in row.items()}, "notes": run.report.notes})
