"""Announce the Wyoming port in the local network by mDNS, so that Home Assistant finds it.

The extra `zeroconf` has the responder.  It needs asyncio, so it runs in a thread with its own loop.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING

import trio

from zelitrio.errors import SettingError, first_error
from zelitrio.settings import is_loopback

if TYPE_CHECKING:
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

SERVICE = "_wyoming._tcp.local."


async def announce(
    host: str,
    port: int,
    *,
    interfaces: Sequence[str] | None = None,
    task_status: trio.TaskStatus[str] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Announce a service until cancelled; started with its name.

    Args:
        host: bound address; 0.0.0.0 and :: mean all addresses of this machine.
        port: port of the service.
        interfaces: addresses of the interfaces to announce on; None: all.

    Raises:
        SettingError: zeroconf is not installed, or the network refuses.
    """
    try:
        from ifaddr import get_adapters
        from zeroconf import InterfaceChoice
        from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
    except ImportError:
        raise SettingError("needs the extra: pip install 'zelitrio[zeroconf]'", "wyoming_announce") from None
    found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    addresses = {str(address[0]) for *_, address in found}
    if any(ip_address(address).is_unspecified for address in addresses):
        known = {str(one.ip) for adapter in get_adapters() for one in adapter.ips if one.is_IPv4}
        addresses = {address for address in known if not is_loopback(address)}
    machine = socket.gethostname().partition(".")[0]
    info = AsyncServiceInfo(
        SERVICE,
        f"zelitrio on {machine}.{SERVICE}",
        addresses=[ip_address(address).packed for address in sorted(addresses)],
        port=port,
        server=f"zelitrio-{machine}.local.",
    )
    chosen = InterfaceChoice.Default if interfaces is None else list(interfaces)
    responder = _Responder(partial(AsyncZeroconf, interfaces=chosen), info)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(trio.to_thread.run_sync, responder.run, task_status)
            try:
                await trio.sleep_forever()
            finally:
                responder.stop()
    except* OSError as errors:
        raise SettingError(str(first_error(errors)), "wyoming_announce") from errors


class _Responder:
    """A thread's asyncio loop with the service."""

    def __init__(self, open_network: partial[AsyncZeroconf], info: AsyncServiceInfo) -> None:
        self._open_network = open_network
        self._info = info
        self._loop = asyncio.new_event_loop()
        self._is_stopped = asyncio.Event()

    def run(self, task_status: trio.TaskStatus[str]) -> None:
        """Announce until `stop`; for a worker thread of Trio."""
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(task_status))

    def stop(self) -> None:
        """End the announcement; any thread may call it, even before `run`."""
        self._loop.call_soon_threadsafe(self._is_stopped.set)

    async def _serve(self, task_status: trio.TaskStatus[str]) -> None:
        async with self._open_network() as network:
            await (await network.async_register_service(self._info, allow_name_change=True))
            trio.from_thread.run_sync(task_status.started, self._info.name)
            await self._is_stopped.wait()
            await (await network.async_unregister_service(self._info))
