"""Tags of a text that arrives in pieces, through a whole conversation."""

from __future__ import annotations

import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine

TAGGED = (
    'One moment <break time="0.5s" /> please, '
    '<phoneme alphabet="ipa" ph="ˈnjuː ˈjɔːk">New York</phoneme> said. '
)


@pytest.mark.parametrize("query", [{}, {"auto_mode": "true"}])
async def test_tokens_of_a_tagged_text_are_spoken_with_their_tags(autojump_clock, query):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target(enable_ssml_parsing="true", **query)) as (
        socket,
        done,
    ):
        socket.say(text=" ", generation_config={"chunk_length_schedule": [50]})
        for start in range(0, 4 * len(TAGGED), 5):
            socket.say(text=(4 * TAGGED)[start : start + 5])
        socket.say(text="")
        with trio.fail_after(600):
            await done.wait()
    said = engine.fed()
    assert "".join(said).split() == (4 * TAGGED).split()
    for text in said:
        assert text.count("<break") == text.count("/>")
        assert text.count("<phoneme") == text.count("</phoneme>")


async def test_without_the_flag_tags_are_text(autojump_clock):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target()) as (socket, done):
        for text in (" ", "Is 1 <", " 2? "):
            socket.say(text=text)
        socket.say(text="")
        await done.wait()
    assert "".join(engine.fed()).split() == ["Is", "1", "<", "2?"]
