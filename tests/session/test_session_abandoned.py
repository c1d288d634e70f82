"""Closed contexts make way for the next one on their socket."""

from __future__ import annotations

import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine

ONE = "zeli-voice-1"
LONG = "This sentence has quite a few words in it, so that it takes its time. "
DIALOGUE = "/v1/text-to-dialogue/multi-stream-input?output_format=pcm_24000"


def write(socket, is_dialogue, context):
    if is_dialogue:
        socket.say(context_id=context, voices=[ONE], inputs=[{"text": LONG, "voice_id": ONE}])
    else:
        socket.say(context_id=context, text=LONG, flush=True)


@pytest.mark.parametrize("is_dialogue", [True, False])
async def test_a_context_that_closes_is_abandoned_once_the_next_one_opens(is_dialogue, autojump_clock):
    engine = ScriptedEngine(step_s=0.2)
    place = DIALOGUE if is_dialogue else target(multi=True, auto_mode="true")
    async with conversation(make_service(engine), place) as (socket, _):
        write(socket, is_dialogue, "a")
        await trio.sleep(0.1)
        socket.say(context_id="a", close_context=True)
        await trio.sleep(0.1)
        assert not engine.lanes[0].is_abandoned  # a normal end of a turn
        write(socket, is_dialogue, "b")
        await trio.sleep(0.1)
        assert [lane.is_abandoned for lane in engine.lanes] == [True, False]
