"""Keys and usage on disk."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from zelitrio.accounts.records import Key, Kind, Period, Place, Usage, UsageRow
from zelitrio.accounts.sqlite_file import SqliteFile
from zelitrio.errors import LocalError

DATABASE_NAME = "accounts.sqlite3"
_VERSION = 1
_SCHEMA = """
CREATE TABLE keys (
    name TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    created_at_s REAL NOT NULL,
    expires_at_s REAL,
    revoked_at_s REAL,
    characters INTEGER,
    period TEXT NOT NULL,
    concurrent INTEGER
) WITHOUT ROWID;
CREATE TABLE usage (
    key TEXT NOT NULL,
    day TEXT NOT NULL,
    voice TEXT NOT NULL,
    kind TEXT NOT NULL,
    characters INTEGER NOT NULL,
    audio_ms INTEGER NOT NULL,
    requests INTEGER NOT NULL,
    refusals INTEGER NOT NULL,
    PRIMARY KEY (day, key, voice, kind)
) WITHOUT ROWID;
"""
_KEY_COLUMNS = "name, digest, created_at_s, expires_at_s, revoked_at_s, characters, period, concurrent"


class Database(SqliteFile):
    """An open database of keys and usage.  Use it as a context manager, or call `close`.

    Args:
        folder: the state directory; created with mode 0700 if missing.

    Raises:
        LocalError: the file is corrupt, from a newer version, locked, or cannot be opened or written.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / DATABASE_NAME, _VERSION, _SCHEMA)

    def add_key(self, key: Key) -> None:
        """Add a key.

        Raises:
            LocalError: the name is taken, or the file cannot be written.
        """
        values = (
            key.name,
            key.digest,
            key.created_at_s,
            key.expires_at_s,
            key.revoked_at_s,
            key.characters,
            key.period.value,
            key.concurrent,
        )
        try:
            with self.explained(), self.transaction():
                self.connection.execute(
                    f"INSERT INTO keys ({_KEY_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values
                )
        except sqlite3.IntegrityError:
            raise LocalError(f"key name: expected a new name, {key.name!r} is taken") from None

    def revoke_key(self, name: str, now_s: float) -> None:
        """Mark a key as revoked.  Its name and its usage stay.

        Raises:
            LocalError: the name is unknown, its key is revoked, or the file cannot be written.
        """
        with self.explained(), self.transaction():
            done = self.connection.execute(
                "UPDATE keys SET revoked_at_s = ? WHERE name = ? AND revoked_at_s IS NULL", (now_s, name)
            )
            if done.rowcount:
                return
        known = [key.name for key in self.all_keys() if key.revoked_at_s is None]
        expected = f"expected one of {', '.join(known)}" if known else "no key is in use"
        raise LocalError(f"key name: {expected}, found {name[:80]!r}")

    def all_keys(self) -> tuple[Key, ...]:
        """All keys, including revoked ones, in the order of their creation."""
        with self.explained():
            rows = self.connection.execute(f"SELECT {_KEY_COLUMNS} FROM keys ORDER BY created_at_s, name")
            return tuple(_key_of(row) for row in rows)

    def add_usage(self, rows: Iterable[UsageRow]) -> None:
        """Add rows to the stored usage, all or none.

        Raises:
            LocalError: the file cannot be written; nothing was added.
        """
        with self.explained(), self.transaction():
            self.connection.executemany(
                "INSERT INTO usage (key, day, voice, kind, characters, audio_ms, requests, refusals)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
                " characters = characters + excluded.characters, audio_ms = audio_ms + excluded.audio_ms,"
                " requests = requests + excluded.requests, refusals = refusals + excluded.refusals",
                (
                    (
                        row.place.key,
                        row.place.day,
                        row.place.voice,
                        row.place.kind.value,
                        row.usage.characters,
                        row.usage.audio_ms,
                        row.usage.requests,
                        row.usage.refusals,
                    )
                    for row in rows
                ),
            )

    def usage(
        self, *, key: str | None = None, from_day: str = "", to_day: str = "9999-12-31"
    ) -> tuple[UsageRow, ...]:
        """The stored usage of one key or of all, both days included, the oldest first."""
        with self.explained():
            rows = self.connection.execute(
                "SELECT key, day, voice, kind, characters, audio_ms, requests, refusals FROM usage"
                " WHERE day BETWEEN ? AND ? AND (? IS NULL OR key = ?) ORDER BY day, key, voice, kind",
                (from_day, to_day, key, key),
            )
            return tuple(
                UsageRow(
                    Place(name, day, voice, Kind(kind)),
                    Usage(characters=characters, audio_ms=audio_ms, requests=requests, refusals=refusals),
                )
                for name, day, voice, kind, characters, audio_ms, requests, refusals in rows
            )

    def characters_since(self, day: str) -> dict[str, int]:
        """The characters of each key since a day, including that day."""
        with self.explained():
            rows = self.connection.execute(
                "SELECT key, SUM(characters) FROM usage WHERE day >= ? GROUP BY key", (day,)
            )
            return dict(rows.fetchall())

    def version(self) -> int:
        """A number that changes when another connection changes the file."""
        with self.explained():
            (version,) = self.connection.execute("PRAGMA data_version").fetchone()
            return int(version)


def _key_of(row: tuple[Any, ...]) -> Key:
    name, digest, created_at_s, expires_at_s, revoked_at_s, characters, period, concurrent = row
    return Key(
        name=name,
        digest=digest,
        created_at_s=created_at_s,
        expires_at_s=expires_at_s,
        revoked_at_s=revoked_at_s,
        characters=characters,
        period=Period(period),
        concurrent=concurrent,
    )
