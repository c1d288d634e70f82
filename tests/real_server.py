"""The real server as a user starts it: its own process, the built-in voice, a free port."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import attrs
import websocket

KEY = "sk-zeli-end-to-end"
VOICE = "zeli-voice-1"
_READY = re.compile(r"ready at (https?)://[\d.]+:(\d+)")
_START_S = 90


@attrs.frozen
class Server:
    """A server that is ready.

    Attributes:
        url: its base URL, with the host name of its certificate.
        certificate_authority: a PEM file to trust, if it uses TLS.
        pid: its process id.
        said: its output until it was ready.
        log: the later lines of its output.
    """

    url: str
    pid: int
    certificate_authority: str | None = None
    said: str = ""
    log: list[str] = attrs.field(factory=list, eq=False)

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


@contextmanager
def open_socket(
    server: Server, path: str, *, timeout_s: float = 20, **query: str
) -> Iterator[websocket.WebSocket]:
    """A WebSocket of a client with the key, until the block is left."""
    url = f"{server.ws_url}{path}?{urlencode(query)}"
    socket = websocket.create_connection(url, header={"xi-api-key": KEY}, timeout=timeout_s)
    try:
        yield socket
    finally:
        socket.shutdown()


@contextmanager
def started(
    *flags: str,
    authority: str | None = None,
    key: str | None = KEY,
    port: int = 0,
    ended_with: int | None = None,
) -> Iterator[Server]:
    """Run a server for the time of the block; then check that it drains and exits with the right code.

    Args:
        flags: flags of `zelitrio serve`.
        authority: a PEM file to trust.
        key: the required key; None: no key is required.
        port: the port to bind; 0 for a free one.
        ended_with: the exit code, if the test itself ends the server.
    """
    command = [str(Path(sys.executable).parent / "zelitrio"), "serve", "--port", str(port), *flags]
    if key is not None:
        command += ["--api-key", key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        give_up = threading.Timer(_START_S, process.kill)
        give_up.start()
        said = []
        match = None
        assert process.stdout is not None
        for line in process.stdout:
            said.append(line)
            if match := _READY.search(line):
                break
        give_up.cancel()
        assert match, "the server did not start: " + "".join(said)
        # Keep reading its log, because a full pipe would stop it.
        log: list[str] = []
        reader = threading.Thread(target=log.extend, args=(process.stdout,))
        reader.start()
        scheme, bound = match.groups()
        host = "localhost" if scheme == "https" else "127.0.0.1"
        try:
            yield Server(f"{scheme}://{host}:{bound}", process.pid, authority, "".join(said), log)
        finally:
            if ended_with is None:
                process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=40) == (ended_with or 0)
            reader.join()
