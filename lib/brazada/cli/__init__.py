"""The `brazada` command. The files under `jobs/` run the same commands by spark-submit."""

from __future__ import annotations

import io
import sys
from collections.abc import Sequence

import click

from brazada import __version__, domains
from brazada.cli.inspect import doctor, sql, tables
from brazada.cli.models import evaluate, predict, runs, tasks, train
from brazada.cli.pages import report
from brazada.cli.quarantine import quarantine
from brazada.cli.simulate import simulate
from brazada.errors import BrazadaError


class Commands(click.Group):
    """The commands of every domain, beside those that serve all of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted([*super().list_commands(ctx), *(domain.name for domain in domains.DOMAINS)])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        return domains.commands(cmd_name) or super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(__version__, prog_name="brazada")
def cli() -> None:
    """Spark jobs from raw files to Delta tables, to distributed training, to forecasts in SQL."""


for command in (doctor, tables, sql, quarantine, tasks, train, evaluate, predict, runs, report, simulate):
    cli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line and exit: 0 done, 1 failed, 2 bad usage or settings."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    for stream in (sys.stdout, sys.stderr):  # a terminal that knows no Unicode gets signs for it, not an error
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        cli.main(words, prog_name="brazada", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped by the user", err=True)
        sys.exit(130)
    except BrazadaError as error:
        click.echo(f"error: {error}", err=True)
        sys.exit(error.exit_code)
    except Exception as error:
        if "--verbose" in words:
            raise
        click.echo(f"error: {_cause(error)} (--verbose shows where)", err=True)
        sys.exit(1)


def _cause(error: Exception) -> str:
    """The line that says what lies at the root: of a Java exception its own message, not that a call failed."""
    cause = getattr(error, "java_exception", None)
    while cause is not None and cause.getCause() is not None:
        cause = cause.getCause()
    text = str(error) if cause is None else str(cause.getMessage())
    lines = text.strip().splitlines() or [""]
    # Of an error in a Python worker the message is a traceback, and the last line what it says.
    return f"{type(error).__name__}: {lines[-1 if 'Traceback (most recent call last)' in text else 0]}"
