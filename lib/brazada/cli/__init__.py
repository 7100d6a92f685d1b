"""The `brazada` command. The files under `jobs/` run the same commands by spark-submit."""

from __future__ import annotations

import io
import sys
import traceback
from collections.abc import Sequence

import click

from brazada import __version__, domains
from brazada.cli.faults import first_cause, next_command
from brazada.cli.inspect import doctor, tables
from brazada.cli.models import evaluate, predict, runs, tasks, train
from brazada.cli.options import Group
from brazada.cli.pages import report
from brazada.cli.quarantine import quarantine
from brazada.cli.simulate import simulate
from brazada.cli.sql import sql
from brazada.cli.upkeep import jobs, maintain, serve
from brazada.errors import BrazadaError, Terminated
from brazada.yarn import report_failure


class Commands(Group):
    """The commands of every domain, beside those that serve all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted([*super().list_commands(ctx), *(domain.name for domain in domains.DOMAINS)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return domains.commands(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, "-V", "--version", prog_name="brazada")
def cli() -> None:
    """Run Spark jobs from raw files to Delta tables, to distributed training, to forecasts in SQL."""


for command in (
    *(doctor, tables, sql, quarantine, jobs, maintain, serve, report),
    *(tasks, train, evaluate, predict, runs, simulate),
):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 failed, 2 bad usage or settings, 130 Ctrl-C, 143 SIGTERM."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows no Unicode gets signs for it, not an error
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(words, prog_name="brazada", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        report_failure(error.format_message(), error.exit_code)
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt) as error:
        by_signal = Terminated in {type(error), type(error.__cause__)}  # click raises its Abort from it
        click.echo("stopped by SIGTERM" if by_signal else "stopped by the user", err=True)
        sys.exit(143 if by_signal else 130)
    except BrazadaError as error:
        if "--verbose" in words:
            traceback.print_exc()
        click.echo(f"error: {error}", err=True)
        if following := next_command(error):
            click.echo(f"next: {following}", err=True)
        report_failure(str(error), error.exit_code)
        sys.exit(error.exit_code)
    except Exception as error:
        if "--verbose" in words:
            raise
        said = f"{first_cause(error)} (--verbose shows where)"
        click.echo(f"error: {said}", err=True)
        report_failure(said, 1)
        sys.exit(1)
