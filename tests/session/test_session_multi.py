"""`multi-stream-input` on virtual time: contexts share only the socket."""

from __future__ import annotations

import random

import numpy as np
import pytest
import trio
from memory_socket import conversation, make_service, target
from scripted_engine import ScriptedEngine, pcm_of

from zelitrio.audio import open_encoder, parse_format
from zelitrio.errors import UtteranceError

LONG = "This sentence has quite a few words in it, so that it takes its time. "


def open_socket(engine, **query):
    service = make_service(engine)
    return conversation(service, target(multi=True, auto_mode="true", **query))


async def test_two_contexts_speak_at_once_and_each_ends_with_its_own_final(autojump_clock):
    engine = ScriptedEngine(step_s=0.02)
    async with open_socket(engine) as (socket, done):
        for name in ("a", "b"):
            socket.say(text=" ", context_id=name, voice_settings={})
            socket.say(text=f"{name} says this. ", context_id=name, flush=True)
        await trio.sleep(0.01)
        assert len(engine.lanes) == 2
        for name in ("a", "b"):
            socket.say(context_id=name, close_context=True)
        await trio.sleep(5)
        assert not done.is_set() and engine.lanes == []
    assert sorted(final["contextId"] for final in socket.finals()) == ["a", "b"]
    for name in ("a", "b"):
        np.testing.assert_allclose(socket.pcm(name), pcm_of(f"{name} says this. "), atol=1e-4)
        frames = [frame for _, frame in socket.frames if frame["contextId"] == name]
        assert frames[-1]["isFinal"] and all("audio" in frame for frame in frames)
        alignments = [frame["alignment"] for frame in frames if frame["alignment"]]
        assert len(alignments) == 1 and frames[0]["alignment"] is alignments[0]


async def test_close_without_flush_is_a_barge_in_that_silences_at_once(autojump_clock):
    engine = ScriptedEngine(step_s=0.05)
    async with open_socket(engine) as (socket, _):
        socket.say(text=LONG, context_id="turn")
        await trio.sleep(0.3)
        assert len(socket.pcm("turn"))
        socket.say(context_id="turn", close_context=True)
        await trio.testing.wait_all_tasks_blocked()
        assert engine.lanes == [] and socket.frames[-1][1]["isFinal"]
        frames = len(socket.frames)
        await trio.sleep(10)
        assert len(socket.frames) == frames
    np.testing.assert_allclose(socket.pcm("turn"), pcm_of(LONG)[: len(socket.pcm("turn"))], atol=1e-4)


async def test_packets_of_a_silenced_context_that_wait_for_a_slow_peer_are_never_sent(autojump_clock):
    engine = ScriptedEngine()
    async with open_socket(engine) as (socket, _):
        socket.pause_s = 1.0
        socket.say(text=LONG, context_id="turn")
        await trio.sleep(0.5)
        socket.say(context_id="turn", close_context=True)
        await trio.sleep(10)
    # One packet was already on its way.
    assert sum(frame["audio"] is not None for _, frame in socket.frames) == 1
    assert socket.frames[-1][1]["isFinal"]


async def test_what_was_flushed_before_the_close_is_spoken_and_the_rest_is_not(autojump_clock):
    engine = ScriptedEngine(step_s=0.05)
    async with open_socket(engine) as (socket, _):
        socket.say(text="Flushed words here. ", context_id="x", flush=True)
        socket.say(text="Never flushed, never heard. ", context_id="x")
        await trio.sleep(0.01)
        assert len(engine.fed()) == 2
        lane = engine.lanes[0]
        socket.say(context_id="x", close_context=True)
        await trio.sleep(5)
        assert lane.closed_softly and engine.lanes == []
    np.testing.assert_allclose(socket.pcm("x"), pcm_of(engine.fed()[0]), atol=1e-4)
    assert len(socket.finals()) == 1


async def test_flushed_audio_that_still_waits_for_a_slow_peer_is_sent_after_a_close(autojump_clock):
    engine = ScriptedEngine()
    async with open_socket(engine, output_format="mp3_44100_128") as (socket, _):
        socket.pause_s = 1.0
        socket.say(text="A few flushed words. ", context_id="x", flush=True)
        await trio.sleep(0.5)
        socket.say(context_id="x", close_context=True)
        await trio.sleep(30)
    encoder = open_encoder(parse_format("mp3_44100_128"))
    whole = encoder.encode(pcm_of("A few flushed words. "))
    assert socket.audio("x") == whole + encoder.flush() and len(socket.finals()) == 1


async def test_text_never_released_is_dropped_at_close(autojump_clock):
    engine = ScriptedEngine()
    service = make_service(engine)
    async with conversation(service, target(multi=True)) as (socket, _):
        socket.say(text=" ", context_id="x")
        socket.say(text="twelve chars", context_id="x")
        socket.say(context_id="x", close_context=True)
        await trio.sleep(1)
    assert socket.pcm("x").size == 0 and len(socket.finals()) == 1 and engine.log == []


async def test_an_id_may_be_used_again_after_its_final(autojump_clock):
    engine = ScriptedEngine()
    async with open_socket(engine) as (socket, _):
        for _ in range(3):
            socket.say(text="Once more. ", context_id="x", flush=True)
            await trio.sleep(1)
            socket.say(context_id="x", close_context=True)
            await trio.sleep(1)
    assert len(socket.finals()) == 3 and socket.errors() == []
    assert len(socket.pcm("x")) == 3 * len(pcm_of("Once more."))


