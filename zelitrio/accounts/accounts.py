"""Keys, limits and usage, for a Trio program.

The loop never waits for the disk.  Four times a second a worker thread stores new usage.  It reads keys and
totals again if another process has changed the file, so a key that another process creates is soon known
here.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import structlog
import trio

from zelitrio.accounts.database import DATABASE_NAME, Database
from zelitrio.accounts.history import Recording
from zelitrio.accounts.ledger import Ledger, Totals
from zelitrio.accounts.meters import KeyHolder, Meter
from zelitrio.accounts.records import (
    Key,
    Kind,
    Period,
    Quota,
    UsageRow,
    day_of,
    first_day_of,
    next_reset_s,
)
from zelitrio.errors import LocalError, RemoteError
from zelitrio.settings import hash_key

WRITE_EVERY_S = 0.25
"""A quarter of the second of usage that a killed process may lose; the disk takes time too."""
LAST_WRITE_S = 2.0
"""Time for the last write while the server ends."""
log = structlog.get_logger("zelitrio.accounts")


class Watcher:
    """Hooks for metrics, which do nothing by default.  No hook may wait or raise."""

    def used(self, key: str, characters: int) -> None:
        """Text of a key will be spoken."""

    def refused_key(self, key: str, reason: str) -> None:
        """A request of a key was refused: quota_exceeded or concurrent_limit_exceeded."""


@attrs.frozen
class _Stored:
    version: int
    keys: tuple[Key, ...]
    totals: Totals


class Accounts:
    """The keys of one server, and the usage of each.

    Args:
        folder: the state directory; None: nothing is stored, and only keys in `hashes` are valid.
        hashes: SHA-256 of keys outside of the database, in hex; they have no limits.
        now_s: returns seconds since 1970.  If the clock is set back, usage counts for an earlier day.
        watcher: hooks for metrics, if any.
        record: begins a stream's history item from key, kind and options; None: there is no history.
    """

    def __init__(
        self,
        folder: Path | None,
        hashes: Iterable[str] = (),
        now_s: Callable[[], float] = time.time,
        watcher: Watcher | None = None,
        record: Callable[[str, Kind, Any], Recording | None] | None = None,
    ) -> None:
        self.now_s = now_s
        self.record = record or (lambda name, kind, options: None)
        self.ledger = Ledger()
        self.watcher = watcher or Watcher()
        self.speaking: set[Meter] = set()
        """Open meters with audio that is not in the ledger yet."""
        self._folder = folder
        self._database: Database | None = None
        self._stored: _Stored | None = None
        self._fixed = tuple(
            Key(name=f"key-{digest[:8].lower()}", digest=digest.lower(), created_at_s=0.0)
            for digest in hashes
        )
        self._streams: dict[str, int] = {}
        self._by_digest: Mapping[str, Key] = {}
        self._by_name: Mapping[str, Key] = {}
        self._is_failing = False
        self.stored_at: float | None = None
        """When usage was last stored, on Trio's clock, if ever."""
        self._publish(())

    @property
    def is_open(self) -> bool:
        """Whether no key is needed, because none was ever created.

        A key is still needed after the last one is revoked.
        """
        return not self._by_digest

    @property
    def has_usable_key(self) -> bool:
        """Whether there is a key that is neither revoked nor expired."""
        return any(key.is_usable(self.now_s()) for key in self._by_digest.values())

    def find(self, credential: str) -> Key | None:
        """Return the key for a credential, unless it is unknown or revoked.

        The lookup is by SHA-256, so its time reveals nothing about the keys.

        Raises:
            RemoteError: the key has expired (`invalid_api_key`).
        """
        key = self._by_digest.get(hash_key(credential))
        if key is None or key.revoked_at_s is not None:
            return None
        if not key.is_usable(self.now_s()):
            assert key.expires_at_s is not None
            raise RemoteError(
                "invalid_api_key", f"This API key expired on {day_of(key.expires_at_s)}.", param="xi-api-key"
            )
        return key

    def holder(self, key: Key | None) -> KeyHolder:
        """The account of a key; for None, the only account of a server without keys."""
        return KeyHolder(self, key.name if key else "anonymous")

    def limits(self, name: str) -> Key | None:
        """The present entry of a key, with its limits, if the name is known."""
        return self._by_name.get(name)

    def used(self, name: str, period: Period) -> int:
        """Characters that a key used in its current period."""
        return self.ledger.used(name, period, day_of(self.now_s()))

    def lag_s(self) -> float:
        """Seconds since usage was last stored; 0 without a database."""
        return 0.0 if self.stored_at is None else trio.current_time() - self.stored_at

    def quota(self, name: str) -> Quota:
        """The limit of a key, and its use in its current period."""
        limits = self.limits(name)
        period = limits.period if limits is not None else Period.MONTH
        return Quota(
            name,
            used=self.used(name, period),
            characters=limits.characters if limits is not None else None,
            resets_at_unix=round(next_reset_s(period, self.now_s())),
        )

    async def usage(self, name: str, from_day: str, to_day: str) -> tuple[UsageRow, ...]:
        """Read the usage of one key, both days included; waits for a worker thread.

        Raises:
            LocalError: the file cannot be read.
        """
        if self._folder is None:
            return ()
        read = partial(_read_usage, self._folder, name, from_day, to_day)
        return await trio.to_thread.run_sync(read, abandon_on_cancel=True)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the database for the block, and read the keys.  At the end, remaining usage is stored.

        Raises:
            LocalError: the database cannot be opened.
        """
        if self._folder is None:
            yield
            return
        self._database = await trio.to_thread.run_sync(Database, self._folder)
        try:
            await self._exchange(self._database)
            yield
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(LAST_WRITE_S):
                await self._store()
            self._database.close()
            self._database = None

    async def run(self) -> None:
        """Store usage and read changed keys until cancelled; run it inside `open`.

        A disk failure is logged once, and usage stays in memory, up to a limit, until the disk works.
        """
        while True:
            await trio.sleep(WRITE_EVERY_S)
            await self._store()

    async def _store(self) -> None:
        if self._database is None:
            return
        try:
            await self._exchange(self._database)
        except LocalError as error:
            if not self._is_failing:
                log.error("usage_not_stored", error=str(error))
            self._is_failing = True
        else:
            if self._is_failing:
                log.info("usage_stored_again")
            self._is_failing = False

    async def _exchange(self, database: Database) -> None:
        """Write new usage; read keys and totals if they have changed."""
        for meter in self.speaking:
            meter.post()
        self.speaking.clear()
        rows = self.ledger.take()
        step = partial(_write_and_read, database, rows, day_of(self.now_s()), self._stored)
        try:
            stored = await trio.to_thread.run_sync(step)
        except BaseException:
            self.ledger.put_back()
            raise
        self.ledger.settle(stored.totals)
        self.stored_at = trio.current_time()
        if self._stored is None or stored.keys is not self._stored.keys:
            self._publish(stored.keys)
        self._stored = stored

    def _publish(self, keys: tuple[Key, ...]) -> None:
        self._by_digest = {key.digest: key for key in (*keys, *self._fixed)}
        # A stored key comes before a fixed one of the same name.
        self._by_name = {key.name: key for key in (*self._fixed, *keys)}

    def enter(self, name: str) -> None:
        """Count a new stream of a key.

        Raises:
            RemoteError: the key has reached its limit (`concurrent_limit_exceeded`).
        """
        limits, streams = self.limits(name), self._streams.get(name, 0)
        if limits is not None and limits.concurrent is not None and streams >= limits.concurrent:
            raise RemoteError(
                "concurrent_limit_exceeded",
                f"Too many concurrent requests: this API key may have {limits.concurrent}.",
            )
        self._streams[name] = streams + 1

    def leave(self, name: str) -> None:
        """Count the end of a stream."""
        self._streams[name] -= 1
        if not self._streams[name]:
            del self._streams[name]

    def check_quota(self, name: str, characters: int) -> None:
        """Check that a key's quota allows this many more characters.

        Raises:
            RemoteError: `quota_exceeded`: they exceed it; the message names the begin of the next period.
        """
        limits = self.limits(name)
        if limits is None or limits.characters is None:
            return
        left = limits.characters - self.used(name, limits.period)
        if characters > left:
            reset = time.strftime("%Y-%m-%d", time.gmtime(next_reset_s(limits.period, self.now_s())))
            raise RemoteError(
                "quota_exceeded",
                f"This request exceeds your quota of {limits.characters} characters a {limits.period.value}: "
                f"{max(0, left)} are left, {characters} are needed. The next period begins on {reset}.",
            )


def _write_and_read(
    database: Database, rows: tuple[UsageRow, ...], day: str, last: _Stored | None
) -> _Stored:
    """Store rows; read keys and totals if another process has changed them.  Runs in a worker thread."""
    if rows:
        database.add_usage(rows)
    version = database.version()
    if last is not None and (last.version, last.totals.day) == (version, day):
        return attrs.evolve(last, totals=last.totals.plus(rows))
    totals = {period: database.characters_since(first_day_of(period, day)) for period in Period}
    return _Stored(version, database.all_keys(), Totals(day, totals))


def _read_usage(folder: Path, name: str, from_day: str, to_day: str) -> tuple[UsageRow, ...]:
    with Database(folder) as database:
        return database.usage(key=name, from_day=from_day, to_day=to_day)


def has_stored_key(folder: Path) -> bool:
    """Whether a folder's database has a usable key; blocks on the disk.

    Raises:
        LocalError: the file cannot be read.
    """
    if not (folder / DATABASE_NAME).exists():
        return False
    with Database(folder) as database:
        return any(key.is_usable(time.time()) for key in database.all_keys())
