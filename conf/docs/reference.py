"""The reference pages of the site, made from code when the site is built: a hook of MkDocs (mkdocs.yml)."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import click
import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from pydantic import BaseModel
from pyspark.sql import SparkSession
from pyspark.sql.types import StructType

import brazada
from brazada import domains, session
from brazada.cli import cli
from brazada.settings import CONF_DIR, _text, load
from brazada.tables import literal

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = re.compile(r"\[([^\]]*)\]\(\.\./[^)]*\)")
SPARK = "https://spark.apache.org/docs/3.5.5/configuration.html"
_WIDTH = 80  # of a signature in one line
DATA = {  # settings that are lists of data, and where they are explained
    "layouts": "How the source's files look: [a new source](../how-to/new-source.md)",
    "units": "Published units in base units: [a new source](../how-to/new-source.md)",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made from code."""
    made = {"settings": settings, "commands": commands, "tables": tables, "python": python}
    for name, page in made.items():
        files.append(File.generated(config, f"reference/{name}.md", content=page()))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Name the files that a page links to outside of the site, which has none of them."""
    return markdown if "/" in page.file.src_uri else OUTSIDE.sub(r"\1", markdown)


# --- settings


def settings() -> str:
    """Every setting: its default and its meaning, by section."""
    lines = [
        "# Settings",
        "",
        "Settings come from `conf/base.yaml`, then the environment's file (`conf/local.yaml`, `databricks.yaml`,"
        " `emr.yaml`), then `--conf FILE`, then variables (`BRAZADA_WAREHOUSE`, `BRAZADA__TRAINING__RANKS=1`), then"
        " `--set training.ranks=1`; the later wins. An unknown key is an error that names the nearest known one."
        " Defaults are those of `--env local`.",
    ]
    found = load(variables={})
    in_yaml = _said_in_yaml()
    section = ""
    for key, value, meaning in _walk_settings(found, ""):
        if key.partition(".")[0] != section:
            section = key.partition(".")[0]
            lines += ["", f"## {section}", "", "| setting | default | meaning |", "|---|---|---|"]
        lines.append(f"| `{key}` | `{_text(value)}` | {_cell(in_yaml.get(key) or meaning)} |")
    return "\n".join(lines) + "\n"


def _walk_settings(section: BaseModel, prefix: str) -> Iterator[tuple[str, Any, str]]:
    """Key, value and meaning (as its class has it) of every setting of a section and of those in it."""
    comments = _comments(type(section))
    for name, field in type(section).model_fields.items():
        value, key = getattr(section, name), f"{prefix}.{name}" if prefix else name
        parts = value if isinstance(value, dict) else {}
        if isinstance(value, BaseModel):
            yield from _walk_settings(value, key)
        elif name in DATA:
            yield key, "…", DATA[name]
        elif parts and all(isinstance(part, BaseModel) for part in parts.values()):
            for inner, part in parts.items():
                yield from _walk_settings(part, f"{key}.{inner}")
        elif key == "spark.config":
            yield from ((f"{key}.{inner}", part, "[Spark's own](" + SPARK + ")") for inner, part in parts.items())
        else:
            plain = section.model_dump(mode="json", include={name})[name]
            yield key, plain, field.description or comments.get(name, "")


def _said_in_yaml() -> dict[str, str]:
    """The comment beside each key of conf/base.yaml, by its dotted key."""
    text = (CONF_DIR / "base.yaml").read_text(encoding="utf-8")
    lines = text.splitlines()
    found = {}

    def walk(node: yaml.Node, prefix: str) -> None:
        for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
            name = f"{prefix}.{key.value}" if prefix else str(key.value)
            line = lines[key.start_mark.line]
            comment = re.search(r"\s#\s(.*)$", line)
            if comment and line.lstrip().startswith(f"{key.value}:"):
                found[name] = comment.group(1)
            walk(value, name)

    walk(yaml.compose(text, yaml.SafeLoader), "")
    return found


def _comments(kind: type[BaseModel]) -> dict[str, str]:
    """What stands behind a field on its line, in the source of its class and of those it inherits from."""
    found = {}
    for one in reversed(kind.__mro__):
        try:
            source = textwrap.dedent(inspect.getsource(one)) if one.__module__.startswith("brazada.") else ""
        except OSError:  # the whole of the settings is put together when they are read
            source = ""
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.AnnAssign) and (comment := re.search(r"\s#\s(.*)$", lines[node.lineno - 1])):
                found[ast.unparse(node.target)] = comment.group(1)
    return found


# --- commands


def commands() -> str:
    """Every command, with its arguments and options."""
    lines = [
        "# Commands",
        "",
        "Exit codes: 0 done, 1 failed, 2 bad usage or settings, 130 stopped by Ctrl-C. `brazada COMMAND --help` says"
        " the same as this page.",
    ]
    shared = _shared_options()
    lines += ["", "## Options of nearly every command", "", "| option | meaning |", "|---|---|", *map(_option, shared)]
    for context, command in _walk(click.Context(cli, info_name="brazada", **cli.context_settings)):
        own = [p for p in command.params if isinstance(p, click.Option) and p.name not in {s.name for s in shared}]
        usage = " ".join(command.collect_usage_pieces(context))
        lines += ["", f"## {context.command_path}", "", _prose(command.help), ""]
        lines += ["```", f"{context.command_path} {usage}", "```"]
        if own:
            lines += ["", "| option | meaning |", "|---|---|", *map(_option, own)]
    return "\n".join(lines) + "\n"


def _walk(context: click.Context) -> Iterator[tuple[click.Context, click.Command]]:
    group = cast("click.Group", context.command)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is None or command.hidden:
            continue
        inner = click.Context(command, info_name=name, parent=context)
        if isinstance(command, click.Group):
            yield from _walk(inner)
        else:
            yield inner, command


def _shared_options() -> list[click.Option]:
    """The options that more than half of the commands have."""
    found = [command for _, command in _walk(click.Context(cli, info_name="brazada", **cli.context_settings))]
    options = {p.name: p for command in found for p in command.params if isinstance(p, click.Option)}
    counts = Counter(p.name for command in found for p in command.params)
    return [option for name, option in options.items() if counts[name] > len(found) / 2]


def _option(option: click.Option) -> str:
    context = click.Context(cli, **cli.context_settings)
    name, text = option.get_help_record(context) or ("", "")
    return f"| `{name}` | {_cell(text)} |"


# --- tables and views


def tables() -> str:
    """Every table with its columns, key and constraints; every view with what it shows and its query."""
    lines = [
        "# Tables and views",
        "",
        "All are Delta tables and Spark views, at `<warehouse>/<schema>/<table>` or in a catalog. `brazada tables NAME`"
        " shows the same, with the history; `brazada sql` queries them.",
    ]
    for table in domains.tables():
        lines += ["", f"## {table.name}", "", table.comment, "", f"Key: `{', '.join(table.key)}`."]
        if table.partition_by:
            lines[-1] += f" Partitioned by `{', '.join(table.partition_by)}`."
        for name, condition in table.constraints.items():
            lines[-1] += f" Constraint `{name}`: `{condition}`."
        lines += ["", "| column | type | null | meaning |", "|---|---|---|---|"]
        for column in table.columns:
            null = "yes" if column.nullable else "no"
            kind = column.dataType.simpleString()
            lines.append(f"| `{column.name}` | `{kind}` | {null} | {_cell(column.metadata['comment'])} |")
    lines += ["", "# Views"]
    schemas = view_columns()
    for view in domains.views():
        lines += [
            "",
            f"## {view.name}",
            "",
            f"{view.comment} Reads {', '.join(f'`{name}`' for name in view.tables)}.",
            "",
        ]
        lines += ["| column | type | meaning |", "|---|---|---|"]
        for column in schemas[view.name]:
            text = column.metadata.get("comment", "")
            lines.append(f"| `{column.name}` | `{column.dataType.simpleString()}` | {_cell(text)} |")
        query = textwrap.indent(inspect.cleandoc(view.query), "    ")
        lines += ["", '??? note "Its query"', "", "    ```sql", *query.splitlines(), "    ```"]
    return "\n".join(lines) + "\n"


def view_columns() -> dict[str, StructType]:
    """The columns of every view, as Spark tells them of empty tables; it takes a session of its own."""
    with TemporaryDirectory(prefix="brazada-docs-") as folder:
        spark = session.start(load(overrides=[f"warehouse.path={folder}", "spark.master=local[1]"], variables={}))
        try:
            declare(spark)
            return {view.name: spark.table(view.name).schema for view in domains.views()}
        finally:
            spark.stop()


def declare(spark: SparkSession) -> None:
    """Make every table, without rows, and every view in a session's catalog."""
    for schema in load(variables={}).schemas:
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for table in domains.tables():
        columns = ", ".join(
            f"`{c.name}` {c.dataType.simpleString()} COMMENT {literal(c.metadata['comment'])}" for c in table.columns
        )
        spark.sql(f"CREATE TABLE {table.name} ({columns}) USING parquet")
    for view in domains.views():
        spark.sql(f"CREATE OR REPLACE VIEW {view.name} AS {view.query}")


