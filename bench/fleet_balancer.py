"""HAProxy in front of a fleet, with the file that `zelitrio deploy haproxy` writes."""

from __future__ import annotations

import csv
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import trio

from zelitrio.deploy import Target, render
from zelitrio.settings import ServerSettings


@attrs.frozen
class Backend:
    """HAProxy's state of a server.

    Attributes:
        status: UP, DOWN, DRAIN or MAINT, sometimes with the number of passed checks.
        sessions: open sessions.
        retries: failed requests that were sent again.
    """

    status: str
    sessions: int
    weight: int
    retries: int

    @property
    def is_up(self) -> bool:
        """Whether the server gets new connections."""
        return self.status == "UP"


@attrs.frozen
class Balancer:
    """A running HAProxy.

    Attributes:
        url: the address for clients.
    """

    url: str
    _socket: Path

    async def backends(self) -> list[Backend]:
        """Read the state of all servers, in the order of the file."""
        text = b""
        async with await trio.open_unix_socket(self._socket) as stream:
            await stream.send_all(b"show stat\n")
            async for data in stream:
                text += data
        rows = csv.DictReader(text.decode().removeprefix("# ").splitlines())
        return [
            Backend(row["status"], int(row["scur"]), int(row["weight"]), int(row["wretr"]))
            for row in rows
            if row["pxname"] == "servers" and row["svname"] != "BACKEND"
        ]

    async def wait_up(self) -> None:
        """Wait until every server gets new connections."""
        while not all(one.is_up for one in await self.backends()):  # noqa: ASYNC110 - HAProxy has no event
            await trio.sleep(0.1)


@asynccontextmanager
async def open_balancer(
    ports: Sequence[int], agent_ports: Sequence[int], port: int, folder: Path
) -> AsyncIterator[Balancer]:
    """Run HAProxy on loopback for the time of the block.

    Args:
        ports: the servers' ports.
        agent_ports: the ports of their agent checks.
        port: HAProxy's own port.
        folder: place for its file, log and socket.
    """
    target = Target(replicas=len(ports), balancer_port=port, server=ServerSettings(agent_port=1))
    (text,) = render("haproxy", target).values()
    text = text.replace(f"bind :{port}", f"bind 127.0.0.1:{port}")
    for number, (server_port, agent_port) in enumerate(zip(ports, agent_ports, strict=True)):
        text = text.replace(f"127.0.0.1:{target.server.port + number} ", f"127.0.0.1:{server_port} ")
        text = text.replace(f"agent-port {1 + number}\n", f"agent-port {agent_port}\n")
    socket = folder / "haproxy.sock"
    text = text.replace("global\n", f"global\n    stats socket {socket}\n", 1)
    config = folder / "haproxy.cfg"
    config.write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        process = await trio.lowlevel.open_process(
            ["haproxy", "-db", "-f", str(config)], stdout=log, stderr=subprocess.STDOUT
        )
    try:
        with trio.fail_after(10):
            while not socket.exists():  # noqa: ASYNC110 - another process has no event for it
                await trio.sleep(0.05)
        yield Balancer(f"http://127.0.0.1:{port}", socket)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
