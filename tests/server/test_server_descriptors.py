"""Without free descriptors the server logs it and answers 503, and it recovers when some are free."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import trio
from running import read_all, running, until

from zelitrio.server import raise_descriptor_limit
from zelitrio.server.connection import TURNED_AWAY
from zelitrio.server.descriptors import RESERVE, connections_possible

REPOSITORY = Path(__file__).parent.parent.parent
SERVER = ("-m", "bench.scripted_server", "--block-ms", "50", "--every-s", "0.001", "--blocks", "3")


@pytest.fixture
def limits():
    kept = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield kept
    resource.setrlimit(resource.RLIMIT_NOFILE, kept)


def test_the_soft_limit_is_raised_to_the_hard_one(limits):
    _, hard = limits
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    raise_descriptor_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (hard, hard)


async def test_with_few_descriptors_the_connection_limit_falls_and_is_logged(limits, capsys):
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, limits[1]))
    possible = connections_possible()
    assert possible is not None and possible < 300 - RESERVE
    async with running(max_connections=2000) as server, server.http() as http:
        assert (await http.get("/live")).status_code == 200
    assert "too_few_descriptors" in capsys.readouterr().out
    async with running(max_connections=100):
        pass
    assert "too_few_descriptors" not in capsys.readouterr().out


@pytest.mark.slow
def test_more_connections_than_descriptors_do_not_end_the_process():
    limit = 60 + RESERVE
    command = f"ulimit -n {limit}; exec {sys.executable} {' '.join(SERVER)}"
    process = subprocess.Popen(
        command, shell=True, cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert process.stdout is not None
    with process.stdout:
        try:
            url = process.stdout.readline().split()[-1]
            port = int(url.rpartition(":")[2])
            held = [socket.create_connection(("127.0.0.1", port)) for _ in range(limit + TURNED_AWAY)]
            for one in held[: limit // 2]:
                one.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for one in held:
                one.close()
            with httpx.Client(base_url=url, trust_env=False, timeout=10) as http:
                # It may be accepted before the others' ends are read.
                deadline = time.monotonic() + 20
                while (status := http.get("/live").status_code) != 200:
                    assert time.monotonic() < deadline, status
                    time.sleep(0.01)
            assert process.poll() is None
        finally:
            process.kill()
            process.wait()


async def test_an_accept_without_a_free_descriptor_is_retried(limits):
    async with running(max_connections=100) as server:
        held = [await server.connect() for _ in range(5)]
        resource.setrlimit(resource.RLIMIT_NOFILE, (held[-1].socket.fileno() + 3, limits[1]))
        more = []
        try:
            with pytest.raises(OSError):
                while True:
                    more.append(await server.connect())
            await trio.sleep(0.3)
            assert not server.ended.is_set()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
        for stream in more:
            await stream.send_all(b"GET /live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            with trio.fail_after(3):
                assert (await read_all(stream)).startswith(b"HTTP/1.1 200")
        for stream in [*held, *more]:
            await stream.aclose()
        await until(lambda: not server.engine.lanes)
