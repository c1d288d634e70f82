"""The Autobahn cases for WebSockets, run against an echo over the server's own WebSocket class."""

from __future__ import annotations

import asyncio
from functools import partial

import kosoku
import pytest
import trio

from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import read_head
from zelitrio.server.websocket import WebSocket, accept_answer
from zelitrio.session import PeerLeft

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
WRITE_TIMEOUT_S = 30.0
LEFT_OUT = ["12.*", "13.*"]
"""Cases of compression, which the server does not offer."""


async def echo(socket: trio.SocketStream) -> None:
    stream = GuardedStream(socket, WRITE_TIMEOUT_S)
    async with stream, trio.open_nursery() as nursery:
        head = await read_head(stream, 5.0, 16 * 1024)
        if head is None:
            return
        peer = WebSocket(stream, nursery, MAX_MESSAGE_BYTES, answer=accept_answer(head), received=head.rest)
        try:
            while True:
                peer.offer(await peer.receive())
                await peer.flush()
        except PeerLeft:
            await peer.finish()
            await stream.linger()
        nursery.cancel_scope.cancel()


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_every_case_passes():
    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, echo, 0, host="127.0.0.1"))
        url = f"ws://127.0.0.1:{listeners[0].socket.getsockname()[1]}"
        run = partial(kosoku.run_fuzzingclient, url, exclude_cases=LEFT_OUT, concurrency=4)

        async def run_cases():
            return await run()

        results = await trio.to_thread.run_sync(asyncio.run, run_cases())
        nursery.cancel_scope.cancel()
    assert len(results) == 301