async def test_flush_close_and_keep_alive_of_an_unknown_context_do_nothing(autojump_clock):
    engine = ScriptedEngine()
    async with open_socket(engine) as (socket, done):
        socket.say(text="")
        socket.say(context_id="nobody", flush=True)
        socket.say(context_id="nobody", close_context=True)
        socket.say(text="", context_id="nobody")
        await trio.sleep(1)
        assert socket.frames == [] and not done.is_set()


async def test_a_context_too_many_is_refused_alone_and_the_others_speak_on(autojump_clock):
    engine = ScriptedEngine(step_s=0.01)
    async with open_socket(engine) as (socket, done):
        for number in range(6):
            socket.say(text=LONG, context_id=f"c{number}", flush=True)
        await trio.sleep(20)
        assert not done.is_set()
    assert [error["error"] for error in socket.errors()] == ["max_active_conversations"]
    assert socket.errors()[0]["contextId"] == "c5"
    assert all(len(socket.pcm(f"c{number}")) for number in range(5))


async def test_the_oldest_closing_context_makes_room(autojump_clock):
    engine = ScriptedEngine(step_s=0.1)
    async with open_socket(engine) as (socket, _):
        for number in range(5):
            socket.say(text=LONG, context_id=f"c{number}", flush=True)
        socket.say(context_id="c2", close_context=True)
        await trio.sleep(0.05)
        socket.say(text="Room for me? ", context_id="new", flush=True)
        await trio.sleep(0.05)
        assert [final["contextId"] for final in socket.finals()] == ["c2"]
        await trio.sleep(20)
    assert socket.errors() == [] and len(socket.pcm("new"))


async def test_one_failing_context_does_not_touch_the_others(autojump_clock):
    engine = ScriptedEngine(failures={"bad": UtteranceError("no")}, step_s=0.01)
    async with open_socket(engine) as (socket, done):
        socket.say(text=LONG, context_id="good", flush=True)
        socket.say(text="A bad one. ", context_id="broken", flush=True)
        await trio.sleep(5)
        socket.say(context_id="good", close_context=True)
        await trio.sleep(1)
        assert not done.is_set()
    assert [(error["contextId"], error["error"]) for error in socket.errors()] == [
        ("broken", "something_went_wrong")
    ]
    assert sorted(final["contextId"] for final in socket.finals()) == ["broken", "good"]
    np.testing.assert_allclose(socket.pcm("good"), pcm_of(engine.fed()[0]), atol=1e-4)


async def test_close_socket_finishes_what_was_flushed_and_closes_with_1000(autojump_clock):
    engine = ScriptedEngine(step_s=0.02)
    async with open_socket(engine) as (socket, done):
        socket.say(text=LONG, context_id="a", flush=True)
        socket.say(text=LONG, context_id="b")
        await trio.sleep(0.01)
        socket.say(close_socket=True)
        await done.wait()
    assert socket.closed == (1000, "") and len(socket.finals()) == 2
    np.testing.assert_allclose(socket.pcm("a"), pcm_of(engine.fed()[0]), atol=1e-4)
    assert len(socket.pcm("b")) < len(pcm_of(LONG.strip()))


async def test_no_context_id_is_a_context_too(autojump_clock):
    async with open_socket(ScriptedEngine()) as (socket, _):
        socket.say(text="Hello there. ", flush=True)
        await trio.sleep(1)
        socket.say(close_context=True)
        await trio.sleep(1)
    assert socket.finals()[0]["contextId"] is None and len(socket.pcm(None))


async def test_an_idle_context_is_finished_and_an_idle_socket_closed(autojump_clock):
    async with open_socket(ScriptedEngine(), inactivity_timeout="5") as (socket, done):
        socket.say(text="Hello there. ", context_id="x", flush=True)
        await done.wait()
        assert trio.current_time() < 30
    assert len(socket.finals()) == 1 and socket.closed[0] == 1000


@pytest.mark.parametrize("seed", range(5))
async def test_cancelled_contexts_never_get_each_others_audio(autojump_clock, seed):
    chance = random.Random(seed)
    engine = ScriptedEngine(step_s=0.01, block_ms=40)
    said: dict[str, str] = {}
    async with open_socket(engine) as (socket, _):
        for number in range(40):
            name = f"c{number}"
            said[name] = f"Number {number} says what number {number} has to say, and then a bit more. "
            socket.say(text=said[name], context_id=name, flush=chance.random() < 0.3)
            await trio.sleep(chance.random() * 0.1)
            for old in list(said)[-5:]:
                if chance.random() < 0.5 or old == list(said)[-5:][0]:
                    socket.say(context_id=old, close_context=True)
            await trio.sleep(chance.random() * 0.05)
        await trio.sleep(20)
        for name in said:
            socket.say(context_id=name, close_context=True)
        await trio.sleep(20)
        assert engine.lanes == []
    for name, text in said.items():
        frames = [frame for _, frame in socket.frames if frame["contextId"] == name and "error" not in frame]
        got = socket.pcm(name)
        np.testing.assert_allclose(got, pcm_of(text)[: len(got)], atol=1e-4)
        assert sum(bool(frame["isFinal"]) for frame in frames) <= 1
        assert not frames or frames[-1]["isFinal"]
