"""A client for several contexts over one `multi-stream-input` socket.

One iteration gives the events of all contexts in order of arrival; the caller sorts them.  Separate queues
would have to drop events or block if the caller did not read one of them.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import attrs

from zelitrio.client.client import DEFAULT_VOICE_ID, ClientAudio
from zelitrio.client.socket import ClientSocket, open_socket
from zelitrio.errors import RemoteError
from zelitrio.protocol import DEFAULT_OUTPUT_FORMAT, AudioFrame, Dialect, FinalFrame, SocketRequest
from zelitrio.settings import VoiceSettings


@attrs.frozen
class ClientFinal:
    """A context has ended with all its audio; its id may be used again."""

    context_id: str | None


@attrs.frozen
class ClientFailure:
    """The server refused a message of one context; the contexts continue."""

    context_id: str
    error: RemoteError


ClientEvent: TypeAlias = ClientAudio | ClientFinal | ClientFailure


@attrs.define(eq=False)
class MultiClient:
    """An open socket with contexts.  Iterate it for events; the iteration ends when the server closes it.

    All `async` methods wait while the server does not read.  They raise RemoteError after the end of the
    socket, and LocalError for a context that is not open.  One task may send while another iterates.
    """

    _socket: ClientSocket

    async def open_context(self, context_id: str, *, settings: VoiceSettings | None = None) -> None:
        """Open a context; by default a server allows five open or closing ones."""
        await self._socket.send(self._socket.connection.open_message(context_id, voice_settings=settings))

    async def send_text(self, context_id: str, text: str, flush: bool = False) -> None:
        """Send a piece of text to a context."""
        if text:
            await self._socket.send(self._socket.connection.text_message(text, context_id, flush=flush))
        elif flush:
            await self.flush(context_id)

    async def flush(self, context_id: str) -> None:
        """Ask to speak everything sent to the context."""
        await self._socket.send(self._socket.connection.flush_message(context_id))

    async def close_context(self, context_id: str) -> None:
        """End a context: flushed text is spoken, other text is dropped.  `ClientFinal` follows."""
        await self._socket.send(self._socket.connection.end_message(context_id))

    async def end(self) -> None:
        """End all contexts as `close_context` does; then the server closes the socket."""
        await self._socket.send(self._socket.connection.end_socket_message())

    def __aiter__(self) -> AsyncIterator[ClientEvent]:
        return self

    async def __anext__(self) -> ClientEvent:
        """Wait for the next event of any context; cancelling it loses nothing.

        Raises:
            RemoteError: the server reported an error of the whole socket, or closed it too early.
        """
        event = await self._socket.receive()
        if event is None:
            raise StopAsyncIteration
        if isinstance(event, AudioFrame):
            return ClientAudio.from_frame(event)
        if isinstance(event, FinalFrame):
            return ClientFinal(event.context_id)
        if event.context_id is None:
            raise event.error
        return ClientFailure(event.context_id, event.error)


@asynccontextmanager
async def open_multi_client(
    url: str,
    *,
    api_key: str | None = None,
    voice_id: str = DEFAULT_VOICE_ID,
    output_format: str = DEFAULT_OUTPUT_FORMAT,
    auto_mode: bool = False,
    inactivity_timeout_s: float = 180.0,
    ssl_context: ssl.SSLContext | None = None,
    connect_timeout_s: float = 10.0,
) -> AsyncIterator[MultiClient]:
    """Open a socket for several contexts; arguments and errors are those of `open_client`.

    Args:
        url, api_key, ssl_context, connect_timeout_s: see `open_client`.
        voice_id: the voice of all contexts.
        output_format: name of the audio format of all contexts.
        auto_mode: whether the server speaks each piece as it comes.
        inactivity_timeout_s: 1 to 180: time without a message after which a context, or a socket without
            contexts, ends.
    """
    request = SocketRequest(
        dialect=Dialect.MULTI,
        voice_id=voice_id,
        output_format=output_format,
        auto_mode=auto_mode,
        inactivity_timeout_s=inactivity_timeout_s,
    )
    async with open_socket(
        url, request, api_key=api_key, ssl_context=ssl_context, connect_timeout_s=connect_timeout_s
    ) as socket:
        yield MultiClient(socket)
