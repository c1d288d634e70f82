"""No peer can end the server or change another client's audio."""

from __future__ import annotations

import orjson
import pytest
import trio
from running import KEY, VOICE, hear, pcm_in, running, say
from scripted_engine import ScriptedEngine
from strangers import WAYS, visit

TEXT = "The bystander hears every sample of this, whatever others do meanwhile. " * 3


async def listen(server) -> bytes:
    """Receive a seeded stream of audio, paced by the engine."""
    async with server.socket(headers=[("xi-api-key", KEY)], seed="7") as bystander:
        await say(bystander, text=TEXT, flush=True)
        await say(bystander, text="")
        return pcm_in(await hear(bystander)).tobytes()


@pytest.mark.parametrize("name", WAYS)
async def test_no_stranger_ends_the_server_or_changes_a_stream(name):
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


async def test_no_stranger_over_tls_ends_the_server_or_changes_a_stream(certificates):
    async with running(ScriptedEngine(step_s=0.01), keys=[KEY], cors_origins=(), **certificates) as server:
        alone = await listen(server)
        heard: list[bytes] = []
        async with trio.open_nursery() as nursery:

            async def stand_by() -> None:
                while True:
                    heard.append(await listen(server))

            nursery.start_soon(stand_by)
            for visits in WAYS.values():
                async with trio.open_nursery() as visitors:
                    for one in visits:
                        for _ in range(min(one.times, 8)):
                            visitors.start_soon(visit, server.port, one, 0.3, server.tls)
            nursery.cancel_scope.cancel()
        assert heard and set(heard) == {alone}
        async with server.http() as http:
            counted = (await http.get("/metrics")).text
    assert "zelitrio_connections_failed_total 0.0" in counted
