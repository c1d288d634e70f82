"""The wheel has every file, declares every dependency, and works without the repository."""

from __future__ import annotations

import ast
import subprocess
import sys
import sysconfig
import tomllib
import zipfile
from collections.abc import Mapping
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "zelitrio"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "training": ("train", "bench"),
    "voices": ("espeak", "hub", "japanese", "chinese"),
    "server": ("otel", "zeroconf"),
}
"""Rooms that can also import packages of these extras."""
SOURCES = sorted(PACKAGE.rglob("*.py"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = out.glob("*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_package(wheel: Path) -> None:
    files = {
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    with zipfile.ZipFile(wheel) as opened:
        names = set(opened.namelist())
    assert files <= names
    folders = {name.partition("/")[0] for name in names}
    assert folders == {"zelitrio", f"zelitrio-{PROJECT['version']}.dist-info"}
    assert any(name.endswith("/licenses/NOTICE") for name in names)


def test_the_wheel_speaks_without_the_repository(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path / "site")
    # -S: no .pth file, so the repository's own editable install is not found.
    paths = [str(tmp_path / "site"), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    paths += [path for path in sys.path if path.endswith("site-packages")]
    script = (
        f"import sys; sys.path += {paths}\n"
        "import zelitrio.server, zelitrio.client\n"
        "from zelitrio.cli import main\n"
        f"assert zelitrio.__file__.startswith({str(tmp_path)!r})\n"
        "main(['speak', 'Hello there.', '--out', 'hello.wav'])\n"
    )
    command = [sys.executable, "-I", "-S", "-c", script]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "s of speech as wav_24000" in done.stdout
    assert (tmp_path / "hello.wav").stat().st_size > 20_000


def declared(requirements: list[str]) -> set[str]:
    """Names of distributions, as `packages_distributions` writes them in lower case."""
    return {
        requirement.translate(str.maketrans("<>=!~[;", "       ")).split()[0].lower().replace("_", "-")
        for requirement in requirements
    }


@cache
def distributions() -> Mapping[str, list[str]]:
    return packages_distributions()  # takes half a second


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_package_that_is_imported_is_declared(path: Path) -> None:
    room = path.relative_to(PACKAGE).parts[0]
    known = declared(PROJECT["dependencies"])
    for extra in EXTRAS.get(room, ()):
        known |= declared(PROJECT["optional-dependencies"][extra])
    for node in ast.walk(ast.parse(path.read_text())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        for name in names:
            top = name.partition(".")[0]
            if top in sys.stdlib_module_names or top in ("zelitrio", "__future__"):
                continue
            offered = {one.lower().replace("_", "-") for one in distributions().get(top, [top])}
            assert offered & known, f"{name} is imported and not declared"
