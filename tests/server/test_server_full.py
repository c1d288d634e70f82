"""Connections above the limit get a quick answer, and cost little whatever they do."""

from __future__ import annotations

import orjson
import pytest
import trio
from running import KEY, VOICE, hear, read_all, running, say, until

from zelitrio.server.connection import TURN_AWAY_S, TURNED_AWAY

ELSEWHERE = "https://elsewhere.example"
SPEECH = f"/v1/text-to-speech/{VOICE}"
UPGRADE = (
    f"GET {SPEECH}/stream-input HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
POST = f"POST {SPEECH} HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + "y" * 200_000


@pytest.mark.parametrize("request_", [UPGRADE, POST, "GET /live HTTP/1.1\r\nHost: x\r\n\r\n"])
async def test_a_connection_above_the_limit_gets_503_with_retry_after(request_):
    async with running(max_connections=1) as server, server.socket() as first:
        async with await server.connect() as stream:
            with trio.fail_after(2):
                await stream.send_all(request_.encode())
                head, _, body = (await read_all(stream)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 503 ") and b"retry-after: 5" in head.lower()
        assert orjson.loads(body)["detail"]["code"] == "too_many_connections"
        await say(first, text="The first is served on. ")
        await say(first, text="")
        assert (await hear(first))[-1]["isFinal"]


@pytest.mark.parametrize(
    ("keys", "origin", "allowed"),
    [([KEY], ELSEWHERE, "*"), ([], "http://localhost:3000", "http://localhost:3000"), ([], ELSEWHERE, None)],
)
async def test_a_page_can_read_the_503_of_a_full_server(keys, origin, allowed):
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    named = {"origin": origin}
    async with running(keys=keys) as server, server.http(headers=named) as http:
        usual, leave = await http.get("/live"), await http.options(SPEECH, headers=asked)
    async with (
        running(keys=keys, max_connections=1) as server,
        server.socket(),
        server.http(headers=named) as http,
    ):
        full = await http.post(SPEECH, json={"text": "No room."})
        full_leave = await http.options(SPEECH, headers=asked)
    assert full.headers.get("access-control-allow-origin") == allowed
    assert _of_origins(full) == _of_origins(usual)
    # A browser asks before it posts JSON.  If that is refused, the page never sees the 503.
    assert full_leave.status_code == leave.status_code == (403 if allowed is None else 200)
    assert _of_origins(full_leave) == _of_origins(leave)
    if allowed is not None:
        assert (full.status_code, full.headers["retry-after"]) == (503, "5")
        assert full.json()["detail"]["request_id"] == full.headers["request-id"]


def _of_origins(answer):
    """The headers that a browser's decision depends on."""
    return {name: value for name, value in answer.headers.items() if name.startswith(("access-", "vary"))}


async def test_a_connection_is_accepted_after_another_one_ends():
    async with running(max_connections=1) as server, server.http() as http:
        async with server.socket():
            with trio.fail_after(2):
                answer = await http.get("/live")
            assert answer.status_code == 503
        with trio.fail_after(4):
            while (await http.get("/live")).status_code != 200:  # noqa: ASYNC110 - there is no event for it
                await trio.sleep(0.05)


async def test_silent_connections_above_the_limit_are_few_and_short():
    async with running(max_connections=1) as server, server.socket():
        streams = [await server.connect() for _ in range(TURNED_AWAY + 20)]
        closed = []
        async with trio.open_nursery() as nursery:

            async def wait_closed(stream):
                began_at = trio.current_time()
                await read_all(stream)
                closed.append(trio.current_time() - began_at)

            for stream in streams:
                nursery.start_soon(wait_closed, stream)
            await until(lambda: len(closed) >= 20)
            at_once = len(closed)
        for stream in streams:
            await stream.aclose()
    assert at_once < len(streams)
    assert sum(took_s > 0.5 for took_s in closed) <= TURNED_AWAY
    assert max(closed) < TURN_AWAY_S + 1
