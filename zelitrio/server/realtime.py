"""Serve a realtime socket, from the upgrade to the close frame."""

from __future__ import annotations

import trio

from zelitrio.audio import parse_format
from zelitrio.protocol import SocketRequest, parse_socket_target
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.keep_alive import KeepAlive
from zelitrio.server.quiet_log import get_log
from zelitrio.server.upgrading import begin_upgrade
from zelitrio.server.websocket import WebSocket
from zelitrio.session import Service, run_socket
from zelitrio.settings import ServerSettings

BROKEN_CODES = (1002, 1007, 1009)
"""Protocol error, invalid UTF-8, message too big: the peer may still be sending."""
INTERNAL_ERROR = 1011
log = get_log()


def read_request(head: RequestHead) -> SocketRequest | None:
    """Read the request for a realtime socket; None if it is another request.

    Raises:
        RemoteError: a parameter of the URL is invalid.
    """
    if not head.is_websocket:
        return None
    request = parse_socket_target(head.target, head.headers)
    if request is not None:
        parse_format(request.output_format)
    return request


async def serve_realtime(
    stream: GuardedStream,
    head: RequestHead,
    request: SocketRequest,
    service: Service,
    settings: ServerSettings,
    keep_alive: KeepAlive,
) -> None:
    """Run one conversation on a stream after its request was read; the caller closes the stream.

    Returns when either side has ended the conversation.
    """
    answer = await begin_upgrade(stream, head)
    if answer is None:
        return
    async with trio.open_nursery() as nursery:
        began_at = trio.current_time()
        socket = WebSocket(stream, nursery, settings.max_message_bytes, answer=answer, received=head.rest)
        keep_alive.add(socket)
        try:
            await run_socket(socket, request, service)
        except Exception:
            await socket.fail(INTERNAL_ERROR, "internal error")
            await stream.linger()
            raise  # the connection logs it
        finally:
            keep_alive.remove(socket)
        await socket.finish()
        log.info(
            "socket",
            dialect=request.dialect.value,
            voice=request.voice_id[:64],
            format=request.output_format,
            seconds=round(trio.current_time() - began_at, 3),
            close_code=socket.close_code,
        )
        if socket.close_code in BROKEN_CODES:
            await stream.linger()  # the peer may go on sending until it reads the close frame
        nursery.cancel_scope.cancel()
