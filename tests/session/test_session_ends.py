"""Irregular ends of conversations: cancelled anywhere, drained, the engine lost."""

from __future__ import annotations

import pytest
import trio
from memory_socket import MemorySocket, conversation, make_service, target
from scripted_engine import ScriptedEngine, pcm_of

from zelitrio.protocol import parse_socket_target
from zelitrio.session import run_socket

TEXT = "This is a sentence of some length, to be sure. "


class CancelAt(trio.abc.Instrument):
    """Cancels a scope when its tasks are about to run for the k-th time."""

    def __init__(self, scope: trio.CancelScope, step: int) -> None:
        self.scope = scope
        self.left = step

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.left -= 1
        if self.left == 0:
            self.scope.cancel()


async def scenario(socket: MemorySocket) -> None:
    for name in ("a", "b"):
        socket.say(text=TEXT, context_id=name)
        socket.say(text=TEXT, context_id=name, flush=True)
    await trio.sleep(0.03)
    socket.say(context_id="a", close_context=True)
    socket.say(text=TEXT, context_id="c")
    await trio.sleep(0.03)
    socket.say(context_id="c", close_context=True)
    await trio.sleep(0.3)
    socket.say(close_socket=True)


async def run_cancelled_at(step: int) -> bool:
    """Cancel the scenario at a step; return whether it had ended before.  No lane stays occupied."""
    engine = ScriptedEngine(block_ms=200, step_s=0.02)
    service = make_service(engine)
    socket = MemorySocket()
    request = parse_socket_target(target(multi=True, auto_mode="true"), ())
    with trio.CancelScope() as scope:
        cancel = CancelAt(scope, step)
        trio.lowlevel.add_instrument(cancel)
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(scenario, socket)
                await run_socket(socket, request, service)
        finally:
            trio.lowlevel.remove_instrument(cancel)
    assert engine.lanes == []
    observer = service.observer
    assert observer.opened == len(observer.closed) and len(observer.socket_codes) == 1
    return not scope.cancel_called


async def test_cancelled_at_any_step_it_leaves_no_lane_behind(autojump_clock):
    step = 1
    while not await run_cancelled_at(step):
        step += 1
    assert step > 50


async def test_a_peer_that_leaves_frees_its_lanes_at_once(autojump_clock):
    engine = ScriptedEngine(step_s=1)
    service = make_service(engine)
    async with conversation(service, target()) as (socket, done):
        socket.say(text=TEXT * 5, flush=True)
        await trio.sleep(1.5)
        assert len(engine.lanes) == 1
        socket.leave()
        await trio.testing.wait_all_tasks_blocked()
        assert engine.lanes == [] and done.is_set()
    assert service.observer.closed == ["gone"] and service.observer.socket_codes == [1006]


async def test_a_drain_closes_idle_sockets_at_once_with_1012(autojump_clock):
    service = make_service(ScriptedEngine())
    async with conversation(service, target(multi=True)) as (socket, done):
        socket.say(text=" ", context_id="x")
        await trio.sleep(1)
        service.drain.set()
        await done.wait()
        assert trio.current_time() == 1
    assert socket.closed == (1012, "service restart")


async def test_a_drain_lets_speech_finish_even_what_was_only_buffered(autojump_clock):
    engine = ScriptedEngine(step_s=0.1)
    service = make_service(engine)
    async with conversation(service, target()) as (socket, done):
        socket.say(text="First part. ", flush=True)
        socket.say(text="only buffered")
        await trio.sleep(0.01)
        service.drain.set()
        await done.wait()
    assert socket.closed == (1012, "service restart") and socket.finals() == []
    assert len(socket.pcm()) == sum(len(pcm_of(text)) for text in engine.fed())
    assert "only buffered" in engine.fed()[-1]


async def test_a_drain_gives_an_ended_stream_its_final_and_1000(autojump_clock):
    service = make_service(ScriptedEngine(step_s=0.1))
    async with conversation(service, target()) as (socket, done):
        socket.say(text=TEXT)
        socket.say(text="")
        await trio.sleep(0.05)
        service.drain.set()
        await done.wait()
    assert len(socket.finals()) == 1 and socket.closed == (1000, "")


async def test_a_drain_waits_for_text_that_still_comes_while_speaking(autojump_clock):
    engine = ScriptedEngine(step_s=0.1)
    service = make_service(engine)
    async with conversation(service, target()) as (socket, done):
        socket.say(text=TEXT, flush=True)
        await trio.sleep(0.01)
        service.drain.set()
        await trio.sleep(0.1)
        socket.say(text="And one more thing. ")
        await done.wait()
    assert len(engine.fed()) == 2 and socket.closed[0] == 1012


@pytest.mark.parametrize("multi", [False, True])
async def test_a_lost_engine_is_reported_to_speaking_and_idle_sockets(autojump_clock, multi):
    engine = ScriptedEngine(step_s=0.1)
    service = make_service(engine)
    async with (
        conversation(service, target(multi=multi)) as (speaking, _),
        conversation(service, target(multi=multi)) as (idle, _),
    ):
        speaking.say(text=TEXT, flush=True)
        idle.say(text=" ")
        await trio.sleep(0.15)
        engine.break_down()
        service.failure = engine.broken
        service.drain.set()
        await trio.sleep(1)
    for socket in (speaking, idle):
        assert socket.errors()[-1]["error"] == "something_went_wrong"
        assert socket.closed[0] == 1011
    assert engine.lanes == []


async def test_a_flood_of_mistakes_by_a_peer_that_never_reads_is_bounded(autojump_clock):
    service = make_service(ScriptedEngine(), max_contexts=1)
    async with conversation(service, target(multi=True)) as (socket, done):
        socket.stalled = True
        socket.say(text="one ", context_id="one")
        for number in range(900):
            socket.say(text="two ", context_id=f"n{number}")
        await done.wait()
        assert trio.current_time() < 10
