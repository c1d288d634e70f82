"""The transport under both clients: one trio-websocket connection and what its failures mean."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio
import trio_websocket

from zelitrio.errors import LocalError, RemoteError
from zelitrio.protocol import ClientConnection, ServerEvent, SocketRequest, read_error_body, socket_url

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""trio-websocket's own limit of 1 MiB is less than some servers send in one frame."""
RECEIVE_BUFFER_BYTES = 64 * 1024
"""A frame of audio in one read; trio-websocket's 4 KiB takes three."""
CLOSE_TIMEOUT_S = 2.0
"""How long a closing handshake may take before the socket is cut."""


@attrs.define(eq=False)
class ClientSocket:
    """Messages out, events in.  One task may send while another receives."""

    connection: ClientConnection
    _websocket: trio_websocket.WebSocketConnection
    _waiting: deque[ServerEvent] = attrs.field(factory=deque, init=False)
    _is_broken: bool = attrs.field(default=False, init=False)

    async def send(self, message: str) -> None:
        """Send one message; waits while the server does not read.

        Cancelling it may leave half a frame on the wire, so after that the socket only closes.

        Raises:
            RemoteError: the server has closed, with its own error if it gave one.
            LocalError: an earlier send was cancelled.
        """
        if self._is_broken:
            raise LocalError("send: expected a whole connection, found one whose last send was cancelled")
        self._is_broken = True
        try:
            await self._websocket.send_message(message)
        except trio_websocket.ConnectionClosed as closed:
            self._is_broken = False
            await self._read_rest()
            raise self._closed(closed) or RemoteError(
                "connection_closed", "The server has closed the socket: it takes no more messages."
            ) from None
        self._is_broken = False

    async def receive(self) -> ServerEvent | None:
        """The next event; None when the socket closed as it should.

        Raises:
            RemoteError: the server closed too early, or sent what is no frame.
        """
        if self._waiting:
            await trio.lowlevel.checkpoint()
        while not self._waiting:
            try:
                message = await self._websocket.get_message()
            except trio_websocket.ConnectionClosed as closed:
                error = self._closed(closed)
                if error is not None:
                    raise error from None
                return None
            self._waiting.extend(self.connection.receive(message))
        return self._waiting.popleft()

    async def _read_rest(self) -> None:
        # The error frame lies before the close that made our send fail, perhaps behind audio nobody has read.
        while True:
            try:
                message = await self._websocket.get_message()
            except trio_websocket.ConnectionClosed:
                return
            self._waiting.extend(self.connection.receive(message))

    def _closed(self, closed: trio_websocket.ConnectionClosed) -> RemoteError | None:
        # No close frame at all is 1006, which no peer may send (RFC 6455, section 7.4.1).
        why = closed.reason
        return self.connection.closed(1006 if why is None else why.code, None if why is None else why.reason)


@asynccontextmanager
async def open_socket(
    url: str,
    request: SocketRequest,
    *,
    api_key: str | None,
    ssl_context: ssl.SSLContext | None,
    connect_timeout_s: float,
) -> AsyncIterator[ClientSocket]:
    """Connect, and close on the way out, waiting for the peer no longer than CLOSE_TIMEOUT_S.

    Raises:
        RemoteError: no connection (`connection_failed`), or the server's own refusal.
    """
    headers = [] if api_key is None else [(b"xi-api-key", api_key.encode())]
    target = socket_url(url, request)
    is_connected = False
    failure: BaseException | None = None
    try:
        async with trio_websocket.open_websocket_url(
            target,
            ssl_context,
            extra_headers=headers,
            max_message_size=MAX_MESSAGE_BYTES,
            receive_buffer_size=RECEIVE_BUFFER_BYTES,
            connect_timeout=connect_timeout_s,
            disconnect_timeout=CLOSE_TIMEOUT_S,
        ) as websocket:
            is_connected = True
            try:
                yield ClientSocket(ClientConnection(request), websocket)
            except BaseException as error:
                failure = error
                raise
    except trio_websocket.DisconnectionTimeout:
        # A peer that never answers our close is no error of the conversation, and must not hide one.
        if failure is not None:
            raise failure from None
    except trio_websocket.ConnectionRejected as rejected:
        if is_connected:
            raise
        raise read_error_body(rejected.status_code, rejected.body or b"") from None
    except trio_websocket.HandshakeError as error:
        if is_connected:
            raise
        why = "no answer in time" if isinstance(error, trio_websocket.ConnectionTimeout) else error.__cause__
        raise RemoteError("connection_failed", f"{url}: could not connect: {why}") from error
