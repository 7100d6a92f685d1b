"""Command lines of `brazada` as a deployment has them, read by the command itself; nothing is run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import click

from brazada import domains
from brazada.cli import cli
from brazada.errors import BrazadaError
from brazada.settings import load


def faults(words: Sequence[str], variables: Mapping[str, str]) -> Iterator[str]:
    """What the command would refuse in its words (without `brazada`), and in its settings under these variables."""
    line = f"`brazada {' '.join(words)}`"
    try:
        command, rest = cli, list(words)
        while isinstance(command, click.Group):
            if not rest or (found := command.get_command(click.Context(command), rest[0])) is None:
                yield f"{line}: expected a command of {command.name}; found {rest[0] if rest else 'none'}"
                return
            command, rest = found, rest[1:]
        given = command.make_context(command.name, rest, **cli.context_settings).params
        tasks = _tasks(given["env"], given["conf"], given["overrides"], tuple(sorted(variables.items())))
        named = given.get("task") or (given.get("name") if command.name == "evaluate" else None)
        if named and named not in tasks:
            yield f"{line}: expected a task out of {', '.join(tasks)}; found {named}"
    except (click.exceptions.Exit, click.ClickException) as error:
        yield f"{line}: {error.format_message() if isinstance(error, click.ClickException) else 'runs no job'}"
    except BrazadaError as error:
        yield f"{line}: {error}"


@cache
def _tasks(env: str, conf: str | None, overrides: tuple[str, ...], variables: tuple[tuple[str, str], ...]) -> list[str]:
    """The names of the tasks under these settings, which are read, and checked, once. Raises SettingsError."""
    settings = load(env, conf, overrides, dict(variables))
    return sorted({task.name for task in domains.tasks(settings.of)})
