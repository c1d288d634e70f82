"""One stream over `stream-input`: text in, audio out, one error if it goes wrong."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs

from zelitrio.client.socket import ClientSocket, open_socket
from zelitrio.protocol import DEFAULT_OUTPUT_FORMAT, AudioFrame, CharTimes, Dialect, ErrorFrame, SocketRequest
from zelitrio.settings import VoiceSettings

DEFAULT_VOICE_ID = "zeli-voice-1"


@attrs.frozen
class ClientAudio:
    """The next bytes of a stream's audio, in the format that was asked for."""

    audio: bytes
    alignment: CharTimes | None = None
    """Times of the segment that begins with this audio, in the sent characters; None if not requested."""
    normalized_alignment: CharTimes | None = None
    """The same in the characters as spoken, with numbers spelled out."""
    context_id: str | None = None

    @classmethod
    def from_frame(cls, frame: AudioFrame) -> ClientAudio:
        """The public face of a decoded frame."""
        return cls(frame.audio, frame.alignment, frame.normalized_alignment, frame.context_id)


@attrs.define(eq=False)
class Client:
    """An open stream.  Iterate it for audio; it ends after `end`, when everything was spoken.

    Send in one task and iterate in another, or send everything, `end`, and then iterate: the server takes
    text whether or not its audio is read, within its bounds.
    """

    _socket: ClientSocket

    async def send_text(self, text: str, flush: bool = False) -> None:
        """Send a piece of text; nothing happens for an empty one without `flush`.

        Waits while the server does not read.  Cancelling it may cut a message in two: close the client then.

        Raises:
            RemoteError: the server ended the stream; the code is its own.
            LocalError: after `end`.
        """
        if text:
            await self._socket.send(self._socket.connection.text_message(text, flush=flush))
        elif flush:
            await self.flush()

    async def flush(self) -> None:
        """Ask to speak everything that was sent; waits and fails as `send_text` does."""
        await self._socket.send(self._socket.connection.flush_message())

    async def end(self) -> None:
        """Say that no more text comes; waits and fails as `send_text` does."""
        await self._socket.send(self._socket.connection.end_message())

    def __aiter__(self) -> AsyncIterator[ClientAudio]:
        return self

    async def __anext__(self) -> ClientAudio:
        """The next piece of audio; may be cancelled without loss.

        Raises:
            RemoteError: the server reported an error, closed before the end, or sent what is no frame.
        """
        while not self._socket.connection.is_final:
            event = await self._socket.receive()  # None only after the final frame
            if isinstance(event, ErrorFrame):
                raise event.error
            if isinstance(event, AudioFrame):
                return ClientAudio.from_frame(event)
        raise StopAsyncIteration


@asynccontextmanager
async def open_client(
    url: str,
    *,
    api_key: str | None = None,
    voice_id: str = DEFAULT_VOICE_ID,
    output_format: str = DEFAULT_OUTPUT_FORMAT,
    settings: VoiceSettings | None = None,
    chunk_schedule: tuple[float, ...] | None = None,
    model_id: str | None = None,
    language_code: str | None = None,
    auto_mode: bool = False,
    sync_alignment: bool = False,
    enable_ssml_parsing: bool = False,
    seed: int | None = None,
    ssl_context: ssl.SSLContext | None = None,
    connect_timeout_s: float = 10.0,
) -> AsyncIterator[Client]:
    """Open a stream to a server at `url` ("ws://host:port", or wss, http, https; a path is a prefix).

    Leaving the block closes the socket, which frees the server's lane at once, and waits for the peer's
    goodbye no longer than two seconds.

    Args:
        url: where the server is.
        api_key: sent as `xi-api-key`.
        voice_id: which voice speaks.
        output_format: name of the audio format, "pcm_24000" for instance.
        settings: how it speaks; None leaves it to the server.
        chunk_schedule: characters the server buffers before each generation, 50..500 each.
        model_id: passed on; zelitrio has one model.
        language_code: passed on.
        auto_mode: the server speaks each piece as it comes.
        sync_alignment: ask for character times with the audio.
        enable_ssml_parsing: read `<break>` and `<phoneme>` in the text.
        seed: 0..4294967295, makes speech repeatable.
        ssl_context: for wss; None is Python's default.
        connect_timeout_s: for connection and handshake together.

    Raises:
        RemoteError: the server cannot be reached (`connection_failed`) or refuses (its code).
    """
    request = SocketRequest(
        dialect=Dialect.SINGLE,
        voice_id=voice_id,
        model_id=model_id,
        output_format=output_format,
        language_code=language_code,
        auto_mode=auto_mode,
        sync_alignment=sync_alignment,
        enable_ssml_parsing=enable_ssml_parsing,
        seed=seed,
    )
    async with open_socket(
        url, request, api_key=api_key, ssl_context=ssl_context, connect_timeout_s=connect_timeout_s
    ) as socket:
        opening = socket.connection.open_message(voice_settings=settings, chunk_schedule=chunk_schedule)
        await socket.send(opening)
        yield Client(socket)
