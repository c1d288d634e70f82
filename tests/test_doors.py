"""A room's `__init__` exports exactly what other rooms import."""

from __future__ import annotations

import ast
import re
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "zelitrio"
DOORS = sorted(path for path in PACKAGE.rglob("__init__.py") if "__all__" in path.read_text())
FOR_EMBEDDERS = (PACKAGE / "__init__.py", PACKAGE / "client" / "__init__.py")
"""Public rooms for other programs: their docstrings document names."""


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def offered(door: Path) -> set[str]:
    """The names in a door's `__all__`."""
    (value,) = (
        node.value
        for node in tree(door).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )
    return set(ast.literal_eval(value))


def taken(source: ast.Module) -> set[tuple[str, str]]:
    """The names that a file takes from modules: by `from`, or as attributes of an imported module."""
    found = set[tuple[str, str]]()
    modules = dict[str, str]()
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            found |= {(node.module, alias.name) for alias in node.names}
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            modules |= {alias.asname or alias.name: alias.name for alias in node.names}
    for node in ast.walk(source):
        if isinstance(node, ast.Attribute) and (name := dotted(node.value)) in modules:
            found.add((modules[name], node.attr))
    return found


def dotted(node: ast.expr) -> str:
    """A name with dots; empty for any other expression."""
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


@cache
def uses() -> dict[Path, set[tuple[str, str]]]:
    """The names that each file takes."""
    folders = ("zelitrio", "bench", "tests")
    return {path: taken(tree(path)) for folder in folders for path in (ROOT / folder).rglob("*.py")}


def documented(door: Path) -> set[str]:
    """The names in the docstring of a public room, and those that README's code imports."""
    readme = (ROOT / "README.md").read_text()
    code = re.findall(r"```python\n(.*?)```", readme, re.DOTALL)
    found = {name for one in code for module, name in taken(ast.parse(one)) if module == module_of(door)}
    if door in FOR_EMBEDDERS:
        found |= set(re.findall(r"`(\w+)`", ast.get_docstring(tree(door)) or ""))
    return found


def module_of(door: Path) -> str:
    return ".".join(door.parent.relative_to(ROOT).parts)


def unused(door: Path) -> set[str]:
    """The names of a door that no program outside its room imports and no document mentions.

    Tests do not count: a name that only tests import is not needed outside.
    """
    outside = [
        used
        for path, used in uses().items()
        if not path.is_relative_to(ROOT / "tests")
        and (not path.is_relative_to(door.parent) or door.parent == PACKAGE)
    ]
    imported = {name for used in outside for module, name in used if module == module_of(door)}
    return offered(door) - imported - documented(door) - commands(module_of(door))


def commands(module: str) -> set[str]:
    """The functions of a module that the installed programs call."""
    described = tomllib.loads((ROOT / "pyproject.toml").read_text())
    entries = [entry.split(":") for entry in described["project"]["scripts"].values()]
    return {function for room, function in entries if room == module}


@pytest.mark.parametrize("door", DOORS, ids=module_of)
def test_a_door_exports_only_imported_or_documented_names(door: Path) -> None:
    assert unused(door) == set()


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from zelitrio.text import Word, Break as Pause", {"Word", "Break"}),
        ("import zelitrio.text\nzelitrio.text.Word()", {"Word"}),
        ("from zelitrio import text as written\nprint(written.Word, other.Break)", {"Word"}),
        ("from zelitrio.text.types import Word", set()),
        ("from zelitrio.protocol import Text", set()),
    ],
)
def test_every_way_to_import_a_name_is_seen(source: str, names: set[str]) -> None:
    assert {name for module, name in taken(ast.parse(source)) if module == "zelitrio.text"} == names
