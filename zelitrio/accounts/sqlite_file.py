"""Open and check an SQLite file; each error becomes one clear line.

Every call blocks on the disk, for at most five seconds if another process has locked the file.  One thread at
a time may use a file.  It is in WAL mode (https://sqlite.org/wal.html): readers never wait for a writer, and
a killed process loses no committed row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from zelitrio.errors import LocalError

_WAIT_FOR_LOCK_S = 5.0
_MAGIC = b"SQLite format 3\0"


class SqliteFile:
    """An open file.  Use it as a context manager, or call `close`.

    Args:
        path: of the file.  A missing file gets mode 0600, a missing folder 0700.
        version: version of the tables.
        schema: SQL that makes the tables of a new file.

    Attributes:
        path: of the file.
        connection: to the file.

    Raises:
        LocalError: the file is corrupt, from a newer version, locked, or cannot be opened or written.
    """

    def __init__(self, path: Path, version: int, schema: str) -> None:
        self.path = path
        with self.explained():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._check_magic()
            # Made before SQLite opens it, because SQLite gives its other files the same mode.
            path.touch(mode=0o600)
            self.connection = sqlite3.connect(
                path, timeout=_WAIT_FOR_LOCK_S, isolation_level=None, check_same_thread=False
            )
        try:
            with self.explained():
                self._prepare(version, schema)
        except BaseException:
            self.connection.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all statements of the block, or none if it raises."""
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            raise
        self.connection.execute("COMMIT")

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Turn an error of the disk or of SQLite into one line that names the file."""
        try:
            yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.OperationalError as error:
            text = str(error)
            if "locked" in text:
                text = f"locked by another process for more than {_WAIT_FOR_LOCK_S:g} s"
            raise LocalError(f"{self.path}: {text}") from error
        except sqlite3.DatabaseError as error:
            raise LocalError(
                f"{self.path}: corrupt: {error}; move it away to start with an empty file, or restore a copy"
            ) from error
        except OSError as error:
            raise LocalError(f"{error.filename or self.path}: {error.strerror}") from error

    def _check_magic(self) -> None:
        """Refuse a file that is not a database, because SQLite would overwrite a very short one."""
        if self.path.exists() and self.path.stat().st_size:
            with self.path.open("rb") as file:
                if file.read(len(_MAGIC)) != _MAGIC:
                    raise sqlite3.DatabaseError("not a SQLite file")

    def _prepare(self, expected: int, schema: str) -> None:
        with closing(self.connection.execute("PRAGMA user_version")) as found:
            (version,) = found.fetchone()
        if version > expected:
            raise LocalError(
                f"{self.path}: expected version {expected} or older, found {version} of a newer zelitrio"
            )
        self.connection.execute("PRAGMA journal_mode = WAL")
        self.connection.execute("PRAGMA synchronous = NORMAL")
        if version == 0:
            with self.transaction():
                # Another process may have made the tables meanwhile.
                (again,) = self.connection.execute("PRAGMA user_version").fetchone()
                if again == 0:
                    for statement in (*schema.split(";"), f"PRAGMA user_version = {expected}"):
                        self.connection.execute(statement)
        (report,) = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        if report != "ok":
            raise sqlite3.DatabaseError(report)
