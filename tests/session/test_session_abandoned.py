"""Closed contexts do not delay the next one on their socket."""

from __future__ import annotations

import base64

import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine

from zelitrio.audio import parse_format
from zelitrio.protocol import ChunkSchedule
from zelitrio.session import Packet, StreamOptions
from zelitrio.session.stream import SpeechStream

ONE, TWO = "zeli-voice-1", "zeli-voice-2"
LONG = "This sentence has quite a few words in it, so that it takes its time. "
DIALOGUE = "/v1/text-to-dialogue/multi-stream-input?output_format=pcm_24000"


def audio_of(socket, context: str) -> bytes:
    frames = [frame for _, frame in socket.frames]
    mine = [one for one in frames if context in (one.get("contextId"), one.get("context_id"))]
    return b"".join(base64.b64decode(one["audio"]) for one in mine if one.get("audio"))


def write(socket, is_dialogue, context):
    if is_dialogue:
        socket.say(context_id=context, voices=[ONE], inputs=[{"text": LONG, "voice_id": ONE}])
    else:
        socket.say(context_id=context, text=LONG, flush=True)


@pytest.mark.parametrize("is_dialogue", [True, False])
async def test_a_closing_context_is_abandoned_when_the_next_opens(is_dialogue, autojump_clock):
    engine = ScriptedEngine(step_s=0.2)
    place = DIALOGUE if is_dialogue else target(multi=True, auto_mode="true")
    async with conversation(make_service(engine), place) as (socket, _):
        write(socket, is_dialogue, "a")
        await trio.sleep(0.1)
        socket.say(context_id="a", close_context=True)
        await trio.sleep(0.1)
        # It may be a normal end of a turn, but the next turn must not wait for a long step.
        assert engine.lanes[0].closed_softly and not engine.lanes[0].is_abandoned
        write(socket, is_dialogue, "b")
        await trio.sleep(0.1)
        assert [lane.is_abandoned for lane in engine.lanes] == [True, False]


async def test_a_dialogue_that_ended_before_it_had_a_lane_gives_way_once_it_has_one(autojump_clock):
    engine = ScriptedEngine(step_s=0.2)
    async with conversation(make_service(engine), DIALOGUE) as (socket, _):
        lines = [{"text": LONG, "voice_id": voice} for voice in (ONE, TWO)]
        socket.say(context_id="a", voices=[ONE, TWO], inputs=lines, close_context=True)
        await trio.sleep(0.1)
        assert [lane.closed_softly for lane in engine.lanes] == [True]
        await trio.sleep(4)
        assert len([kind for kind, *_ in engine.log if kind == "open"]) == 2
        assert [lane.closed_softly for lane in engine.lanes] == [True]


async def test_a_stream_input_that_ended_has_no_next_turn_to_give_way_to(autojump_clock):
    engine = ScriptedEngine(step_s=0.2)
    async with conversation(make_service(engine), target()) as (socket, _):
        socket.say(text=LONG)
        socket.say(text="")
        await trio.sleep(0.1)
        assert [lane.closed_softly for lane in engine.lanes] == [False]


@pytest.mark.parametrize("is_dialogue", [True, False])
async def test_ten_barge_ins_under_a_hard_limit_of_two_streams_are_no_error(is_dialogue, autojump_clock):
    engine = ScriptedEngine(step_s=0.5, max_streams=2)
    place = DIALOGUE if is_dialogue else target(multi=True, auto_mode="true")
    async with conversation(make_service(engine), place) as (socket, _):
        for number in range(10):
            write(socket, is_dialogue, f"turn-{number}")
            await trio.sleep(0.1)
            assert len(audio_of(socket, f"turn-{number}")) > 0
            socket.say(context_id=f"turn-{number}", close_context=True)
            await trio.sleep(0.01)
        await trio.sleep(30)
        assert socket.errors() == []
        finals = [frame for _, frame in socket.frames if frame.get("isFinal") or frame.get("is_final")]
        assert len(finals) == 10
        lengths = [len(audio_of(socket, f"turn-{number}")) for number in range(10)]
        assert lengths[-1] == max(lengths) > min(lengths)
    assert engine.lanes == []


async def test_a_dialogue_that_gave_way_begins_no_other_turn(autojump_clock):
    engine = ScriptedEngine(step_s=0.5, max_streams=1)
    async with conversation(make_service(engine), DIALOGUE) as (socket, _):
        lines = [{"text": LONG, "voice_id": voice} for voice in (ONE, TWO, ONE)]
        socket.say(context_id="a", voices=[ONE, TWO], inputs=lines)
        await trio.sleep(0.1)
        socket.say(context_id="a", close_context=True, report=True)
        write(socket, True, "b")
        await trio.sleep(30)
        assert socket.errors() == []
    assert sum(kind == "open" for kind, _, _ in engine.log) == 2
    final = next(frame for _, frame in socket.frames if frame.get("is_final"))
    assert final["context_id"] == "a" and len(final["text_remaining"]) > 2 * len(LONG)


async def test_a_stream_that_was_abandoned_before_it_had_a_place_ends_without_an_error(autojump_clock):
    engine = ScriptedEngine(max_streams=0)
    options = StreamOptions(voice=engine.catalogue.default, audio_format=parse_format("pcm_24000"))
    stream = SpeechStream(make_service(engine), options, ChunkSchedule())
    stream.text(LONG)
    stream.end()
    stream.abandon()
    packets: list[Packet] = []

    async def deliver(packet: Packet) -> None:
        packets.append(packet)

    await stream.run(deliver)
    assert stream.gave_way and packets == []
