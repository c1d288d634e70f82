"""Rooms import in one direction, through doors, and heavy libraries stay in their rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "zelitrio"

BASE = frozenset({"errors", "settings"})
# Which rooms a room may import.  Nothing imports training or cli; cli may use training inside a command.
MAY_IMPORT = {
    "errors": frozenset(),
    "settings": frozenset({"errors"}),
    "protocol": BASE,
    "client": BASE | {"protocol"},
    "accounts": BASE,
    "deploy": BASE,
    "text": BASE,
    "audio": BASE,
    "bench_client": BASE,
    "bench_report": BASE,
    "networks": BASE,
    "voices": BASE | {"networks", "text"},
    "engine": BASE | {"voices", "networks", "text"},
    "session": BASE | {"engine", "protocol", "text", "audio", "voices"},
    "embedding": BASE | {"session", "engine", "protocol", "text", "audio", "voices"},
    "server": BASE | {"accounts", "session", "engine", "protocol", "text", "audio", "voices"},
    "training": BASE | {"networks", "voices", "text", "audio"},
}
MAY_IMPORT["cli"] = frozenset(MAY_IMPORT) - {"training"}

# Rooms that can be used separately, and the packages that they need.
THIRD_PARTY = {
    "errors": set[str](),
    "settings": {"attrs"},
    "protocol": {"attrs", "orjson", "pybase64"},
    "client": {"attrs", "orjson", "pybase64", "trio", "trio_websocket", "wsproto"},
    "text": {"attrs", "numpy"},
    "bench_client": {"attrs", "h11", "numpy", "orjson", "pybase64"},
    "audio": {"attrs", "av", "numpy"},
}
# The rooms that are allowed to import a library.
ONLY_IN = {
    "av": {"audio"},
    "torch": {"networks", "voices", "engine", "training"},
    "sqlite3": {"accounts"},
    "trio": {"accounts", "client", "embedding", "engine", "session", "server", "cli"},
    "trio_websocket": {"client"},
    "wsproto": {"client", "server"},
    "hypercorn": {"server"},
    "starlette": {"server"},
}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def door_names(room: str) -> set[str] | None:
    """Names in a room's `__all__`; None for a room that is a single module."""
    door = PACKAGE / room / "__init__.py"
    if not door.exists():
        return None
    for node in ast.parse(door.read_text()).body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and target.id == "__all__" and node.value is not None:
                return set(ast.literal_eval(node.value))
    return set()


def imports(tree: ast.Module) -> Iterator[tuple[str, list[str], bool]]:
    """Each import as (module, names taken from it, whether it runs when the file is imported)."""
    inner = {
        id(node)
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, [], id(node) not in inner
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            yield module, [alias.name for alias in node.names], id(node) not in inner


def violations(room: str, source: str) -> list[str]:
    """Wrong imports in a file of `room`, as sentences."""
    found: list[str] = []
    libraries: set[str] = set()
    for module, names, at_import_time in imports(ast.parse(source)):
        top, _, rest = module.partition(".")
        if module.startswith("."):
            found.append(f"{module}: relative import")
        elif top != "zelitrio":
            libraries.add(top)
        elif not rest:
            if set(names) - {"__version__"}:
                found.append(f"from zelitrio import {', '.join(names)}: import from the room")
        else:
            other, _, inside = rest.partition(".")
            if other == room:
                continue
            may = MAY_IMPORT[room] | ({"training"} if room == "cli" and not at_import_time else set())
            if other not in may:
                found.append(f"{room} may not import {other}")
            elif inside:
                found.append(f"{module}: import the room, not a file inside it")
            elif (door := door_names(other)) is not None and set(names) - door:
                found.append(f"{module} does not offer {', '.join(sorted(set(names) - door))}")
    third_party = libraries - set(sys.stdlib_module_names)
    if room in THIRD_PARTY and third_party - THIRD_PARTY[room]:
        found.append(f"{room} must do without {', '.join(sorted(third_party - THIRD_PARTY[room]))}")
    found += [
        f"{room} may not import {name}" for name in third_party if room not in ONLY_IN.get(name, {room})
    ]
    if {"trio", "torch"} <= third_party:
        found.append("imports both trio and torch")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_imports_only_what_its_room_may(path: Path) -> None:
    if path.parent == PACKAGE and path.stem.startswith("__"):
        return  # another test checks what importing the package loads
    assert violations(room_of(path), path.read_text()) == []


def test_importing_the_package_loads_no_room() -> None:
    code = "import sys, zelitrio; print([name for name in sys.modules if name.startswith('zelitrio.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_file_says_what_it_is_and_stays_small(path: Path) -> None:
    source = path.read_text()
    assert ast.get_docstring(ast.parse(source))
    assert len(source.splitlines()) <= 400


@pytest.mark.parametrize("room", [path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()])
def test_every_room_has_a_place_in_the_order_and_names_its_door(room: str) -> None:
    assert room in MAY_IMPORT
    assert door_names(room)


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("protocol", "import trio"),
        ("protocol", "from zelitrio.session import run_socket"),
        ("text", "from zelitrio import audio"),
        ("session", "from zelitrio.audio.mp3 import Mp3Encoder"),
        ("session", "from zelitrio.audio import mp3"),
        ("session", "import zelitrio.audio.mp3"),
        ("engine", "import torch\n\ndef f():\n    import trio"),
        ("server", "import av"),
        ("server", "def f():\n    from zelitrio.training import train"),
        ("cli", "from zelitrio.training import train"),
        ("audio", "from .raw import PcmEncoder"),
    ],
)
def test_a_wrong_import_is_found(room: str, source: str) -> None:
    assert violations(room, source)


def test_the_import_order_has_no_cycle() -> None:
    def reach(room: str, on_the_way: tuple[str, ...] = ()) -> None:
        assert room not in on_the_way
        for other in MAY_IMPORT[room]:
            reach(other, (*on_the_way, room))

    for room in MAY_IMPORT:
        reach(room)
