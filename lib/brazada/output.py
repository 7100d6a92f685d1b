"""How a command speaks: to people on a terminal, to other programs as JSON; and commands as one can paste them."""

from __future__ import annotations

import json
import math
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text


@dataclass(frozen=True)
class Output:
    """What a command line asks for: how much it says, in which form, and into which file beside the terminal."""

    quiet: bool = False
    as_json: bool = False
    show_settings: bool = False
    log_file: str | None = None


_output: ContextVar[Output] = ContextVar("output")  # one command line after another, as tests run them


def speak(output: Output) -> None:
    """Speak so from here on."""
    _output.set(output)


def asked() -> Output:
    """How to speak."""
    return _output.get(Output())


def stdout() -> Console:
    """Standard output at the terminal's width, and wide enough for whole rows where it is piped.

    With `--json` it prints nothing: what `show` writes is all that a program reads.
    """
    quiet = asked().as_json
    width = None if sys.stdout.isatty() else 200
    return Console(highlight=False, quiet=quiet, width=width)


def show(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print rows as a table in which every number has the one format, or with `--json` as one line of JSON.

    The first column, which names the row, is never broken.
    """
    from brazada.pages.blocks import cell

    if asked().as_json:
        show_json({"title": title, "rows": [dict(zip(columns, map(plain, row), strict=True)) for row in rows]})
        return
    shown = [[cell(value) for value in row] for row in rows]
    grid = Grid(title=title or None)
    for place, name in enumerate(columns):
        numbers = bool(shown) and all(row[place][1] for row in shown)
        grid.add_column(Text(name), justify="right" if numbers else "left", no_wrap=place == 0)
    for row in shown:
        grid.add_row(*(Text(printable(text)) for text, _ in row))
    stdout().print(grid)


def show_json(found: Mapping[str, Any]) -> None:
    """Print one line of JSON."""
    sys.stdout.write(json.dumps(found, ensure_ascii=False) + "\n")
    sys.stdout.flush()


def plain(value: Any) -> Any:
    """A value in JSON's terms: structs and maps as objects, dates as text, bytes as hex, no NaN or infinity."""
    if isinstance(value, dict):
        return {str(plain(key)): plain(part) for key, part in value.items()}
    if hasattr(value, "asDict"):
        return {key: plain(part) for key, part in zip(value.__fields__, value, strict=True)}
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, bool | int | str) else str(value)


def printable(text: str) -> str:
    """The text without signs that would command the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def command(*words: str, warehouse: str | None = None) -> str:
    """A whole command line that can be pasted into a shell; the warehouse is named where it is not the default one."""
    program = "brazada"
    if not shutil.which(program) and Path(sys.argv[0]).name == program:
        program = sys.argv[0]
    where = ("--warehouse", warehouse) if warehouse not in (None, "./warehouse") else ()
    return " ".join(map(_quoted, (program, *words, *map(str, where))))


def _quoted(word: str) -> str:
    """A word as a shell reads it: in double quotes where it holds single ones, as SQL does."""
    plainly = "'" not in word or re.search(r'["$`\\!]', word)
    return shlex.quote(word) if plainly else f'"{word}"'
