"""A thousand contexts on four sockets, most of them cancelled: each gets only its own audio."""

from __future__ import annotations

import base64
import random
from contextlib import AsyncExitStack

import numpy as np
import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine, pcm_of

SOCKETS = 4
CONTEXTS = 5
CANCELS = 1000


@pytest.mark.slow
async def test_a_thousand_cancels_leave_every_context_its_own_sound_and_silence_after(autojump_clock):
    chance = random.Random(7)
    engine = ScriptedEngine(block_ms=80, step_s=0.02)
    service = make_service(engine)
    said: dict[tuple[int, str], str] = {}
    async with AsyncExitStack() as stack:
        sockets = []
        for _ in range(SOCKETS):
            opened = conversation(service, target(multi=True, auto_mode="true"))
            sockets.append((await stack.enter_async_context(opened))[0])
        alive: list[list[str]] = [[] for _ in sockets]
        for number in range(CANCELS):
            place = number % SOCKETS
            if len(alive[place]) == CONTEXTS:
                cut = alive[place].pop(chance.randrange(CONTEXTS))
                sockets[place].say(context_id=cut, close_context=True)
                await trio.sleep(0.001)
            name = f"n{number}"
            said[place, name] = f"Context {number} says {number} times that it is context {number}. "
            sockets[place].say(text=said[place, name], context_id=name)
            alive[place].append(name)
            await trio.sleep(chance.random() * 0.02)
        for place, names in enumerate(alive):
            for name in names:
                sockets[place].say(context_id=name, close_context=True)
        await trio.sleep(1)
        assert engine.lanes == []
    frames: dict[tuple[int, str], list] = {place_and_name: [] for place_and_name in said}
    for place, socket in enumerate(sockets):
        for _, frame in socket.frames:
            frames[place, frame["contextId"]].append(frame)
    heard = 0
    for place_and_name, text in said.items():
        *spoken, final = frames[place_and_name]
        assert final["isFinal"] and not any(frame["isFinal"] for frame in spoken)
        audio = b"".join(base64.b64decode(frame["audio"]) for frame in spoken)
        got = np.frombuffer(audio, "<i2").astype(np.float32) / 32768
        np.testing.assert_allclose(got, pcm_of(text)[: len(got)], atol=1e-4)
        heard += bool(len(got))
    assert heard > CANCELS / 2
    assert all(socket.errors() == [] for socket in sockets)
    assert service.observer.closed.count("discarded") > CANCELS / 2