# --- the Python API


def python() -> str:
    """`brazada.open` and what it returns, from signatures and docstrings."""
    from brazada.api import Warehouse

    lines = ["# Python", "", *_documented("brazada.open", brazada.open)]
    lines += ["", "## What it returns", "", _prose(Warehouse.__doc__)]
    for name, member in vars(Warehouse).items():
        if not name.startswith("_"):
            lines += ["", *_documented(f"warehouse.{name}", member)]
    return "\n".join(lines) + "\n"


def _documented(name: str, of: Any) -> list[str]:
    signature = str(inspect.signature(of)).replace("(self, ", "(").replace("(self)", "()")
    signature = re.sub(r"(: |-> )'([^']*)'", r"\1\2", signature)  # annotations come as texts
    if len(name + signature) > _WIDTH:
        inner, _, returned = signature[1:].rpartition(")")
        signature = "(\n    " + ",\n    ".join(inner.split(", ")) + f",\n){returned}"
    return [f"### `{name}`", "", "```python", f"{name}{signature}", "```", "", _prose(of.__doc__)]


def _prose(text: str | None) -> str:
    """A docstring as Markdown."""
    return inspect.cleandoc(text or "").replace("<", "&lt;")


def _cell(text: str) -> str:
    """A text as a table may hold it."""
    return " ".join(text.split()).replace("<", "&lt;").replace("|", "\\|")
