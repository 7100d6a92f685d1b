"""The options every command takes, and the context a job runs in."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable
from typing import Any, get_args

import click

from brazada.settings import Environment, Settings, load

_OPTIONS = (
    click.option(
        "--env", default="local", metavar="|".join(get_args(Environment)), show_default=True, help="Where it runs."
    ),
    click.option("--conf", type=click.Path(exists=True, dir_okay=False), help="YAML file on top of the environment's."),
    click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="One setting, dotted; repeatable."),
    click.option("--warehouse", metavar="DIR", help="Where tables live.  [default: $BRAZADA_WAREHOUSE or ./warehouse]"),
    click.option("--verbose", is_flag=True, help="Spark's own log, and tracebacks."),
)


again_option = click.option(
    "--again", is_flag=True, help="Judge known files anew, whether or not the settings that judged them are the same."
)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the common options, and hand it `settings` and `verbose` in their place."""

    @functools.wraps(command)
    def run(
        *, env: str, conf: str | None, overrides: tuple[str, ...], warehouse: str | None, verbose: bool, **rest: Any
    ) -> None:
        named = [f"warehouse.path={json.dumps(warehouse)}"] if warehouse else []
        settings: Settings = load(env, conf, [*named, *overrides])
        command(settings=settings, verbose=verbose, **rest)

    for option in reversed(_OPTIONS):
        run = option(run)
    return run
