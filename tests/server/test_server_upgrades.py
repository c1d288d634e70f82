"""A WebSocket on a connection that HTTP was spoken on before."""

from __future__ import annotations

import json

import pytest
import trio
from running import KEY, VOICE, hear, pcm_in, read_all, running
from trio_websocket import wrap_client_stream

from zelitrio.server.upgrades import UpgradeWatch

GET = b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = (
    b"GET /v1/text-to-speech/zeli-voice-1/multi-stream-input HTTP/1.1\r\nHost: x\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def post(body: bytes) -> bytes:
    return b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


CHUNKED = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


@pytest.mark.parametrize("before", [GET, post(b'{"text": "Hi"}'), CHUNKED + GET, post(UPGRADE)])
def test_an_upgrade_is_found_wherever_the_bytes_are_cut(before):
    data = before + UPGRADE + b"frames"
    for cut in range(len(data)):
        watch = UpgradeWatch(4096)
        passed, found = watch.receive(data[:cut])
        if not found:
            more, found = watch.receive(data[cut:])
            passed += more
            rest = b""
        else:
            rest = data[cut:]
        assert found
        assert (passed, watch.held + rest) == (before, UPGRADE + b"frames")


def test_a_body_that_looks_like_an_upgrade_is_a_body():
    watch = UpgradeWatch(4096)
    smuggled = post(UPGRADE * 2)
    head = len(smuggled) - 2 * len(UPGRADE)
    for piece in (smuggled[:head], smuggled[head:], GET):
        assert watch.receive(piece) == (piece, False)
    assert watch.held == b""


def test_the_first_request_is_not_judged_again():
    watch = UpgradeWatch(4096)
    assert watch.receive(UPGRADE) == (UPGRADE, False)


def test_what_is_not_http_is_passed_on_to_be_refused():
    watch = UpgradeWatch(4096)
    assert watch.receive(GET)[0] == GET
    assert watch.receive(b"\x00nonsense\r\n\r\n") == (b"\x00nonsense\r\n\r\n", False)
    assert watch.receive(UPGRADE) == (UPGRADE, False)


async def test_a_kept_connection_may_turn_into_a_socket():
    async with running(keys=[KEY]) as server, await server.connect() as stream:
        key = f"xi-api-key: {KEY}\r\n".encode()
        for _ in range(2):
            await stream.send_all(b"GET /v1/voices HTTP/1.1\r\nHost: x\r\n" + key + b"\r\n")
            answer = b""
            while not answer.endswith(b"}]}"):
                answer += await stream.receive_some()
            assert answer.startswith(b"HTTP/1.1 200")
        async with trio.open_nursery() as nursery:
            target = f"/v1/text-to-speech/{VOICE}/stream-input?output_format=pcm_24000"
            socket = await wrap_client_stream(
                nursery, stream, "x", target, extra_headers=[(b"xi-api-key", KEY.encode())]
            )
            for message in ({"text": " "}, {"text": "Hello there. "}, {"text": ""}):
                await socket.send_message(json.dumps(message))
            assert len(pcm_in(await hear(socket))) > 1000
            nursery.cancel_scope.cancel()


async def test_a_kept_connection_still_ends_with_its_client():
    async with running() as server, await server.connect() as stream:
        await stream.send_all(GET + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = await read_all(stream)
    assert answer.count(b"HTTP/1.1 200") == 2
