"""The address of the Wyoming port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio

from zelitrio.errors import SettingError
from zelitrio.server.quiet_log import get_log
from zelitrio.settings import ServerSettings, is_loopback

log = get_log()


@asynccontextmanager
async def open_wyoming_port(settings: ServerSettings) -> AsyncIterator[list[trio.SocketListener]]:
    """Listen on the Wyoming port during the block; without listeners if the port is off.

    Raises:
        SettingError: the address cannot be bound, or is announced but loopback.
    """
    host, port = settings.wyoming_host, settings.wyoming_port
    if not port:
        yield []
        return
    if settings.wyoming_announce and is_loopback(host):
        message = f"expected a wyoming_host that other machines reach, found {host!r}"
        raise SettingError(message, "wyoming_announce")
    if not is_loopback(host):
        log.warning(
            "wyoming_reachable",
            host=host,
            hint="Wyoming has no keys: every machine that reaches the port may use it",
        )
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        message = f"cannot bind {host}:{port}: {error.strerror or error}"
        raise SettingError(message, "wyoming_host", "wyoming_port") from error
    try:
        yield listeners
    finally:
        for listener in listeners:
            listener.socket.close()
