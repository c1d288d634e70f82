"""Several contexts over one `multi-stream-input` socket.

One iteration gives the events of all contexts, in the order they arrive; which goes where is the caller's
business.  A queue per context inside would have to drop or to block when one of them is not read.
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
    """A context has said everything; its id may be used again."""

    context_id: str | None


@attrs.frozen
class ClientFailure:
    """The server refused a message of one context; the others go on."""

    context_id: str
    error: RemoteError


ClientEvent: TypeAlias = ClientAudio | ClientFinal | ClientFailure


@attrs.define(eq=False)
class MultiClient:
    """An open socket with contexts.  Iterate it for what happens; it ends when the server closes it.

    All `async` methods wait while the server does not read, and raise RemoteError when the server has ended
    the socket, LocalError for a context that is not open.  One task may send while another iterates.
    """

    _socket: ClientSocket

    async def open_context(self, context_id: str, *, settings: VoiceSettings | None = None) -> None:
        """Open a context; at most five are open or closing at once, unless the server is told otherwise."""
        await self._socket.send(self._socket.connection.open_message(context_id, voice_settings=settings))

    async def send_text(self, context_id: str, text: str, flush: bool = False) -> None:
        """Send a piece of text to a context."""
        if text:
            await self._socket.send(self._socket.connection.text_message(text, context_id, flush=flush))
        elif flush:
            await self.flush(context_id)

    async def flush(self, context_id: str) -> None:
        """Ask to speak everything that was sent to the context."""
        await self._socket.send(self._socket.connection.flush_message(context_id))

    async def close_context(self, context_id: str) -> None:
        """End a context after what was flushed; whatever was not is cancelled.  `ClientFinal` follows."""
        await self._socket.send(self._socket.connection.end_message(context_id))

    async def end(self) -> None:
        """End all contexts in the same way, then have the server close the socket."""
        await self._socket.send(self._socket.connection.end_socket_message())

    def __aiter__(self) -> AsyncIterator[ClientEvent]:
        return self

    async def __anext__(self) -> ClientEvent:
        """What happens next in any context; may be cancelled without loss.

        Raises:
            RemoteError: the server reported an error of the whole socket, or closed it wrongly.
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
        url: where the server is.
        api_key: sent as `xi-api-key`.
        voice_id: which voice speaks, in all contexts.
        output_format: name of the audio format, in all contexts.
        auto_mode: the server speaks each piece as it comes.
        inactivity_timeout_s: 1..180; how long a context, and the idle socket, lives without a message.
        ssl_context: for wss; None is Python's default.
        connect_timeout_s: for connection and handshake together.
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
