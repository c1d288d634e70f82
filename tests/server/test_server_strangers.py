"""Nothing that one peer does ends the server, or changes what another one hears."""

from __future__ import annotations

import socket
import struct

import orjson
import pytest
import trio
from running import KEY, VOICE, hear, pcm_in, running, say
from scripted_engine import ScriptedEngine
from strangers import WAYS, Visit

TEXT = "The bystander hears every sample of this, whatever others do meanwhile. " * 3
WAIT_S = 2.0


async def visit(port: int, one: Visit) -> bytes:
    """Make one connection; returns what it heard."""
    heard = b""
    try:
        stream = await trio.open_tcp_stream("127.0.0.1", port)
    except OSError:
        return heard
    try:
        for number, part in enumerate(one.parts):
            if number:
                await trio.sleep(one.pause_s)
            await stream.send_all(part)
        with trio.move_on_after(WAIT_S):
            while len(heard) < one.reads and (data := await stream.receive_some(65536)):
                heard += data
        if one.ending == "half":
            await stream.send_eof()
        if one.ending in ("half", "stay"):
            with trio.move_on_after(WAIT_S):
                while data := await stream.receive_some(65536):
                    heard += data
        if one.ending == "reset":
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass
    finally:
        await trio.aclose_forcefully(stream)
    return heard


async def listen(server) -> bytes:
    """A seeded stream of audio, paced by the engine."""
    async with server.socket(headers=[("xi-api-key", KEY)], seed="7") as bystander:
        await say(bystander, text=TEXT, flush=True)
        await say(bystander, text="")
        return pcm_in(await hear(bystander)).tobytes()


@pytest.mark.parametrize("name", WAYS)
async def test_no_way_ends_the_server_or_changes_a_stream(name):
    async with running(ScriptedEngine(step_s=0.01), keys=[KEY], cors_origins=()) as server:
        alone = await listen(server)
        assert len(alone) > 48_000
        heard: list[bytes] = []
        async with trio.open_nursery() as nursery:

            async def stand_by() -> None:
                heard.append(await listen(server))

            nursery.start_soon(stand_by)
            for one in WAYS[name]:
                async with trio.open_nursery() as visitors:
                    for _ in range(one.times):
                        visitors.start_soon(visit, server.port, one)
        assert heard == [alone]
        async with server.http(headers={"xi-api-key": KEY}) as http:
            assert (await http.get("/live")).status_code == 200
            answer = await http.post(
                f"/v1/text-to-speech/{VOICE}", content=orjson.dumps({"text": "Hello there."})
            )
            assert answer.status_code == 200
