"""`zelitrio keys`: each fault is reported in one line, and nothing is lost."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from one_line import only_line
from unprivileged import unprivileged

from zelitrio.accounts import Database
from zelitrio.accounts.database import DATABASE_NAME
from zelitrio.cli.app import run


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZELITRIO_TRACEBACK", raising=False)
    monkeypatch.setattr("zelitrio.accounts.sqlite_file._WAIT_FOR_LOCK_S", 0.05)


def keys(folder: Path, *words: str) -> int:
    return run(["keys", *words, "--state-dir", str(folder)])


def names(folder: Path) -> list[str]:
    with Database(folder) as database:
        return [key.name for key in database.all_keys()]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["create", "app"], "key name: expected a new name, 'app' is taken"),
        (["create", "a b"], "name: expected 1 to 64 letters"),
        (
            ["create", "new", "--characters", "-5"],
            "characters: expected a whole number of 1 or more, found -5",
        ),
        (["create", "new", "--characters=0"], "characters: expected a whole number of 1 or more, found 0"),
        (
            ["create", "new", "--concurrent", "-1"],
            "concurrent: expected a whole number of 1 or more, found -1",
        ),
        (["create", "new", "--characters", "1.5"], "characters"),
        (["create", "new", "--characters", "many"], "characters"),
        (["create", "new", "--per", "week"], "week"),
        (["create", "new", "--expires=-3d"], "--expires: expected a duration such as 12h"),
        (["create", "new", "--expires", "0d"], "--expires: expected a duration such as 12h"),
        (["create", "new", "--expires", "tomorrow"], "--expires: expected a duration such as 12h"),
        (["create"], "parameter --name requires an argument"),
        (["revoke", "other"], "key name: expected one of app, found 'other'"),
        (["usage", "--from", "yesterday"], "--from: expected a day such as 2026-11-26, found 'yesterday'"),
        (["usage", "--from", "2026-11-26", "--to", "2026-11-25"], "--from: expected a day up to 2026-11-25"),
        (["usage", "--csv", "--json"], "--csv and --json: expected one of them"),
    ],
)
def test_a_fault_is_one_error_line_and_changes_nothing(
    words: list[str], line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys(tmp_path, "create", "app") == 0
    capsys.readouterr()
    assert keys(tmp_path, *words) == 2
    assert line in only_line(capsys)
    assert names(tmp_path) == ["app"]


def spoil(folder: Path) -> None:
    path = folder / DATABASE_NAME
    path.write_bytes(b"SQLite format 3\0" + bytes(5000))


def newer(folder: Path) -> None:
    connection = sqlite3.connect(folder / DATABASE_NAME)
    connection.execute("PRAGMA user_version = 9")
    connection.close()


COMMANDS = (["create", "new"], ["list"], ["revoke", "app"], ["usage"])


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
@pytest.mark.parametrize(
    ("change", "line"),
    [
        (spoil, "corrupt: .*; move it away to start with an empty file, or restore a copy"),
        (newer, "expected version 1 or older, found 9 of a newer zelitrio"),
    ],
)
def test_a_file_that_is_wrong_is_named_and_kept(
    words: list[str],
    change: Callable[[Path], None],
    line: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert keys(tmp_path, "create", "app") == 0
    change(tmp_path)
    before = (tmp_path / DATABASE_NAME).read_bytes()
    capsys.readouterr()
    assert keys(tmp_path, *words) == 2
    said = only_line(capsys)
    assert said.startswith(f"zelitrio: {tmp_path / DATABASE_NAME}: ")
    assert re.search(line, said)
    assert (tmp_path / DATABASE_NAME).read_bytes() == before


@pytest.mark.parametrize("words", (["create", "new"], ["revoke", "app"]), ids=lambda words: words[0])
def test_a_file_that_another_process_holds_is_said_to_be_locked(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys(tmp_path, "create", "app") == 0
    capsys.readouterr()
    holder = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    try:
        assert keys(tmp_path, *words) == 2
        assert f"{DATABASE_NAME}: locked by another process for more than" in only_line(capsys)
        assert keys(tmp_path, "list") == 0  # readers do not wait for the lock
    finally:
        holder.close()
    assert names(tmp_path) == ["app"]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_disk_that_cannot_be_written_is_named(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with unprivileged() as folder:
        assert keys(folder, "create", "app") == 0
        capsys.readouterr()
        for path in folder.iterdir():
            path.chmod(0o400)
        folder.chmod(0o500)
        assert keys(folder, *words) == 2
        assert f"{folder / DATABASE_NAME}: " in only_line(capsys)
        assert keys(folder / "below", *words) == 2
        assert f"{folder / 'below'}: Permission denied" in only_line(capsys)
        folder.chmod(0o700)
        for path in folder.iterdir():
            path.chmod(0o600)
        assert names(folder) == ["app"]


def test_a_clock_that_is_set_back_keeps_keys_and_usage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert keys(tmp_path, "create", "app", "--expires", "1d") == 0
    real = time.time
    with monkeypatch.context() as patched:
        patched.setattr(time, "time", lambda: real() - 400 * 86_400)
        assert keys(tmp_path, "create", "earlier", "--expires", "1d") == 0
        assert keys(tmp_path, "list") == 0
        assert keys(tmp_path, "revoke", "earlier") == 0
    capsys.readouterr()
    assert keys(tmp_path, "list") == 0
    assert "app" in (said := capsys.readouterr().out) and "earlier" in said
    assert sorted(names(tmp_path)) == ["app", "earlier"]
