"""A client for one stream over `stream-input`."""

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
    """The next bytes of a stream's audio, in the requested format."""

    audio: bytes
    alignment: CharTimes | None = None
    """Times of the sent characters, for the segment that begins with this audio, if requested."""
    normalized_alignment: CharTimes | None = None
    """Times of the characters as spoken, where numbers are words."""
    context_id: str | None = None

    @classmethod
    def from_frame(cls, frame: AudioFrame) -> ClientAudio:
        """Convert a decoded frame."""
        return cls(frame.audio, frame.alignment, frame.normalized_alignment, frame.context_id)


@attrs.define(eq=False)
class Client:
    """An open stream.  Iterate it for audio; the iteration ends after `end`, when everything was spoken.

    One task may send while another iterates.  One task can also send everything, call `end`, and then
    iterate: the server takes text, within its limits, while its audio is unread.
    """

    _socket: ClientSocket

    async def send_text(self, text: str, flush: bool = False) -> None:
        """Send a piece of text; an empty one without `flush` is ignored.

        Waits while the server does not read.  After a cancelled send only close the client, because half a
        message may have been sent.

        Raises:
            RemoteError: the server ended the stream, with its code.
            LocalError: `end` was called.
        """
        if text:
            await self._socket.send(self._socket.connection.text_message(text, flush=flush))
        elif flush:
            await self.flush()

    async def flush(self) -> None:
        """Ask to speak everything sent; waits and fails as `send_text` does."""
        await self._socket.send(self._socket.connection.flush_message())

    async def end(self) -> None:
        """End the text; waits and fails as `send_text` does."""
        await self._socket.send(self._socket.connection.end_message())

    def __aiter__(self) -> AsyncIterator[ClientAudio]:
        return self

    async def __anext__(self) -> ClientAudio:
        """Wait for the next piece of audio; cancelling it loses nothing.

        Raises:
            RemoteError: the server reported an error, closed before the end, or sent an invalid frame.
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
    """Open a stream to a server.

    The end of the block closes the socket, which frees the lane at once.  It waits for the server's close
    frame for at most two seconds.

    Args:
        url: of the server: "ws://host:port", or wss, http, https; a path is kept as a prefix.
        api_key: sent as `xi-api-key`.
        voice_id: the voice that speaks.
        output_format: name of the audio format, such as "pcm_24000".
        settings: how to speak; None: the server's defaults.
        chunk_schedule: characters that the server buffers before each chunk, 50 to 500 each; None: its
            default.
        model_id: sent to the server, which ignores unknown models.
        language_code: language of the text; None: the voice's own.
        auto_mode: whether the server speaks each piece as it comes.
        sync_alignment: whether the audio comes with character times.
        enable_ssml_parsing: whether SSML tags in the text have an effect.
        seed: 0 to 4294967295, makes speech repeatable; None: random.
        ssl_context: for wss; None: Python's default.
        connect_timeout_s: for connection and handshake together.

    Raises:
        RemoteError: the server cannot be reached (`connection_failed`), or refuses (with its code).
        LocalError: the URL is not valid.
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
