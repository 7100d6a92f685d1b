"""The options every command takes, and the context a job runs in."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable
from typing import Any, get_args

import click

from brazada.output import Output, speak
from brazada.settings import Environment, Settings, load

_OPTIONS = (
    click.option(
        "--env",
        default="local",
        metavar="|".join(get_args(Environment)),
        show_default=True,
        help="Run in this environment.",
    ),
    click.option(
        "--conf",
        type=click.Path(exists=True, dir_okay=False),
        help="Read settings from this YAML file too, on top of the environment's.",
    ),
    click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="KEY=VALUE",
        help="Set one setting by its dotted name; can be repeated.",
    ),
    click.option(
        "--warehouse",
        metavar="DIR",
        help="Use the tables in this folder.  [default: $BRAZADA_WAREHOUSE or ./warehouse]",
    ),
    click.option("--show-settings", is_flag=True, help="Show all settings of a job, not only those you changed."),
    click.option("--quiet", is_flag=True, help="Print results, warnings and errors only."),
    click.option("--json", "as_json", is_flag=True, help="Print results as lines of JSON on standard output."),
    click.option(
        "--log-file", type=click.Path(dir_okay=False), help="Append what a job says to this file, with times."
    ),
    click.option("--verbose", is_flag=True, help="Print Spark's own log, and tracebacks of errors."),
)
_SPEECH = tuple(field.name for field in dataclasses.fields(Output))


class Group(click.Group):
    """Commands whose list shows the first paragraph of each one's help as a whole."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list."""
        listed = [(name, self.get_command(ctx, name)) for name in self.list_commands(ctx)]
        rows = [(name, _first(each)) for name, each in listed if each and not each.hidden]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def _first(command: click.Command) -> str:
    return " ".join((command.help or "").split("\n\n")[0].split())


again_option = click.option(
    "--again", is_flag=True, help="Judge known files anew, whether or not the settings that judged them are the same."
)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options, and hand it `settings` and `verbose` in their place."""

    @functools.wraps(command)
    def run(*, env: str, conf: str | None, overrides: tuple[str, ...], warehouse: str | None, **rest: Any) -> None:
        speak(Output(**{name: rest.pop(name) for name in _SPEECH}))
        named = [f"warehouse.path={json.dumps(warehouse, ensure_ascii=False)}"] if warehouse else []
        settings: Settings = load(env, conf, [*named, *overrides])
        command(settings=settings, **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run
