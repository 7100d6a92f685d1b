"""Statements are told apart as SQL does; the shell waits for their end; names are completed and mistyped ones found."""

from concurrent.futures import Future

import pytest
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document

from brazada.cli.shell import Names, finished
from brazada.cli.statements import split
from brazada.tables.local import nearest


@pytest.mark.parametrize(
    ("text", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;\n SELECT 2 ;", ["SELECT 1", "SELECT 2"]),
        ("SELECT ';', \"a;b\", `c;d`; SELECT 'it\\'s;'", ["SELECT ';', \"a;b\", `c;d`", "SELECT 'it\\'s;'"]),
        ("SELECT 1 -- one; two\n; /* three; */ SELECT 3", ["SELECT 1 -- one; two", "/* three; */ SELECT 3"]),
        (" ;; -- nothing\n/* at all */;", []),
    ],
)
def test_a_semicolon_ends_a_statement_but_not_within_a_text(text, statements):
    assert split(text) == statements


@pytest.mark.parametrize(
    ("text", "ends"),
    [("", True), ("\\d", True), ("exit", True), ("SELECT 1", False), ("SELECT ';", False), ("SELECT 1;", True),
     ("SELECT 1; SELECT", False), ("SELECT 1; -- done", True)],
)  # fmt: skip
def test_enter_runs_whole_statements(text, ends):
    assert finished(text) == ends


class Known:
    """Statements over a warehouse of one table."""

    def names(self):
        return ["sea.boats"]

    def columns(self, name):
        return {"sea.boats": ["name", "length_m"]}[name]


def completed(text, statements):
    at = text.index("|")
    document = Document(text.replace("|", ""), at)
    return [found.text for found in Names(statements).get_completions(document, CompleteEvent())]


def test_names_are_completed_and_columns_of_what_is_named():
    ready: Future = Future()
    assert completed("SELECT * FROM sea|", ready) == []  # Spark has not started
    ready.set_result(Known())
    assert completed("SELECT * FROM sea.b|", ready) == ["sea.boats"]
    assert completed("SELECT len| FROM sea.boats", ready) == ["length_m"]
    assert completed("SEL|", ready) == ["SELECT"]
    assert completed("SELECT len|", ready) == []


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("prices.seris", ["prices.series"]), ("forecasts", ["prices.forecasts"]), ("swim.forecasts", ["prices.forecasts"]),
     ("PRICES.Series", ["prices.series"]), ("moon.phases", [])],
)  # fmt: skip
def test_the_nearest_name(typed, meant):
    assert nearest(typed, ["prices.series", "prices.forecasts", "swim.laps"]) == meant
