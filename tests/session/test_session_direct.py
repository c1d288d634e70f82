"""Blocks that are encoded and sent in the call that delivers them: turns of the loop, room, barge-in."""

from __future__ import annotations

from contextlib import asynccontextmanager
from types import SimpleNamespace

import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine

from zelitrio.protocol import Connection, parse_socket_target
from zelitrio.session.context import Context
from zelitrio.session.context_sink import ContextSink
from zelitrio.session.outbox import Outbox
from zelitrio.session.packets import Packet
from zelitrio.session.service import Observer
from zelitrio.settings import SessionSettings

TEXT = "A sentence with rather more words than the others, so that it has many blocks. "


class Turns(trio.abc.Instrument):
    """Counts the turns of the session's tasks."""

    def __init__(self) -> None:
        self.count = 0

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.count += task.name.startswith("zelitrio.session")


@asynccontextmanager
async def counted():
    turns = Turns()
    trio.lowlevel.add_instrument(turns)
    yield turns
    trio.lowlevel.remove_instrument(turns)


async def turns_for(block_ms: float, output_format: str) -> tuple[int, bytes]:
    engine = ScriptedEngine(block_ms=block_ms, first_s=0.01, step_s=block_ms / 10_000)
    address = target(output_format=output_format)
    async with counted() as turns, conversation(make_service(engine), address) as (socket, done):
        socket.say(text=TEXT)
        socket.say(text="")
        await done.wait()
        return turns.count, socket.audio()


async def test_a_block_takes_no_turn_of_the_loop_while_the_peer_takes_all(autojump_clock) -> None:
    few, heard = await turns_for(400, "pcm_24000")
    many, heard_too = await turns_for(10, "pcm_24000")
    assert heard == heard_too and few < 10
    assert many < few + 6  # for the deadlines of the first blocks


async def test_a_codec_that_costs_much_is_left_to_the_task(autojump_clock) -> None:
    few, heard = await turns_for(400, "mp3_44100_128")
    many, heard_too = await turns_for(10, "mp3_44100_128")
    assert heard == heard_too and many > few + 50


def make_sink(outbox: Outbox) -> tuple[ContextSink, Context]:
    request = parse_socket_target(target(), ())
    assert request is not None
    stream = SimpleNamespace(notices=None)  # the only field used here
    context = Context(None, stream)  # type: ignore[arg-type]
    connection = Connection(request, SessionSettings(), 0.0)
    return ContextSink(context, connection, outbox, Observer()), context


async def test_packets_that_come_together_leave_in_one_call() -> None:
    offered: list[tuple[str, ...]] = []

    def offer(*messages: str) -> bool:
        offered.append(messages)
        return True

    sink, _ = make_sink(Outbox(offer))
    sink.put_nowait([Packet(b"ab"), Packet(b"cd")])
    assert [len(messages) for messages in offered] == [2]


@pytest.mark.parametrize("trouble", ["slow", "closing", "cancelled"])
async def test_there_is_no_room_for_a_peer_that_is_slow_or_gone_or_silenced_its_context(trouble: str) -> None:
    outbox = Outbox(lambda *messages: trouble != "slow")
    sink, context = make_sink(outbox)
    assert sink.has_room
    if trouble == "slow":
        outbox.put_nowait(("begun",), lambda: None)
    elif trouble == "closing":
        outbox.close(1000, "")
    else:
        context.cancel()
    assert not sink.has_room


async def test_a_context_that_is_cancelled_between_two_blocks_sends_no_more(autojump_clock) -> None:
    engine = ScriptedEngine(block_ms=20, first_s=0.01, step_s=0.01)
    async with conversation(make_service(engine), target(multi=True)) as (socket, _):
        socket.say(text=TEXT, context_id="a", flush=True)
        await trio.sleep(0.1)
        socket.say(context_id="a", cancel=True)
        await trio.sleep(0.1)
        heard = len(socket.audio("a"))
        assert heard and socket.finals()
        await trio.sleep(5)
        assert len(socket.audio("a")) == heard


async def test_a_slow_peer_gets_every_sample_and_holds_the_engine_back(autojump_clock) -> None:
    heard: list[bytes] = []
    for pause_s in (0.0, 0.3):
        engine = ScriptedEngine(block_ms=20, first_s=0.01, step_s=0.01)
        async with conversation(make_service(engine), target()) as (socket, done):
            socket.pause_s = pause_s
            socket.say(text=3 * TEXT)
            socket.say(text="")
            await done.wait()
            heard.append(socket.audio())
    assert heard[0] == heard[1]


async def test_a_bug_in_the_call_that_brings_a_block_ends_its_context_only(
    autojump_clock, monkeypatch
) -> None:
    engine = ScriptedEngine(block_ms=20, first_s=0.01, step_s=0.01)
    put_nowait = ContextSink.put_nowait

    def broken(self: ContextSink, packets) -> None:
        if self._context.context_id == "a":
            raise ZeroDivisionError
        put_nowait(self, packets)

    monkeypatch.setattr(ContextSink, "put_nowait", broken)
    service = make_service(engine)
    async with conversation(service, target(multi=True)) as (socket, _):
        for name in "ab":
            socket.say(text=TEXT, context_id=name, flush=True)
            socket.say(context_id=name, close_context=True)
        await trio.sleep(10)
        assert [error["contextId"] for error in socket.errors()] == ["a"]
        assert [type(error) for error in service.observer.bugs] == [ZeroDivisionError]
        assert not socket.audio("a") and socket.audio("b")
