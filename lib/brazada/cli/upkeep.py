"""Commands that look after the warehouse: what ran, upkeep of the tables, SQL for JDBC clients."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from brazada import domains
from brazada.cli.inspect import warehouse
from brazada.cli.options import with_settings
from brazada.settings import Settings

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_POLL_S = 2.0


@click.command()
@click.option("--last", default=20, show_default=True, help="How many of the newest to list.")
@click.option("--job", "name", help="Only those of this job, as `prices ingest`.")
@click.option("--failed", is_flag=True, help="Only those that failed or were stopped.")
@click.option("--follow", is_flag=True, help="Go on, and list each as it ends, until Ctrl-C.")
@with_settings
def jobs(settings: Settings, verbose: bool, last: int, name: str | None, failed: bool, follow: bool) -> None:
    """List what ran, the newest last: status, seconds, rows and error, from ops.job_runs."""
    from pyspark.sql import functions as F

    from brazada.tables.ops import JOB_RUNS

    store = warehouse(settings, verbose)

    def chosen(version: int) -> DataFrame:
        frame = store.read(JOB_RUNS.name, version).frame
        frame = frame if name is None else frame.where(F.col("job") == name)
        return frame.where("status <> 'done'") if failed else frame

    version = store.version(JOB_RUNS.name)
    _print_runs(chosen(version).orderBy(F.desc("started_at")).limit(last))
    while follow:
        time.sleep(_POLL_S)
        if (newest := store.version(JOB_RUNS.name)) > version:
            _print_runs(chosen(newest).join(chosen(version), "run_id", "left_anti"))
            version = newest


def _print_runs(frame: DataFrame) -> None:
    """Rows of ops.job_runs, the newest last."""
    from brazada.output import show

    names = ["started_at", "job", "status", "seconds", "rows_in", "rows_good", "rows_duplicate", "rows_quarantined"]
    rows = [tuple(row) for row in frame.orderBy("started_at").select(*names, "error").collect()]
    if rows:
        show([*(name.replace("_", " ") for name in names), "error"], rows)


@click.command()
@click.argument("names", nargs=-1)
@click.option(
    "--days",
    default=7,
    show_default=True,
    type=click.IntRange(min=7),
    help="Days for which old versions can be read; those that a champion learned from stay for good.",
)
@with_settings
def maintain(settings: Settings, verbose: bool, names: tuple[str, ...], days: int) -> None:
    """Join small files, remove old ones and sum up the log: of the tables NAMES, or of all. Rows stay as they are."""
    from brazada.output import show
    from brazada.report import job
    from brazada.tables.upkeep import maintain as maintained
    from brazada.training.registry.runs import champion_versions

    with job("maintain", settings, ("warehouse",), verbose) as run:
        keep = champion_versions(run.store)
        chosen = list(names) or run.store.names()
        done = []
        with run.progress("tables", total=len(chosen)) as bar:
            for name in chosen:
                bar.advance(0, name)
                done.append(maintained(run.store, name, days, keep.get(name, ())))
                bar.advance()
    show(
        ["table", "files", "before", "bytes", "bytes before", "versions kept"],
        [
            (of.table, of.files, of.files_before, of.size_bytes, of.size_bytes_before, ", ".join(map(str, of.kept)))
            for of in done
        ],
    )


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=10000, show_default=True, help="Port to listen on; 0: any that is free.")
@click.option("--refresh", default=60.0, show_default=True, help="Seconds between two looks for new tables; 0: never.")
@with_settings
def serve(settings: Settings, verbose: bool, host: str, port: int, refresh: float) -> None:
    """Serve all tables and views to JDBC clients, which only read, until Ctrl-C or SIGTERM."""
    from brazada.serve import free_port, serving, with_address

    port = free_port(host, port)
    store = warehouse(with_address(settings, host, port), verbose)
    names = store.attach(domains.views())
    with suppress(KeyboardInterrupt), serving(store.spark, host, port):
        click.echo(f"{len(names)} tables and their views at jdbc:hive2://{host}:{port}")
        click.echo(f"try: beeline -u jdbc:hive2://{host}:{port} -e 'SHOW SCHEMAS'; end with Ctrl-C")
        while True:
            time.sleep(refresh or 3600)
            if refresh:
                try:
                    store.attach(domains.views())
                except Exception as error:  # as of a table that a job is making at this moment
                    click.echo(f"warning: new tables wait for the next look: {str(error).splitlines()[0]}", err=True)
    click.echo("stopped")
