"""Bind the server's address before the slow start of the engine, so that a wrong address fails at once.

A bound address does not listen yet.  Until the server is ready, connections are refused, so that health
checks do not succeed too early.
"""

from __future__ import annotations

import errno
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import attrs
import trio

from zelitrio.errors import LocalError
from zelitrio.server.addresses import make_tls
from zelitrio.settings import ServerSettings

BACKLOG = 1024


@attrs.define(eq=False)
class Port:
    """Bound sockets, one for each address of the hosts in the settings.

    Attributes:
        tls: context for all of them; None: plain text.
    """

    settings: ServerSettings
    tls: ssl.SSLContext | None
    _sockets: list[trio.socket.SocketType]

    def listen(self) -> list[trio.SocketListener]:
        """Begin to listen; never waits.

        Raises:
            LocalError: another program listens on the same address.
        """
        try:
            for socket in self._sockets:
                socket.listen(BACKLOG)
        except OSError as error:
            raise _refused(self.settings, error) from error
        return [trio.SocketListener(socket) for socket in self._sockets]


@asynccontextmanager
async def open_port(settings: ServerSettings, *, has_key: bool | None = None) -> AsyncIterator[Port]:
    """Bind the server's address for the block.

    Args:
        settings: of the server.
        has_key: whether the server has any key; None: decide by the settings.

    Raises:
        LocalError: the address cannot be bound, the host is not loopback and there is no key, or a
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
    port = settings.port
    missing: OSError | None = None
    for family, address in await _addresses(settings):
        # A host name may resolve to an address that is not loopback.
        host = str(address[0])
        settings.check_exposure(host, has_key=has_key)
        try:
            sockets.append(await _bound(family, (host, port, *address[2:])))
        except OSError as error:
            if not _lacks_family(error, host):
                raise
            missing = error  # this system has only one of IPv4 and IPv6
            continue
        port = sockets[0].getsockname()[1]  # a free one is the same for all addresses
    if missing is not None and not sockets:
        raise missing


async def _addresses(settings: ServerSettings) -> list[tuple[int, tuple[Any, ...]]]:
    """The family and address of each socket to bind, without repetitions, in the settings' order."""
    hosts = [each for host in settings.host for each in ((host, "0.0.0.0") if host == "::" else (host,))]
    found: dict[tuple[Any, ...], int] = {}
    for host in hosts:
        for family, _, _, _, address in await trio.socket.getaddrinfo(
            host, settings.port, type=trio.socket.SOCK_STREAM, flags=trio.socket.AI_PASSIVE
        ):
            found.setdefault((str(address[0]), *address[1:]), family)
    return [(family, address) for address, family in found.items()]


async def _bound(family: int, address: tuple[str | int, ...]) -> trio.socket.SocketType:
    socket = trio.socket.socket(family, trio.socket.SOCK_STREAM)
    try:
        socket.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_REUSEADDR, 1)
        if family == trio.socket.AF_INET6:
            # Separate sockets for IPv4 and IPv6, because on a shared one IPv4 clients appear as
            # ::ffff:10.0.0.1.
            socket.setsockopt(trio.socket.IPPROTO_IPV6, trio.socket.IPV6_V6ONLY, 1)
        await socket.bind(address)
    except BaseException:
        socket.close()
        raise
    return socket


def _lacks_family(error: OSError, address: str) -> bool:
    """Whether the error means that the system has no IPv4 or no IPv6, which may be switched off."""
    if error.errno == errno.EADDRNOTAVAIL:
        return address in ("::", "::1")
    return error.errno == errno.EAFNOSUPPORT


def _refused(settings: ServerSettings, error: OSError) -> LocalError:
    wanted = ", ".join(f"{host}:{settings.port}" for host in settings.host)
    return LocalError(f"host and port: cannot bind {wanted}: {error.strerror or error}")
