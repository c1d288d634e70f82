"""Encoding in turns."""

from __future__ import annotations

import math

import numpy as np
import pytest
import trio
import trio.testing

from zelitrio.audio import open_encoder, parse_format
from zelitrio.session.encoding import Turns, encode_in_turns


@pytest.mark.parametrize(("name", "slices"), [("mp3_44100_128", 18), ("pcm_24000", 0), ("ulaw_8000", 0)])
async def test_slices_give_the_same_bytes_and_let_others_run_between(name: str, slices: int) -> None:
    audio = (0.3 * np.sin(np.arange(24_000) / 20)).astype(np.float32)
    whole = open_encoder(parse_format(name))
    expected = whole.encode(audio) + whole.flush()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    encoder = open_encoder(parse_format(name))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        encoded = await encode_in_turns(encoder, audio, 24_000, Turns(), -math.inf)
        nursery.cancel_scope.cancel()
    assert encoded + encoder.flush() == expected
    assert turns >= slices


async def test_the_most_urgent_has_the_next_turn_and_equals_go_in_order() -> None:
    turns, order = Turns(), []
    wanted = [("far", 9.0), ("near", 1.0), ("new", -math.inf), ("next", 1.0), ("also new", -math.inf)]

    async def work(name: str, due_s: float) -> None:
        async with turns.turn(due_s):
            order.append(name)

    async with trio.open_nursery() as nursery, turns.turn(0.0):
        for name, due_s in wanted:
            nursery.start_soon(work, name, due_s)
            await trio.testing.wait_all_tasks_blocked()
        assert order == []
    assert order == ["new", "also new", "near", "next", "far"]


@pytest.mark.parametrize("seed", range(5))
async def test_those_who_give_up_waiting_take_no_turn_with_them(seed: int) -> None:
    random = np.random.default_rng(seed)
    turns, inside = Turns(), 0

    async def work(due_s: float, patience: int) -> None:
        nonlocal inside
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_after, scope, patience)
                async with turns.turn(due_s):
                    inside += 1
                    assert inside == 1
                    inside -= 1
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(work, float(random.random()), int(random.integers(0, 40)))
    async with turns.turn(0.0):
        pass
    assert not turns._is_taken and not turns._waiting


async def _cancel_after(scope: trio.CancelScope, checkpoints: int) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()
