"""The address to serve at, taken before anything slow begins: a wrong one is noticed in the first moment.

A bound address does not listen yet: until the server is ready, connections are refused, so that a health
check does not take it for ready.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import trio

from zelitrio.errors import LocalError
from zelitrio.server.addresses import make_tls
from zelitrio.settings import ServerSettings

BACKLOG = 1024


@attrs.define(eq=False)
class Port:
    """Bound sockets, one for each address that the host's name stands for.

    Attributes:
        tls: of all of them; None for plain text.
    """

    settings: ServerSettings
    tls: ssl.SSLContext | None
    _sockets: list[trio.socket.SocketType]

    def listen(self) -> list[trio.SocketListener]:
        """Take connections from now on; never waits.

        Raises:
            LocalError: another program bound the same address and was faster.
        """
        try:
            for socket in self._sockets:
                socket.listen(BACKLOG)
        except OSError as error:
            raise _refused(self.settings, error) from error
        return [trio.SocketListener(socket) for socket in self._sockets]


@asynccontextmanager
async def open_port(settings: ServerSettings, *, has_key: bool | None = None) -> AsyncIterator[Port]:
    """Hold an address for as long as the block lasts.

    Args:
        settings: of the server.
        has_key: whether any key opens the server; None: as the settings say.

    Raises:
        LocalError: the address cannot be bound, no key is set and the host is not loopback, or a
            certificate cannot be used.
    """
    tls = make_tls(settings)
    sockets: list[trio.socket.SocketType] = []
    try:
        try:
            await _bind(settings, bool(settings.api_key_hashes) if has_key is None else has_key, sockets)
        except OSError as error:
            raise _refused(settings, error) from error
        yield Port(settings, tls, sockets)
    finally:
        for socket in sockets:
            socket.close()


async def _bind(settings: ServerSettings, has_key: bool, sockets: list[trio.socket.SocketType]) -> None:
    found = await trio.socket.getaddrinfo(
        settings.host, settings.port, type=trio.socket.SOCK_STREAM, flags=trio.socket.AI_PASSIVE
    )
    missing: OSError | None = None
    for family, kind, protocol, _, address in found:
        # A name can mean an address of another kind.
        settings.check_exposure(str(address[0]), has_key=has_key)
        try:
            socket = trio.socket.socket(family, kind, protocol)
        except OSError as error:
            if error.errno != errno.EAFNOSUPPORT:
                raise
            missing = error  # this system speaks one of IPv4 and IPv6 only
            continue
        sockets.append(socket)
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
        if family == trio.socket.AF_INET6:
            socket.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 1)
        await socket.bind(address)
    if missing is not None and not sockets:
        raise missing


def _refused(settings: ServerSettings, error: OSError) -> LocalError:
    return LocalError(
        f"host and port: cannot bind {settings.host}:{settings.port}: {error.strerror or error}"
    )
