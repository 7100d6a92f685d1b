"""Every command in README and docs is one: the real command line takes its words and options."""

import contextlib
import re
from pathlib import Path

import click
import pytest
import reference
from shown import FILES, commands

from brazada.cli import cli
from brazada.settings import load

ROOT = Path(__file__).resolve().parents[2]

FOUND = {" ".join(words): (words, block) for words, block in sorted(commands(), key=lambda found: found[1])}
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
NAMES = {"COMMAND", "toy"}  # that are no commands here


@pytest.fixture
def any_path(monkeypatch):
    """Paths need not be there to be named."""
    for kind in (click.Path, click.File):
        monkeypatch.setattr(kind, "convert", lambda _, value, *__: value)


def parse(words):
    """Take a command line apart as the command does. Raises UsageError for what it does not know."""
    context, command, rest = click.Context(cli, info_name="brazada", **cli.context_settings), cli, words
    while isinstance(command, click.Group) and rest[0] not in context.help_option_names:
        name, command, rest = command.resolve_command(context, rest)
        context = click.Context(command, info_name=name, parent=context)
    with contextlib.suppress(click.exceptions.Exit):  # of -h and --version
        command.make_context(command.name, list(rest), parent=context.parent)


@pytest.mark.parametrize("line", FOUND)
def test_a_command_of_the_documents_is_one(line, any_path):
    words, block = FOUND[line]
    if words[0] == "make":
        assert {word for word in words[1:] if "=" not in word} <= TARGETS
    elif words[0] == "brazada" and NAMES.isdisjoint(words):
        try:
            parse(words[1:])
        except click.MissingParameter:
            assert not block
    else:
        scripts = [word for word in words if word.endswith(".py")]
        assert all((ROOT / script).is_file() for script in scripts), scripts


def test_commands_are_found_and_wrong_ones_are_refused(any_path):
    assert len(FOUND) > 60
    for words in (["prices", "fly"], ["tables", "--colour"], ["swim", "alerts"], ["train", "a", "b"]):
        with pytest.raises(click.UsageError):
            parse(words)


def test_links_lead_to_files():
    for file in FILES:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            generated = "reference/" in target
            assert generated or (file.parent / target).exists(), f"{file}: {target}"


def test_every_setting_has_a_meaning():
    rows = [line for line in reference.settings().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    assert [row for row in rows if row.endswith("|  |")] == []


@pytest.mark.parametrize("page", [reference.settings, reference.commands, reference.python])
def test_what_is_made_from_code_is_no_html(page):
    prose = re.sub(r"```.*?```|`[^`]*`", "", page(), flags=re.DOTALL)
    assert "<" not in prose


@pytest.mark.parametrize(
    "block", [b for f in FILES for b in re.findall(r"^```yaml\n(.*?)^```", f.read_text(), re.M | re.S)]
)
def test_settings_in_the_documents_are_taken(block, tmp_path):
    (tmp_path / "my.yaml").write_text(block, encoding="utf-8")
    load(conf=tmp_path / "my.yaml", variables={})


def test_readme_can_be_read_in_a_minute_or_two():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150
