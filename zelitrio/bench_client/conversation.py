"""A client of ElevenLabs' `stream-input`: one socket per utterance.

It uses asyncio's protocols and not Trio: one callback per read and no task per socket costs least in Python,
and the client must not limit the result.
"""

from __future__ import annotations

import asyncio
import time

import orjson

from zelitrio.bench_client.address import Address
from zelitrio.bench_client.failures import kind_of
from zelitrio.bench_client.frame_socket import FrameSocket
from zelitrio.bench_client.received import ReceivedSpeech, audio_of, stream_target
from zelitrio.bench_client.wire import close, message

_NORMAL = (1000).to_bytes(2, "big")


class Conversation(FrameSocket):
    """One `stream-input` socket.

    Attributes:
        heard: what arrived, and the failure if there is one.
        opened: done when the server has accepted the socket, or the socket has ended.
        ended: done when the socket has ended, also after a failure; never has an exception.
        messages: number of messages received.
    """

    def __init__(self, address: Address) -> None:
        super().__init__(address, stream_target(address.voice_id, address.output_format, address.model))
        self.heard = ReceivedSpeech(output_format=address.output_format)
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._is_final = False

    def _set_opened(self) -> None:
        if not self.opened.done():
            self.heard.opened_at = time.perf_counter()
        super()._set_opened()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self.heard.ended_at = time.perf_counter()
        if not self._is_final:
            what = "before its final message" if self.heard.arrivals else "without audio"
            self.heard.fail("closed_early", f"closed {what}")
        for future in (self.opened, self.ended):
            if not future.done():
                future.set_result(None)

    def _take_text(self, now: float, payload: bytes) -> None:
        audio = audio_of(payload)
        if audio:
            self.heard.add(now, audio)
        elif b'"error"' in payload and (code := error_code(payload)):
            self.heard.fail(code, payload.decode(errors="replace"))
        if is_final(payload):
            self._is_final = True

    def _take_close(self, payload: bytes) -> None:
        # Some servers send no final message and close normally.
        self._is_final = self._is_final or (payload[:2] == _NORMAL and bool(self.heard.arrivals))

    def _fail(self, kind: str, detail: str) -> None:
        self.heard.fail(kind, detail)

    def greet(self) -> None:
        """Send the message that opens the stream."""
        self._transport.write(message({"text": " "}))

    def say_all(self, text: str) -> None:
        """Send the whole text and the message that ends the stream, in one write."""
        release = message({"text": text + " ", "flush": True}) + message({"text": ""})
        self.heard.chars = len(text)
        self.heard.released_at = time.perf_counter()
        self._transport.write(release)

    def hang_up(self) -> None:
        """Send a close frame."""
        self._transport.write(close())


def is_final(payload: bytes) -> bool:
    """Whether a message is the last of its context."""
    return (
        b'"isFinal":true' in payload
        or b'"is_final":true' in payload
        or b'"isFinal": true' in payload
        or b'"is_final": true' in payload
    )


def error_code(payload: bytes) -> str | None:
    """Read the code from a server's error message; None if it only says that there is no error."""
    try:
        said = orjson.loads(payload)
        if "error" in said and not said["error"]:
            return None
        code = said["error"]
    except (ValueError, KeyError, TypeError):
        return "server_error"
    return code[:60] if isinstance(code, str) else "server_error"


async def open_conversation(address: Address) -> Conversation:
    """Open a socket and send the first message.  If the server refuses, `heard.failure` is set.

    Raises:
        OSError: connecting failed.
    """
    loop = asyncio.get_running_loop()
    _, conversation = await loop.create_connection(
        lambda: Conversation(address), address.host, address.port, ssl=address.ssl_context()
    )
    try:
        await conversation.opened
    except asyncio.CancelledError:
        conversation.abort()
        raise
    if conversation.heard.failure is None:
        conversation.greet()
    return conversation


async def say(address: Address, text: str) -> ReceivedSpeech:
    """Speak one utterance on a new socket and wait for its end; a failure is in the result, not raised."""
    conversation: Conversation | None = None
    heard = ReceivedSpeech(output_format=address.output_format, chars=len(text))
    try:
        async with asyncio.timeout(address.timeout_s):
            conversation = await open_conversation(address)
            heard = conversation.heard
            if heard.failure is None:
                conversation.say_all(text)
                await asyncio.shield(conversation.ended)
    except (OSError, TimeoutError) as error:
        heard.fail(kind_of(error), str(error))
    finally:
        if conversation is not None and not conversation.ended.done():
            conversation.abort()
    return heard
