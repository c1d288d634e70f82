"""The SQLite file: its content, and one clear line for each kind of wrong file."""

import sqlite3
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from killed import kill_writer

from zelitrio.accounts import (
    Database,
    Key,
    Kind,
    Period,
    UsageRow,
)
from zelitrio.accounts.database import DATABASE_NAME
from zelitrio.accounts.records import Place, Usage
from zelitrio.errors import LocalError
from zelitrio.settings import hash_key


def a_key(name: str = "app", **more: object) -> Key:
    return Key(name=name, digest=hash_key(f"secret of {name}"), created_at_s=1000.0, **more)  # type: ignore[arg-type]


def a_row(day: str = "2026-11-26", key: str = "app", **usage: int) -> UsageRow:
    return UsageRow(Place(key, day, "zeli-voice-1", Kind.HTTP), Usage(**usage))


def test_a_key_comes_back_as_it_was_stored(tmp_path: Path) -> None:
    key = a_key(expires_at_s=2000.5, characters=10_000, period=Period.DAY, concurrent=3)
    with Database(tmp_path) as database:
        database.add_key(key)
    with Database(tmp_path) as database:
        assert database.all_keys() == (key,)


def test_the_key_itself_is_not_in_the_file(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        database.add_key(a_key())
    stored = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"secret of app" not in stored
    assert hash_key("secret of app").encode() in stored


def test_a_name_that_is_taken_is_refused(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        database.add_key(a_key())
        with pytest.raises(LocalError, match="expected a new name, 'app' is taken"):
            database.add_key(a_key())
        database.revoke_key("app", 1500.0)
        with pytest.raises(LocalError, match="taken"):
            database.add_key(a_key())


def test_revoking_twice_or_an_unknown_name_is_refused(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        with pytest.raises(LocalError, match="no key is in use, found 'app'"):
            database.revoke_key("app", 1.0)
        database.add_key(a_key())
        database.add_key(a_key("other"))
        database.revoke_key("app", 1.0)
        with pytest.raises(LocalError, match="expected one of other, found 'app'"):
            database.revoke_key("app", 2.0)
        assert [key.revoked_at_s for key in database.all_keys()] == [1.0, None]


@pytest.mark.parametrize("name", ["", " ", "a b", "-x", "a" * 65, "x\n", "\x1b[31m"])
def test_a_name_that_would_break_a_table_or_a_terminal_is_refused(name: str) -> None:
    with pytest.raises(LocalError, match="expected 1 to 64 letters"):
        a_key(name)


@pytest.mark.parametrize(
    "limit", [{"characters": 0}, {"characters": -5}, {"concurrent": 0}, {"concurrent": -1}]
)
def test_a_limit_below_one_is_refused(limit: dict[str, int]) -> None:
    with pytest.raises(LocalError, match="expected a whole number of 1 or more"):
        a_key(**limit)


def test_usage_adds_up_per_place(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        database.add_usage([a_row(characters=10, audio_ms=900, requests=1)])
        database.add_usage([a_row(characters=5, refusals=1), a_row(day="2026-11-27", characters=7)])
        assert [row.usage for row in database.usage()] == [
            Usage(characters=15, audio_ms=900, requests=1, refusals=1),
            Usage(characters=7),
        ]
        assert database.usage(key="other") == ()
        assert [row.place.day for row in database.usage(from_day="2026-11-27")] == ["2026-11-27"]
        assert database.characters_since("2026-11-27") == {"app": 7}


def test_a_file_from_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    Database(tmp_path).close()
    with sqlite3.connect(tmp_path / DATABASE_NAME) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(LocalError, match=f"{DATABASE_NAME}: expected version 1 or older, found 7"):
        Database(tmp_path)


@settings(max_examples=25, deadline=None)
@given(st.binary(min_size=1, max_size=5000))
def test_an_error_names_an_invalid_database_file_and_keeps_it(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes
) -> None:
    folder = tmp_path_factory.mktemp("state")
    (folder / DATABASE_NAME).write_bytes(junk)
    with pytest.raises(LocalError, match=DATABASE_NAME):
        Database(folder)
    assert (folder / DATABASE_NAME).read_bytes() == junk


def test_a_page_of_zeros_in_the_middle_is_found_at_the_start(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        for number in range(400):
            database.add_usage([a_row(key=f"key-{number}", characters=1)])
    path = tmp_path / DATABASE_NAME
    content = bytearray(path.read_bytes())
    assert len(content) > 5 * 4096
    content[4 * 4096 : 5 * 4096] = bytes(4096)
    path.write_bytes(content)
    with pytest.raises(LocalError, match="corrupt"):
        Database(tmp_path)


def test_a_locked_file_is_said_to_be_locked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zelitrio.accounts.sqlite_file._WAIT_FOR_LOCK_S", 0.05)
    Database(tmp_path).close()
    holder = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        with Database(tmp_path) as database, pytest.raises(LocalError, match="locked by another process"):
            database.add_key(a_key())
    finally:
        holder.close()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match=r"file.*: (File exists|Not a directory)"):
        Database(tmp_path / "file" / "state")


def test_a_full_disk_stores_nothing_by_halves(tmp_path: Path) -> None:
    with Database(tmp_path) as database:
        database.add_usage([a_row(characters=1)])
        database.connection.execute("PRAGMA max_page_count = 5")
        with pytest.raises(LocalError, match="full"):
            database.add_usage([a_row(key=f"key-{number:04}", characters=1) for number in range(2000)])
        assert database.characters_since("2026-01-01") == {"app": 1}


def _write_until_killed(folder: str, started: object) -> None:
    database = Database(Path(folder))
    number = 0
    while True:
        number += 1
        database.add_usage([a_row(characters=1, requests=1)])
        if number == 50:
            started.set()  # type: ignore[attr-defined]


def test_a_writer_that_is_killed_leaves_a_sound_file(tmp_path: Path) -> None:
    kill_writer(_write_until_killed, tmp_path)
    with Database(tmp_path) as database:
        (row,) = database.usage()
        assert row.usage.characters == row.usage.requests >= 50
