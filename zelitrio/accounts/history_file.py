"""The history on disk: an SQLite file with a row for each item."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import attrs

from zelitrio.accounts.sqlite_file import SqliteFile

HISTORY_NAME = "history.sqlite3"
_VERSION = 1
# The audio has its own table, so that lists and sums do not read it.
_SCHEMA = """
CREATE TABLE items (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    item_id TEXT NOT NULL UNIQUE,
    key TEXT NOT NULL,
    created_at_s REAL NOT NULL,
    voice_id TEXT NOT NULL,
    voice_name TEXT NOT NULL,
    model_id TEXT,
    request_id TEXT,
    kind TEXT NOT NULL,
    format TEXT NOT NULL,
    settings TEXT NOT NULL,
    text TEXT NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE INDEX items_of_key ON items (key, number);
CREATE TABLE audio (
    number INTEGER PRIMARY KEY REFERENCES items (number) ON DELETE CASCADE,
    data BLOB NOT NULL
)"""
_COLUMNS = (
    "item_id, key, created_at_s, voice_id, voice_name, model_id, request_id, kind, format, settings, text"
)


@attrs.frozen(kw_only=True)
class HistoryItem:
    """One spoken text.

    Attributes:
        item_id: unique id.
        key: name of the account.
        created_at_s: seconds since 1970.
        voice_id, voice_name, model_id: the voice and the requested model.
        request_id: id of the request or socket.
        kind: the interface of the request; a `Kind`.
        format: name of the audio's format.
        settings: voice settings as JSON.
        text: the client's text.
    """

    item_id: str = attrs.field(factory=partial(secrets.token_hex, 10))
    key: str
    created_at_s: float
    voice_id: str
    voice_name: str
    model_id: str | None
    request_id: str | None
    kind: str
    format: str
    settings: str
    text: str = ""


@attrs.frozen(kw_only=True)
class HistoryQuery:
    """A query for items of a key.

    Attributes:
        size: limit of items on a page.
        after: id of the last item of the previous page, if any.
        search: part of the text, in any case.
        since_s: begin of the time range, included.
        before_s: end of the time range, excluded.
        oldest_first: whether the oldest items come first.
    """

    size: int
    after: str | None = None
    voice_id: str | None = None
    model_id: str | None = None
    search: str | None = None
    since_s: float | None = None
    before_s: float | None = None
    oldest_first: bool = False


class HistoryFile(SqliteFile):
    """An open file of history items.

    Args:
        folder: the state directory.

    Raises:
        LocalError: the file is corrupt, from a newer version, locked, or cannot be opened or written.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / HISTORY_NAME, _VERSION, _SCHEMA)
        with self.explained():
            # Text is private.  Deleted text is overwritten.
            for pragma in ("foreign_keys = ON", "secure_delete = ON"):
                self.connection.execute(f"PRAGMA {pragma}")

    def add(self, items: Iterable[tuple[HistoryItem, bytes]]) -> None:
        """Store items with their audio, all or none.

        Raises:
            LocalError: the file cannot be written; nothing was stored.
        """
        with self.explained(), self.transaction():
            for item, audio in items:
                row = self.connection.execute(
                    f"INSERT INTO items ({_COLUMNS}, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*attrs.astuple(item), len(audio) + len(item.text)),
                )
                self.connection.execute("INSERT INTO audio VALUES (?, ?)", (row.lastrowid, audio))

    def prune(self, oldest_s: float, max_bytes: int) -> int:
        """Delete items older than a time, and the oldest ones beyond a total size; return their number.

        Raises:
            LocalError: the file cannot be written.
        """
        with self.explained():
            beyond = (
                "SELECT number FROM (SELECT number, created_at_s, SUM(bytes) OVER (ORDER BY number DESC)"
                " AS total FROM items) WHERE total > ? OR created_at_s < ?"
            )
            with self.transaction():
                deleted = self.connection.execute(
                    f"DELETE FROM items WHERE number IN ({beyond})", (max_bytes, oldest_s)
                ).rowcount
            self._forget(deleted)
        return deleted

    def remove(self, key: str, item_id: str) -> bool:
        """Delete an item of a key; return whether there was one.

        Raises:
            LocalError: the file cannot be written.
        """
        with self.explained():
            with self.transaction():
                deleted = self.connection.execute(
                    "DELETE FROM items WHERE key = ? AND item_id = ?", (key, item_id)
                ).rowcount
            self._forget(deleted)
        return bool(deleted)

    def _forget(self, deleted: int) -> None:
        if deleted:  # the write-ahead log still has the deleted data
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

    def find(self, key: str, item_id: str) -> HistoryItem | None:
        """Return an item of a key, if it exists.

        Raises:
            LocalError: the file cannot be read.
        """
        with self.explained():
            found = self.connection.execute(
                f"SELECT {_COLUMNS} FROM items WHERE key = ? AND item_id = ?", (key, item_id)
            ).fetchone()
        return None if found is None else _item_of(found)

    def audio(self, key: str, item_id: str) -> tuple[HistoryItem, bytes] | None:
        """Return an item of a key with its audio, if it exists.

        Raises:
            LocalError: the file cannot be read.
        """
        with self.explained():
            found = self.connection.execute(
                f"SELECT {_COLUMNS}, data FROM items JOIN audio USING (number) WHERE key = ? AND item_id = ?",
                (key, item_id),
            ).fetchone()
        return None if found is None else (_item_of(found[:-1]), found[-1])

    def page(self, key: str, query: HistoryQuery) -> tuple[list[HistoryItem], bool] | None:
        """Return a page of a key's items, and whether more follow; None if `query.after` is unknown.

        Raises:
            LocalError: the file cannot be read.
        """
        conditions: list[str] = ["key = ?"]
        values: list[object] = [key]
        order, follows = ("ASC", ">") if query.oldest_first else ("DESC", "<")
        with self.explained():
            if query.after is not None:
                if self.find(key, query.after) is None:
                    return None
                conditions.append(f"number {follows} (SELECT number FROM items WHERE item_id = ?)")
                values.append(query.after)
            for condition, value in (
                ("voice_id = ?", query.voice_id),
                ("model_id = ?", query.model_id),
                ("instr(lower(text), lower(?))", query.search),
                ("created_at_s >= ?", query.since_s),
                ("created_at_s < ?", query.before_s),
            ):
                if value is not None:
                    conditions.append(condition)
                    values.append(value)
            rows = self.connection.execute(
                f"SELECT {_COLUMNS} FROM items WHERE {' AND '.join(conditions)}"
                f" ORDER BY number {order} LIMIT ?",
                (*values, query.size + 1),
            ).fetchall()
        return [_item_of(row) for row in rows[: query.size]], len(rows) > query.size


def _item_of(row: tuple[object, ...]) -> HistoryItem:
    names = [field.name for field in attrs.fields(HistoryItem)]
    return HistoryItem(**dict(zip(names, row, strict=True)))  # type: ignore[arg-type]
