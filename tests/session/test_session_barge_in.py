"""After many barge-ins, first audio takes at most 1.3 times as many turns of the loop."""

from __future__ import annotations

from typing import Any

import attrs
import pytest
import trio
from memory_socket import MemorySocket, conversation, make_service, target
from scripted_engine import ScriptedEngine

ONE = "zeli-voice-1"
LONG = "This sentence has quite a few words in it, so that it takes its time. "
NEXT = "Sure, I can help you. "
DIALOGUE = "/v1/text-to-dialogue/multi-stream-input?output_format=pcm_24000&sync_alignment=true"
BARGE_INS = 8
TIMES = 10


@attrs.define(eq=False)
class Loop(trio.abc.Instrument):
    """Counts turns of the loop."""

    turns: int = 0

    def before_io_wait(self, timeout: float) -> None:
        self.turns += 1


class Arrivals(list[Any]):
    """A client's frames, with the turn of each context's first audio."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self.turns: dict[str, int] = {}
        self._loop = loop

    def append(self, frame: tuple[float, dict[str, Any]]) -> None:
        super().append(frame)
        context = frame[1].get("contextId") or frame[1].get("context_id")
        if context is not None and frame[1].get("audio"):
            self.turns.setdefault(context, self._loop.turns)


def write(socket: MemorySocket, is_dialogue: bool, context: str, text: str) -> None:
    if is_dialogue:
        socket.say(context_id=context, voices=[ONE], inputs=[{"text": text, "voice_id": ONE}], flush=True)
    else:
        socket.say(context_id=context, text=text, flush=True)


async def turns_to_first_audio(is_dialogue: bool, barge_ins: int) -> int:
    """Turns of the loop from a text to its first audio, after quick barge-ins."""
    loop = Loop()
    # Virtual time stands still between two steps of the engine, so only turns of the loop remain.
    engine = ScriptedEngine(step_s=0.3)
    place = DIALOGUE if is_dialogue else target(multi=True, auto_mode="true")
    async with conversation(make_service(engine), place) as (socket, _):
        socket.frames = arrivals = Arrivals(loop)
        await trio.sleep(0.01)
        for number in range(barge_ins):
            write(socket, is_dialogue, f"cut-{number}", LONG)
            await trio.sleep(0.05)
            socket.say(context_id=f"cut-{number}", close_context=True)
            if number < barge_ins - 1:
                await trio.sleep(0.01)
        trio.lowlevel.add_instrument(loop)
        write(socket, is_dialogue, "next", NEXT)
        await trio.sleep(0.05)
        trio.lowlevel.remove_instrument(loop)
        assert len(arrivals.turns) == barge_ins + 1 and not socket.errors()
        return arrivals.turns["next"]


@pytest.mark.parametrize("is_dialogue", [True, False])
async def test_eight_barge_ins_hardly_delay_the_next_turn(is_dialogue, autojump_clock):
    usual = [await turns_to_first_audio(is_dialogue, 0) for _ in range(TIMES)]
    after = [await turns_to_first_audio(is_dialogue, BARGE_INS) for _ in range(TIMES)]
    assert 0 < max(after) <= 1.3 * min(usual)
