"""Tell systemd that the server is ready, alive or stopping.

The protocol is one datagram per message: https://www.freedesktop.org/software/systemd/man/sd_notify.html
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

import trio

_MICROSECONDS = 1_000_000


class Notifier:
    """The service manager that started this process, if there is one.

    Args:
        environment: usually `os.environ`; systemd sets NOTIFY_SOCKET and WATCHDOG_USEC.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        # A leading @ means Linux's abstract name space.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        is_ours = environment.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        microseconds = environment.get("WATCHDOG_USEC", "") if is_ours else ""
        self.watchdog_s = int(microseconds) / _MICROSECONDS if microseconds.isdecimal() else None

    def tell(self, message: str) -> None:
        """Send one message, such as READY=1; never waits, and does nothing without a service manager.

        A message that cannot be sent is dropped: the service manager then acts on its own time limits.
        """
        if not self._address:
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as datagrams:
            try:
                datagrams.sendto(message.encode(), self._address)
            except OSError:
                return

    async def run_watchdog(self) -> None:
        """Send a sign of life from the event loop, three times per watchdog period, until cancelled."""
        if self.watchdog_s is None:
            return
        while True:
            self.tell("WATCHDOG=1")
            await trio.sleep(self.watchdog_s / 3)
