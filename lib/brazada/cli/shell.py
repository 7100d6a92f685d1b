"""The interactive shell of `brazada sql`: history, completion of names, and Spark that starts while one types."""

from __future__ import annotations

import contextlib
import os
import re
import threading
from collections.abc import Iterable
from concurrent.futures import Future
from pathlib import Path

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import FileHistory
from prompt_toolkit.lexers import PygmentsLexer
from pygments.lexers.sql import SqlLexer  # type: ignore[import-untyped]

from brazada.cli.faults import first_cause, next_command
from brazada.cli.inspect import warehouse
from brazada.cli.statements import Statements, split
from brazada.errors import BrazadaError
from brazada.session import hush_py4j
from brazada.settings import Settings

_KEYWORDS = frozenset(
    """
    SELECT FROM WHERE GROUP BY ORDER HAVING LIMIT JOIN LEFT ON USING AS DISTINCT UNION ALL WITH CASE WHEN THEN ELSE END
    AND OR NOT IN IS NULL LIKE BETWEEN EXISTS ASC DESC OVER PARTITION count sum avg min max round cast date_trunc
    VERSION OF TIMESTAMP SHOW TABLES VIEWS SCHEMAS COLUMNS DESCRIBE HISTORY EXPLAIN VALUES QUALIFY
""".split()  # noqa: SIM905 - for reading
)
_HELP = r"""A statement ends in a semicolon and may have several lines. Nothing it says can change a table.
  \d            list the tables and views        \d NAME     show the columns of one
  \x            rows one below the other, or in a table again where they fit
  \q, Ctrl-D    leave        Ctrl-C    clear the line, or stop the statement that runs        Tab    complete a name"""
_WORD = re.compile(r"[\w.\\]+$")


class Shell:
    """Reads statements from a terminal and runs them, until the user leaves."""

    def __init__(self, settings: Settings, verbose: bool, style: str | None, allow_files: bool) -> None:
        self._settings, self._style = settings, style
        self._statements: Future[Statements] = Future()

        def start() -> None:
            try:
                statements = Statements(settings, warehouse(settings, verbose), style, allow_files)
                with contextlib.suppress(Exception):  # a statement will say what is wrong
                    statements.warm_up()
                self._statements.set_result(statements)
            except BaseException as error:
                self._statements.set_exception(error)

        threading.Thread(target=start, daemon=True).start()

    def run(self) -> None:
        """Read and run until the end of the input."""
        hush_py4j()
        click.echo(
            rf"{self._settings.warehouse.shown}, read only. \? helps, \q leaves. Spark starts meanwhile.", err=True
        )
        prompt: PromptSession[str] = PromptSession(
            "sql> ",
            history=FileHistory(_history()),
            completer=Names(self._statements),
            complete_in_thread=True,
            complete_while_typing=False,
            enable_history_search=True,
            lexer=PygmentsLexer(SqlLexer),
            multiline=Condition(lambda: not finished(prompt.default_buffer.text)),
            prompt_continuation="...> ",
        )
        while True:
            try:
                text = prompt.prompt().strip()
            except KeyboardInterrupt:
                continue
            except EOFError:
                return
            if text in ("\\q", "quit", "exit", "quit;", "exit;"):
                return
            self._answer(text)

    def _answer(self, text: str) -> None:
        """Run what was typed; no error of it ends the shell."""
        try:
            statements = self._ready()
            if text.startswith("\\"):
                self._own(statements, text)
                return
            for each in split(text):
                statements.run(each)
        except KeyboardInterrupt:
            self._stop()
        except BrazadaError as error:
            click.echo(f"error: {error}", err=True)
            if following := next_command(error):
                click.echo(f"next: {following}", err=True)
        except Exception as error:
            if self._statements.exception():
                raise  # Spark did not start, and never will
            click.echo(f"error: {first_cause(error)}", err=True)

    def _ready(self) -> Statements:
        """What runs statements, once Spark has started."""
        if not self._statements.done():
            click.echo("waiting for Spark to start", err=True)
        return self._statements.result()

    def _own(self, statements: Statements, text: str) -> None:
        """One of the shell's own commands."""
        word, _, rest = text.rstrip(";").partition(" ")
        if word == "\\d" and rest.strip():
            statements.run(f"DESCRIBE {rest.strip()}")
        elif word == "\\d":
            click.echo("\n".join(statements.names()))
        elif word == "\\x":
            statements.style = None if statements.style == "vertical" else "vertical"
            click.echo("rows one below the other" if statements.style else "rows in a table where they fit", err=True)
        else:
            click.echo(_HELP)

    def _stop(self) -> None:
        """End what Spark runs: in a thread of its own, for Ctrl-C may have cut this one's connection short."""
        if not self._statements.done():
            return
        context = self._statements.result().store.spark.sparkContext
        stopping = threading.Thread(target=context.cancelAllJobs)
        stopping.start()
        stopping.join()
        click.echo("stopped", err=True)


class Names(Completer):
    """Completes names of tables and views, of the columns of those that the text names, and SQL's words."""

    def __init__(self, statements: Future[Statements]) -> None:
        self._statements = statements
        self._columns: dict[str, list[str]] = {}

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:  # noqa: ARG002
        """The words that begin as the one before the cursor does."""
        found = _WORD.search(document.text_before_cursor)
        typed = found[0] if found else ""
        for word in sorted({*self._known(document.text)} | _KEYWORDS, key=lambda word: (word.isupper(), word)):
            if word.lower().startswith(typed.lower()) and word != typed:
                yield Completion(word, start_position=-len(typed))

    def _known(self, text: str) -> list[str]:
        if not self._statements.done():
            return []
        statements = self._statements.result()
        names = statements.names()
        for name in names:
            if name in text and name not in self._columns:
                try:
                    self._columns[name] = statements.columns(name)
                except Exception:  # the statement will say what is wrong with it; typing goes on
                    self._columns[name] = []
        return [*names, *(column for name in names if name in text for column in self._columns[name])]


def finished(text: str) -> bool:
    """Whether Enter is to run a text: an own command, nothing at all, or statements with their semicolons."""
    text = text.strip()
    if not text or text.startswith("\\") or text in ("quit", "exit"):
        return True
    return bool(split(text)) and split(text) == split(text, unfinished=False)


def _history() -> str:
    """The file of statements that were typed before."""
    base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    file = base / "brazada" / "sql_history"
    file.parent.mkdir(parents=True, exist_ok=True)
    return str(file)
