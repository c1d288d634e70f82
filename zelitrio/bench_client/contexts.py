"""A client of ElevenLabs' `multi-stream-input`: one socket that stays open, one context per utterance."""

from __future__ import annotations

import asyncio
import time
from collections import deque

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.conversation import error_code, is_final
from zelitrio.bench_client.failures import kind_of
from zelitrio.bench_client.frame_socket import FrameSocket
from zelitrio.bench_client.received import AUDIO_KEY, ReceivedSpeech, audio_of, multi_target, seconds_of
from zelitrio.bench_client.wire import close, message

_MOST_FAILED = 8
"""Number of failed contexts to remember; their late audio does not count for the next context."""


class ContextSocket(FrameSocket):
    """A socket that speaks in one context at a time.

    Args:
        address: the server.
        keeps_audio: whether to decode and keep the audio; otherwise only its length is noted.
    """

    def __init__(self, address: Address, *, keeps_audio: bool = True) -> None:
        super().__init__(address, multi_target(address.voice_id, address.output_format, address.model))
        self.failure: tuple[str, str] | None = None
        """Kind and detail of the failure that ended the socket."""
        self._keeps_audio = keeps_audio
        self._heard: ReceivedSpeech | None = None
        self._spoken: asyncio.Future[None] | None = None
        self._number = 0
        self._failed: deque[bytes] = deque(maxlen=_MOST_FAILED)

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._fail("closed_early", "the server closed the socket")
        self._set_opened()

    def _take_text(self, now: float, payload: bytes) -> None:
        if self._heard is not None and not any(name in payload for name in self._failed):
            self._take_message(now, self._heard, payload)

    def _take_close(self, payload: bytes) -> None:
        self._fail("closed_early", payload[2:].decode(errors="replace") or "the server closed the socket")

    def _take_message(self, now: float, heard: ReceivedSpeech, payload: bytes) -> None:
        if self._keeps_audio:
            if audio := audio_of(payload):
                heard.add(now, audio)
        elif size := audio_bytes(payload):
            heard.arrivals.append((now, seconds_of(size, heard.output_format)))
        if b'"error"' in payload and (code := error_code(payload)):
            heard.fail(code, payload.decode(errors="replace"))
        if heard.failure is not None:
            self._failed.append(f'"c{self._number}"'.encode())
        if heard.failure is not None or is_final(payload):
            self._finish(now)

    def _fail(self, kind: str, detail: str) -> None:
        self.failure = self.failure or (kind, detail)
        if self._heard is not None:
            self._heard.fail(*self.failure)
            self._finish(time.perf_counter())

    def _finish(self, now: float) -> None:
        assert self._heard is not None
        assert self._spoken is not None
        self._heard.ended_at = now
        self._heard = None
        if not self._spoken.done():
            self._spoken.set_result(None)

    async def say(self, text: str) -> ReceivedSpeech:
        """Speak one utterance in a context of its own; wait until it ends or fails.

        Waits without a limit: the caller has the timeout.
        """
        self._number += 1
        name = f"c{self._number}"
        heard = ReceivedSpeech(output_format=self._address.output_format, chars=len(text))
        if self.failure is not None:
            heard.fail(*self.failure)
            return heard
        self._heard, self._spoken = heard, asyncio.get_running_loop().create_future()
        begin = message({"text": " ", "context_id": name})
        rest = message({"text": text + " ", "context_id": name, "flush": True})
        end = message({"context_id": name, "close_context": True})
        heard.released_at = time.perf_counter()
        self._transport.write(begin + rest + end)
        try:
            async with asyncio.timeout(self._address.timeout_s):
                await self._spoken
        except TimeoutError:
            heard.fail("timeout", f"no end within {self._address.timeout_s:g} s")
            self._heard = None
            self.failure = self.failure or ("timeout", "an utterance had no end")
            self.abort()  # `close` would wait if the server does not read
        return heard

    def close(self) -> None:
        """Send the close frame and close the connection."""
        self.failure = self.failure or ("closed_early", "closed here")
        if not self._transport.is_closing():
            self._transport.write(message({"close_socket": True}) + close())
            self._transport.close()


def audio_bytes(payload: bytes) -> int:
    """Count the bytes of audio in a message without decoding them."""
    at = payload.find(AUDIO_KEY)
    if at < 0:
        return 0
    begin = at + len(AUDIO_KEY)
    end = payload.index(b'"', begin)
    return (end - begin) * 3 // 4 - payload.count(b"=", max(begin, end - 2), end)


async def open_contexts(address: Address, *, keeps_audio: bool = True) -> ContextSocket:
    """Open a socket for many contexts.  If the server refuses it, `failure` is set.

    Raises:
        OSError: connecting failed.
    """
    loop = asyncio.get_running_loop()
    _, made = await loop.create_connection(
        lambda: ContextSocket(address, keeps_audio=keeps_audio),
        address.host,
        address.port,
        ssl=address.ssl_context(),
    )
    try:
        await made.opened
    except asyncio.CancelledError:
        made.abort()
        raise
    return made


class ContextSpeaker:
    """A speaker that keeps its socket for all utterances and opens a new one only after a failure."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._socket: ContextSocket | None = None

    async def say(self, text: str) -> ReceivedSpeech:
        """See Speaker."""
        heard = ReceivedSpeech(output_format=self._address.output_format, chars=len(text))
        if self._socket is None or self._socket.failure is not None:
            try:
                async with asyncio.timeout(self._address.timeout_s):
                    self._socket = await open_contexts(self._address)
            except (OSError, TimeoutError) as error:
                heard.fail(kind_of(error), str(error))
                return heard
        return await self._socket.say(text)

    def close(self) -> None:
        """See Speaker."""
        if self._socket is not None:
            self._socket.close()
