"""The answer to HAProxy's agent check."""

import pytest
import trio
from scripted_engine import ScriptedEngine

from zelitrio.server.agent import serve_agent, weight_line
from zelitrio.server.metrics import Metrics


@pytest.mark.parametrize(
    ("load", "line"),
    [
        (0.0, b"ready up 100%\n"),
        (0.4, b"ready up 70%\n"),
        (1.0, b"ready up 25%\n"),
        (7.0, b"ready up 25%\n"),
        (-1.0, b"ready up 100%\n"),
    ],
)
def test_the_weight_falls_with_the_load(load: float, line: bytes) -> None:
    assert weight_line(load, is_ready=True) == line


def test_a_server_that_drains_says_so() -> None:
    assert weight_line(0.0, is_ready=False) == b"drain\n"


async def test_each_connection_gets_one_line_and_the_end(nursery: trio.Nursery) -> None:
    def answer() -> bytes:
        return weight_line(0.5, is_ready=True)

    listeners = await nursery.start(serve_agent, "127.0.0.1", 0, answer, Metrics(ScriptedEngine()))
    port = listeners[0].socket.getsockname()[1]
    for _ in range(3):
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            assert await stream.receive_some() == b"ready up 62%\n"
            assert await stream.receive_some() == b""
    async with await trio.open_tcp_stream("127.0.0.1", port):
        pass  # a balancer may leave at once
    async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
        assert await stream.receive_some() == b"ready up 62%\n"


async def test_an_answer_that_fails_ends_one_connection(nursery: trio.Nursery) -> None:
    answers = [b"ready up 62%\n"]  # the first connection gets it, the second none

    listeners = await nursery.start(serve_agent, "127.0.0.1", 0, answers.pop, Metrics(ScriptedEngine()))
    port = listeners[0].socket.getsockname()[1]
    for expected in (b"ready up 62%\n", b"", b"drain\n"):
        if expected == b"drain\n":
            answers.append(expected)
        async with await trio.open_tcp_stream("127.0.0.1", port) as stream:
            assert await stream.receive_some() == expected
