"""Listeners of a fleet: conversations of a few sentences, each played in real time.

A listener keeps a multi-context socket for its conversation.  It requests a sentence, plays it, and requests
the next one.  It reconnects at once if its socket was closed with 1012 or broke.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from zelitrio.bench_client import SENTENCES
from zelitrio.client import ClientAudio, ClientFailure, ClientFinal, MultiClient, open_multi_client
from zelitrio.errors import RemoteError

_BYTES_PER_S = 48_000  # pcm_24000
_PATIENCE_S = 10.0
"""A listener gives an utterance up after this time without audio."""
_AGAIN_S = 0.05
"""Wait before a reconnect after an error."""
_BUSY_S = 0.5
"""Wait before a request is repeated to a busy server."""
_BEGIN_WITHIN_S = 3.0
_SENTENCES_EACH = (2, 4)
"""Fewest and most sentences of a conversation.  Sockets end and begin all the time."""


@attrs.define(eq=False)
class Tally:
    """The results of all listeners in one phase."""

    conversations: int = 0
    whole: int = 0
    """Utterances received to their end."""
    first_s: list[float] = attrs.field(factory=list)
    late_s: list[float] = attrs.field(factory=list)
    cut: Counter[str] = attrs.field(factory=Counter)
    """Utterances that ended after their first audio, by error."""
    asked_again: Counter[str] = attrs.field(factory=Counter)
    """Requests that failed before any audio, by error; each was repeated."""
    reconnects: Counter[str] = attrs.field(factory=Counter)
    """Sockets that ended too early, by error."""
    refused: Counter[str] = attrs.field(factory=Counter)
    """Connections that were not accepted, by error."""
    back_s: list[float] = attrs.field(factory=list)
    """Times from the loss of a socket to an open one."""


@asynccontextmanager
async def listening(url: str, listeners: int, seed: int, tally: Tally) -> AsyncIterator[None]:
    """Run listeners for the time of the block; each then finishes its utterance."""
    over = trio.Event()
    async with trio.open_nursery() as nursery:
        for number in range(listeners):
            nursery.start_soon(_Listener(url, random.Random(f"{seed} {number}"), tally, over).run)
        try:
            yield
        finally:
            over.set()


@attrs.define(eq=False)
class _Listener:
    url: str
    chance: random.Random
    tally: Tally
    over: trio.Event
    lost_at: float | None = attrs.field(default=None, init=False)
    """When its last socket ended too early; None if it did not."""

    async def run(self) -> None:
        await trio.sleep(self.chance.uniform(0, _BEGIN_WITHIN_S))
        while not self.over.is_set():
            is_open = False
            try:
                async with open_multi_client(self.url, output_format="pcm_24000") as client:
                    is_open = True
                    self._opened()
                    await self._converse(client)
            except RemoteError as error:
                (self.tally.reconnects if is_open else self.tally.refused)[_name(error)] += 1
                self.lost_at = self.lost_at or trio.current_time()
                await trio.sleep(_AGAIN_S)

    def _opened(self) -> None:
        self.tally.conversations += 1
        if self.lost_at is not None:
            self.tally.back_s.append(trio.current_time() - self.lost_at)
            self.lost_at = None

    async def _converse(self, client: MultiClient) -> None:
        for number in range(self.chance.randint(*_SENTENCES_EACH)):
            if self.over.is_set() or not await self._utter(client, f"u{number}"):
                return

    async def _utter(self, client: MultiClient, name: str) -> bool:
        """Request one sentence and play it; return whether the socket is still usable.

        Raises:
            RemoteError: the socket ended.
        """
        tally, asked_at = self.tally, trio.current_time()
        first_s, heard_s, late_s, failure = 0.0, 0.0, 0.0, ""
        try:
            await _ask(client, name, self.chance.choice(SENTENCES))
            with trio.fail_after(_PATIENCE_S) as patience:
                async for event in client:
                    now = trio.current_time()
                    patience.deadline = now + _PATIENCE_S
                    if isinstance(event, ClientAudio) and event.audio:
                        first_s = first_s or now - asked_at
                        late_s = max(late_s, now - (asked_at + first_s + heard_s))
                        heard_s += len(event.audio) / _BYTES_PER_S
                    elif isinstance(event, ClientFailure):
                        failure = event.error.code  # the end of the context follows
                    elif isinstance(event, ClientFinal):
                        break
                else:
                    raise RemoteError("connection_closed", "The server closed the socket.")
        except (RemoteError, trio.TooSlowError) as error:
            (tally.cut if heard_s else tally.asked_again)[_name(error)] += 1
            if isinstance(error, RemoteError):
                raise
            return False
        if failure or not heard_s:
            (tally.cut if heard_s else tally.asked_again)[failure or "nothing heard"] += 1
            await trio.sleep(_BUSY_S)
            return True
        tally.whole += 1
        tally.first_s.append(first_s)
        tally.late_s.append(late_s)
        await trio.sleep(max(0.0, asked_at + first_s + heard_s - trio.current_time()))
        return True


async def _ask(client: MultiClient, name: str, text: str) -> None:
    try:
        await client.open_context(name)
        await client.send_text(name, text, flush=True)
        await client.close_context(name)
    except RemoteError:
        async for _ in client:  # the socket was closed during playback; read why
            pass
        raise


def _name(error: RemoteError | trio.TooSlowError) -> str:
    """Return the close code if there is one, otherwise the kind of error."""
    closed = re.search(r"code (\d+)", str(error))
    return closed[1] if closed else error.code if isinstance(error, RemoteError) else "silence"
