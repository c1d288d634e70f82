"""The socket of both clients: a trio-websocket connection, with this package's errors."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import SplitResult, urlsplit

import attrs
import trio
import trio_websocket
from wsproto.utilities import LocalProtocolError

from zelitrio.client.stream import WatchedStream, connect
from zelitrio.errors import LocalError, RemoteError, first_error
from zelitrio.protocol import ClientConnection, ServerEvent, SocketRequest, read_error_body, socket_url

MAX_MESSAGE_BYTES = 16 * 1024 * 1024
"""trio-websocket's own limit of 1 MiB is less than some servers send in one frame."""
RECEIVE_BUFFER_BYTES = 64 * 1024
"""Large enough for a frame of audio; with trio-websocket's 4 KiB it takes three reads."""
CLOSE_TIMEOUT_S = 2.0
"""Limit for a closing handshake; then the socket is cut."""


@attrs.define(eq=False)
class ClientSocket:
    """Messages out, events in.  One task may send while another receives."""

    connection: ClientConnection
    _websocket: trio_websocket.WebSocketConnection
    _waiting: deque[ServerEvent] = attrs.field(factory=deque, init=False)
    _is_broken: bool = attrs.field(default=False, init=False)

    async def send(self, message: str) -> None:
        """Send one message; waits while the server does not read.

        After a cancelled send the socket can only be closed, because half a frame may have been sent.

        Raises:
            RemoteError: the server has closed, with its own error if it sent one.
            LocalError: an earlier send was cancelled.
        """
        if self._is_broken:
            raise LocalError("send: expected an intact connection, found one with a cancelled send")
        self._is_broken = True
        try:
            await self._websocket.send_message(message)
        except trio_websocket.ConnectionClosed as closed:
            self._is_broken = False
            await self._read_rest()
            raise self._closed(closed) or RemoteError(
                "connection_closed", "The server has closed the socket and accepts no more messages."
            ) from None
        self._is_broken = False

    async def receive(self) -> ServerEvent | None:
        """Wait for the next event; return None when the socket closed after everything was sent.

        Raises:
            RemoteError: the server closed too early, or sent an invalid frame.
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
        # The server sent its error frame before the close; unread audio may precede it.
        while True:
            try:
                message = await self._websocket.get_message()
            except trio_websocket.ConnectionClosed:
                return
            self._waiting.extend(self.connection.receive(message))

    def _closed(self, closed: trio_websocket.ConnectionClosed) -> RemoteError | None:
        # Without a close frame the code is 1006, which is never sent (RFC 6455, section 7.4.1).
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
    """Connect for the block; its end waits for the server's close for at most CLOSE_TIMEOUT_S.

    An error in the block is not put in a group.  `trio_websocket.open_websocket_url` is not used, because its
    handshake waits for ever, despite its timeout, for a server that hangs up or stays silent.

    Raises:
        RemoteError: no connection (`connection_failed`), or the server's own refusal.
        LocalError: `url` is not the URL of a WebSocket.
    """
    target = urlsplit(socket_url(url, request))
    headers = [] if api_key is None else [(b"xi-api-key", api_key.encode())]
    deadline = trio.current_time() + connect_timeout_s
    stream = WatchedStream(await connect(target, ssl_context, deadline))
    websocket: trio_websocket.WebSocketConnection | None = None
    failure: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            try:
                websocket = await _shake_hands(nursery, stream, target, headers, deadline)
                yield ClientSocket(ClientConnection(request), websocket)
            except BaseException as error:
                failure = error  # raised below, because the nursery would put it in a group
            if websocket is not None and not isinstance(failure, trio.Cancelled):
                with trio.move_on_after(CLOSE_TIMEOUT_S):
                    await websocket.aclose()
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # A refused upgrade is raised by trio-websocket's own task.
        refusals = group.subgroup(trio_websocket.ConnectionRejected)
        _, others = group.split(LocalProtocolError)
        if websocket is None and refusals is not None:
            failure = _refusal(refusals)
        elif websocket is not None and others is None:
            pass  # trio-websocket answers pings even after its own close frame, which wsproto refuses
        elif failure is None or isinstance(failure, trio.Cancelled):
            raise
    finally:
        await trio.aclose_forcefully(stream)
    if failure is not None:
        raise failure


async def _shake_hands(
    nursery: trio.Nursery,
    stream: WatchedStream,
    target: SplitResult,
    headers: list[tuple[bytes, bytes]],
    deadline: float,
) -> trio_websocket.WebSocketConnection:
    websocket: trio_websocket.WebSocketConnection | None = None

    async def give_up_when_ended(scope: trio.CancelScope) -> None:
        await stream.ended.wait()
        scope.cancel()

    async with trio.open_nursery() as race:
        race.cancel_scope.deadline = deadline
        race.start_soon(give_up_when_ended, race.cancel_scope)
        websocket = await trio_websocket.wrap_client_stream(
            nursery,
            stream,  # type: ignore[arg-type]  # declared as a socket, but any stream works
            target.netloc,
            f"{target.path}?{target.query}",
            extra_headers=headers,
            max_message_size=MAX_MESSAGE_BYTES,
            receive_buffer_size=RECEIVE_BUFFER_BYTES,
        )
        race.cancel_scope.cancel()
    if websocket is None:
        why = "the server hung up" if stream.ended.is_set() else "no answer in time"
        raise RemoteError("connection_failed", f"{target.netloc}: no WebSocket handshake: {why}")
    return websocket


def _refusal(group: BaseExceptionGroup[trio_websocket.ConnectionRejected]) -> RemoteError:
    error = first_error(group)
    assert isinstance(error, trio_websocket.ConnectionRejected)
    return read_error_body(error.status_code, error.body or b"")
