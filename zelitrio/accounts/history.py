"""The history of each key, for a Trio program, with a limit of age and of size.

A stream's text and audio are gathered in memory.  After its end, a worker thread stores them in one
transaction: an item is stored whole or not at all.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
import structlog
import trio

from zelitrio.accounts.history_file import HistoryFile, HistoryItem, HistoryQuery
from zelitrio.errors import LocalError

STORE_EVERY_S = 0.25
PRUNE_EVERY_S = 60.0
LAST_STORE_S = 2.0
"""Time to store the last items while the server ends."""
MAX_HELD_BYTES = 256 * 1024 * 1024
"""Text and audio in memory: of open streams, and of items that are not stored yet."""
MAX_ITEM_BYTES = 64 * 1024 * 1024
"""A larger item is not stored."""
_DAY_S = 86_400
_Found = TypeVar("_Found")
log = structlog.get_logger("zelitrio.history")


class History:
    """The items of all keys of one server.

    Args:
        folder: the state directory.
        days: age at which an item is deleted.
        max_bytes: limit of all items; the oldest are deleted first.
        now_s: returns seconds since 1970.
    """

    def __init__(
        self, folder: Path, days: int, max_bytes: int, now_s: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._days = days
        self._max_bytes = max_bytes
        self.now_s = now_s
        self._file: HistoryFile | None = None
        self._using = trio.Lock()
        self._pending: list[tuple[HistoryItem, bytes]] = []
        self._held = 0
        self._is_failing = False
        self._is_full = False

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Open the file for the block; at the end, the last items are stored.

        Raises:
            LocalError: the file cannot be opened.
        """
        self._file = await trio.to_thread.run_sync(HistoryFile, self._folder)
        try:
            yield
        finally:
            with trio.CancelScope(shield=True), trio.move_on_after(LAST_STORE_S):
                await self._store()
            self._file.close()
            self._file = None

    async def run(self) -> None:
        """Store finished items, and delete items beyond the limits, until cancelled.

        A disk failure is logged once, and items stay in memory, up to a limit, until the disk works.
        """
        prune_at = trio.current_time()
        while True:
            await trio.sleep(STORE_EVERY_S)
            if await self._store() or trio.current_time() >= prune_at:
                prune = partial(HistoryFile.prune, oldest_s=self._oldest_s, max_bytes=self._max_bytes)
                async with self._using:
                    await self._try(prune)
                prune_at = trio.current_time() + PRUNE_EVERY_S

    @property
    def _oldest_s(self) -> float:
        return self.now_s() - self._days * _DAY_S

    def begin(self, item: HistoryItem) -> Recording:
        """Begin an item, without its text.  Close the recording when its stream ends."""
        return Recording(self, item)

    async def find(self, key: str, item_id: str) -> HistoryItem | None:
        """Find an item of a key by its id, if it exists.

        Raises:
            LocalError: the file cannot be read.
        """
        return await self._read(partial(HistoryFile.find, key=key, item_id=item_id))

    async def audio(self, key: str, item_id: str) -> tuple[HistoryItem, bytes] | None:
        """Return an item of a key with its audio, if it exists.

        Raises:
            LocalError: the file cannot be read.
        """
        return await self._read(partial(HistoryFile.audio, key=key, item_id=item_id))

    async def page(self, key: str, query: HistoryQuery) -> tuple[list[HistoryItem], bool] | None:
        """Return a page of a key's items, and whether more follow; None if `query.after` is unknown.

        Raises:
            LocalError: the file cannot be read.
        """
        since_s = max(query.since_s or 0.0, self._oldest_s)
        return await self._read(
            partial(HistoryFile.page, key=key, query=attrs.evolve(query, since_s=since_s))
        )

    async def remove(self, key: str, item_id: str) -> bool:
        """Delete an item of a key; return whether there was one.

        Raises:
            LocalError: the file cannot be written.
        """
        return await self._read(partial(HistoryFile.remove, key=key, item_id=item_id))

    async def _read(self, work: Callable[[HistoryFile], _Found]) -> _Found:
        """Store all ended items, then read from the file in a worker thread."""
        await self._store()
        async with self._using:
            if self._file is None:
                raise LocalError("history: closed")
            return await trio.to_thread.run_sync(work, self._file)

    async def _store(self) -> bool:
        async with self._using:
            items = tuple(self._pending)
            if not items or not await self._try(partial(HistoryFile.add, items=items)):
                return False
            self._pending = self._pending[len(items) :]
            self.hold(-sum(_size(item.text, audio) for item, audio in items))
            return True

    async def _try(self, work: Callable[[HistoryFile], object]) -> bool:
        """Write to the file and return whether it succeeded; log the first failure, and its end.

        `_using` must be held.
        """
        if self._file is None:
            return False
        try:
            await trio.to_thread.run_sync(work, self._file)
        except LocalError as error:
            if not self._is_failing:
                log.error("history_not_stored", error=str(error))
            self._is_failing = True
            return False
        if self._is_failing:
            log.info("history_stored_again")
        self._is_failing = False
        return True

    def put(self, item: HistoryItem, audio: bytes) -> None:
        """Queue a finished item after `hold` has counted its size."""
        self._pending.append((item, audio))

    def hold(self, size: int) -> bool:
        """Count memory, or free it if `size` is negative; return whether there was room."""
        if size > 0 and self._held + size > MAX_HELD_BYTES:
            if not self._is_full:
                log.error("history_full", held=self._held, hint="items are not stored until space is free")
            self._is_full = True
            return False
        self._held += size
        if self._held < MAX_HELD_BYTES // 2:
            self._is_full = False
        return True


@attrs.define(eq=False)
class Recording:
    """Text and audio of one stream.  No method waits."""

    _history: History
    _item: HistoryItem
    _texts: list[str] = attrs.field(factory=list, init=False)
    _audio: bytearray = attrs.field(factory=bytearray, init=False)
    _size: int = attrs.field(default=0, init=False)
    _is_over: bool = attrs.field(default=False, init=False)

    @property
    def item_id(self) -> str:
        """The item's id."""
        return self._item.item_id

    def keep(self, text: str, audio: bytes) -> None:
        """Add text, or audio, or both."""
        if self._is_over:
            return
        size = _size(text, audio)
        if self._size + size > MAX_ITEM_BYTES or not self._history.hold(size):
            self._give_up()
            return
        self._size += size
        if text:
            self._texts.append(text)
        self._audio += audio

    def close(self) -> None:
        """Queue the item if it has audio; a second call does nothing."""
        if self._is_over:
            return
        if not self._audio:
            self._give_up()
            return
        self._is_over = True
        self._history.put(attrs.evolve(self._item, text="".join(self._texts)), bytes(self._audio))
        self._texts, self._audio = [], bytearray()

    def _give_up(self) -> None:
        self._is_over = True
        self._history.hold(-self._size)
        self._texts, self._audio = [], bytearray()


def _size(text: str, audio: bytes) -> int:
    return 4 * len(text) + len(audio)
