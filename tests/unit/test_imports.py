"""Imports point down: a domain knows the shared rooms, they know no domain, and no module leads back to itself."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

LIB = Path(__file__).resolve().parents[2] / "lib"
DOMAINS = ("images", "prices", "sensors", "swim")
# What a room may know beside itself. Who knows the list of domains is free to know each of them.
KNOWS = {
    "errors": set(),
    "section": set(),
    "tables": {"errors", "settings"},
    "ingest": {"errors", "report", "session", "tables"},
    "training": {"__init__", "errors", "report", "section", "session", "settings", "tables"},
    "session": {"errors", "settings"},
    "pages": {"tables"},
    "report": {"session", "settings", "tables"},
    **{name: {"errors", "ingest", "pages", "report", "section", "session", "tables", "training"} for name in DOMAINS},
}


def imports(path):
    """The modules and packages of brazada that a file names, those for type checkers too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "brazada":
            yield from (f"{node.module}.{name.name}" for name in node.names)
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] == "brazada")


def modules():
    """By name the modules that each module of the package imports."""
    files = {".".join(path.relative_to(LIB).with_suffix("").parts): path for path in LIB.rglob("*.py")}
    found = {}
    for module, path in files.items():
        # `from package import name` names a module, or something in one.
        named = {next((x for x in (name, name.rpartition(".")[0]) if x in files), None) for name in imports(path)}
        found[module] = named - {None, module}
    return found


GRAPH = modules()


@pytest.mark.parametrize("room", KNOWS)
def test_a_room_knows_only_what_lies_below_it(room):
    for module, named in GRAPH.items():
        if module.split(".")[1:2] == [room]:
            rooms = {[*name.split("."), "__init__"][1] for name in named} - {room}
            assert rooms <= KNOWS[room], f"{module} imports {', '.join(sorted(rooms - KNOWS[room]))}"


def test_no_module_leads_back_to_itself():
    order = list(TopologicalSorter(GRAPH).static_order())  # raises CycleError, which names the circle
    assert len(order) > 100
