"""A realtime socket: from the upgrade to the close frame, on trio-websocket."""

from __future__ import annotations

import structlog
import trio
from trio_websocket import ConnectionClosed, HandshakeError, WebSocketConnection, wrap_server_stream

from zelitrio.audio import parse_format
from zelitrio.errors import RemoteError
from zelitrio.protocol import SocketRequest, parse_socket_target
from zelitrio.server.answer import refuse
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.session import PeerLeft, Service, run_socket
from zelitrio.settings import ServerSettings

CLOSE_HANDSHAKE_S = 2.0
"""For the peer's half of the close: Pipecat waits as long for ours."""
MESSAGES_WAITING = 8
"""Read ahead of the session: a text and its flush, not a backlog; the session itself never dawdles."""
log = structlog.get_logger("zelitrio.server")


class WebSocketTransport:
    """A trio-websocket connection as the session sees it."""

    def __init__(self, connection: WebSocketConnection) -> None:
        self._connection = connection
        self._our_code: int | None = None
        self._is_closed = trio.Event()

    @property
    def close_code(self) -> int | None:
        """What it was closed with, by whoever came first; None while it is open."""
        closed = self._connection.closed
        return self._our_code or (None if closed is None else int(closed.code))

    async def receive(self) -> str | bytes:
        """The next message; cancelling it loses none."""
        try:
            return await self._connection.get_message()
        except ConnectionClosed:
            if self._our_code is not None:
                # trio-websocket stops receiving once our close frame is sent.  Who took that for the end
                # would cut the peer off before it has read why: what it is still sending would meet a
                # closed socket, and the reset that answers it throws away what it has not read yet.
                await self._is_closed.wait()
            raise PeerLeft(f"closed with {self._connection.closed}") from None

    async def send(self, text: str) -> None:
        """Send one message; the stream below has the deadline, and drops itself if it is cut short."""
        try:
            await self._connection.send_message(text)
        except ConnectionClosed:
            raise PeerLeft(f"closed with {self._connection.closed}") from None

    async def close(self, code: int, reason: str) -> None:
        """Send the close frame and wait for the peer's, CLOSE_HANDSHAKE_S at most."""
        if self._connection.closed is None:
            self._our_code = code
        try:
            with trio.move_on_after(CLOSE_HANDSHAKE_S):
                await self._connection.aclose(code, reason)
        finally:
            self._is_closed.set()


def read_request(head: RequestHead) -> SocketRequest | None:
    """What a realtime socket is to be; None: the request is for somebody else.

    Raises:
        RemoteError: the URL alone shows that it cannot be had.
    """
    if not head.is_websocket:
        return None
    request = parse_socket_target(head.target, head.headers)
    if request is not None:
        parse_format(request.output_format)
    return request


async def serve_realtime(
    stream: GuardedStream, request: SocketRequest, service: Service, settings: ServerSettings
) -> None:
    """Hold one conversation on a stream whose head was put back; the caller closes the stream.

    Returns when the conversation is over, whoever ended it.
    """
    if service.drain.is_set():
        await refuse(stream, RemoteError("service_restart", "The server is restarting. Please try again."))
        return
    async with trio.open_nursery() as nursery:
        connection = await _upgrade(nursery, stream, settings)
        if connection is not None:
            began_at = trio.current_time()
            nursery.start_soon(_keep_alive, connection, stream, settings.keep_alive_s)
            transport = WebSocketTransport(connection)
            await run_socket(transport, request, service)
            log.info(
                "socket",
                dialect=request.dialect.value,
                voice=request.voice_id[:64],
                format=request.output_format,
                seconds=round(trio.current_time() - began_at, 3),
                close_code=transport.close_code,
            )
            if transport.close_code == 1009:
                await stream.linger()  # most of the message is still on its way
        nursery.cancel_scope.cancel()


async def _upgrade(
    nursery: trio.Nursery, stream: GuardedStream, settings: ServerSettings
) -> WebSocketConnection | None:
    connection = None
    failed = True
    with trio.move_on_after(settings.head_timeout_s):
        try:
            request = await wrap_server_stream(
                nursery,
                stream,
                message_queue_size=MESSAGES_WAITING,
                max_message_size=settings.max_message_bytes,
            )
            connection = await request.accept()
            failed = False
        except (HandshakeError, ConnectionClosed):
            pass
    if failed:
        await stream.drop()
    return connection


async def _keep_alive(connection: WebSocketConnection, stream: GuardedStream, every_s: float) -> None:
    """Ping, and drop the stream of a peer that does not answer."""
    while True:
        await trio.sleep(every_s)
        answered = False
        with trio.move_on_after(every_s):
            try:
                await connection.ping()
            except ConnectionClosed:
                return
            answered = True
        if not answered:
            await stream.drop()
            return
