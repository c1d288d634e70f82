"""A WebSocket on a connection that was used for HTTP.

Some clients reuse a connection for a WebSocket: aiohttp's session does, and with it LiveKit's agents.
"""

from __future__ import annotations

import json

import pytest
import trio
from running import KEY, VOICE, hear, pcm_in, read_all, running
from trio_websocket import wrap_client_stream

GET = b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n"
UPGRADE = (
    b"GET /v1/text-to-speech/zeli-voice-1/multi-stream-input HTTP/1.1\r\nHost: localhost\r\n"
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
CLOSE = b"\x88\x80\0\0\0\0"


def post(body: bytes) -> bytes:
    return b"POST /live HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)


CHUNKED = (
    b"POST /live HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
)


@pytest.mark.parametrize(
    ("before", "statuses"),
    [(GET, [200]), (post(b'{"text": "Hi"}'), [405]), (CHUNKED + GET, [405, 200]), (post(UPGRADE), [405])],
)
async def test_an_upgrade_is_found_wherever_the_bytes_are_cut_and_no_answer_before_it_is_lost(
    before, statuses
):
    data = before + UPGRADE + CLOSE
    async with running() as server, trio.open_nursery() as nursery:

        async def send_cut(cut: int) -> None:
            async with await server.connect() as stream:
                for part in (data[:cut], data[cut:]):
                    await stream.send_all(part)
                    await trio.sleep(0.01)
                with trio.fail_after(5):
                    answer = await read_all(stream)
            found = [int(line[9:12]) for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
            *answered, upgraded = found
            # If the cut falls within a body, the answer may come before the body's end.  The connection
            # cannot be kept then.
            assert (answered, upgraded) == (statuses, 101) or found == statuses[:1], (cut, answer)

        for cut in range(0, len(data), 5):
            nursery.start_soon(send_cut, cut)


async def test_a_body_that_looks_like_an_upgrade_is_a_body():
    async with running() as server, await server.connect() as stream:
        await stream.send_all(post(UPGRADE * 2) + GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        answer = await read_all(stream)
    assert answer.count(b"HTTP/1.1 405") == answer.count(b"HTTP/1.1 200") == 1
    assert answer.count(b"HTTP/1.1 ") == 2


async def test_a_kept_connection_may_turn_into_a_socket():
    async with running(keys=[KEY]) as server, await server.connect() as stream:
        key = f"xi-api-key: {KEY}\r\n".encode()
        for _ in range(2):
            await stream.send_all(b"GET /v1/voices HTTP/1.1\r\nHost: localhost\r\n" + key + b"\r\n")
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
