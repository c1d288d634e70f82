"""The real server, as a user starts it: a process of its own, the built-in voice, a free port."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest
import trustme

KEY = "sk-zeli-end-to-end"
VOICE = "zeli-voice-1"
_READY = re.compile(r"ready at (https?)://[\d.]+:(\d+)")
_START_S = 90


@attrs.frozen
class Server:
    """A server that is up.

    Attributes:
        url: its base URL, by the name its certificate has.
        certificate_authority: a PEM file to trust, where it speaks TLS.
        pid: of its process.
    """

    url: str
    pid: int
    certificate_authority: str | None = None

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1)


@contextmanager
def started(*flags: str, authority: str | None = None) -> Iterator[Server]:
    """A server until the block is left; then it must drain and say that all went well."""
    command = [Path(sys.executable).parent / "zelitrio", "serve", "--port", "0", "--api-key", KEY, *flags]
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
        # Its log must be read on, or a full pipe would stop it.
        reader = threading.Thread(target=process.stdout.read)
        reader.start()
        scheme, port = match.groups()
        host = "localhost" if scheme == "https" else "127.0.0.1"
        try:
            yield Server(f"{scheme}://{host}:{port}", process.pid, authority)
        finally:
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=40) == 0
            reader.join()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with started() as server:
        yield server


@pytest.fixture(scope="session")
def tls_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tls")
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    key, chain, trusted = (str(folder / name) for name in ("key.pem", "chain.pem", "authority.pem"))
    certificate.private_key_pem.write_to_path(key)
    for blob in certificate.cert_chain_pems:
        blob.write_to_path(chain, append=True)
    authority.cert_pem.write_to_path(trusted)
    with started("--tls-cert", chain, "--tls-key", key, authority=trusted) as server:
        yield server
