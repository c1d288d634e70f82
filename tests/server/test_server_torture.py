"""A short form of `bench.torture`: cut and mutated requests, and one listener."""

from __future__ import annotations

import itertools

import pytest
import trio
from running import KEY, VOICE, descriptors_held, hear, pcm_in, running, say, until
from scripted_engine import ScriptedEngine
from strangers import visit

from bench.hostile import cut_visits, door_requests, random_visits, requests

TEXT = "The listener hears every sample of this sentence, whatever others do meanwhile. "
AT_ONCE = 32
CUT_EVERY = 11


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
async def test_hostile_clients_do_not_change_a_listeners_audio(seed):
    async with running(ScriptedEngine(step_s=0.01), keys=[KEY]) as server, server.http() as http:

        async def listen() -> bytes:
            async with server.socket(headers=[("xi-api-key", KEY)], seed="7") as socket:
                await say(socket, text=TEXT, flush=True)
                await say(socket, text="")
                return pcm_in(await hear(socket)).tobytes()

        alone = await listen()
        held = descriptors_held()
        known = (*requests(VOICE), *door_requests(VOICE))
        visits = itertools.chain(
            cut_visits(requests(VOICE), CUT_EVERY), itertools.islice(random_visits(known, seed), 900)
        )
        heard = []

        async def work() -> None:
            for one in visits:
                await visit(server.port, one, 0.3)

        async with trio.open_nursery() as nursery:

            async def stand_by() -> None:
                while True:
                    heard.append(await listen())

            nursery.start_soon(stand_by)
            async with trio.open_nursery() as visitors:
                for _ in range(AT_ONCE):
                    visitors.start_soon(work)
            nursery.cancel_scope.cancel()
        assert heard and set(heard) == {alone}
        counted = (await http.get("/metrics", headers={"xi-api-key": KEY})).text
        assert "zelitrio_connections_failed_total 0.0" in counted
        await until(lambda: not server.engine.lanes)
        await until(lambda: descriptors_held() <= held + 2, 5)
