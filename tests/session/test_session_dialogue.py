"""Text-to-dialogue on virtual time: turns in order, each by its voice, every flush answered."""

from __future__ import annotations

import base64

import numpy as np
import pytest
import trio
import trio.testing
from memory_socket import conversation, make_service
from scripted_engine import ScriptedEngine, pcm_of

from zelitrio.audio import FORMATS, open_encoder

ONE, TWO = "zeli-voice-1", "zeli-voice-2"


def target(last: str = "multi-stream-input", **query: str) -> str:
    query = {"output_format": "pcm_24000", "sync_alignment": "true", **query}
    return f"/v1/text-to-dialogue/{last}?" + "&".join(f"{name}={value}" for name, value in query.items())


def line(text: str, voice_id: str = ONE, **more):
    return {"text": text, "voice_id": voice_id, **more}


INPUTS = [line("Hello there, my friend. "), line("Good day to you. ", TWO)]


def encoded(socket, context: str | None = None) -> bytes:
    frames = [frame for _, frame in socket.frames if frame.get("context_id") == context]
    return b"".join(base64.b64decode(frame["audio"]) for frame in frames if frame.get("audio"))


def audio(socket, context: str | None = None) -> np.ndarray:
    return np.frombuffer(encoded(socket, context), "<i2") / 32768


def kinds(socket) -> list[str]:
    """Kinds of the frames; a run of audio counts once."""
    found: list[str] = []
    for _, frame in socket.frames:
        kind = next(key for key in ("audio", "is_final_audio_for_turn", "is_final", "error") if key in frame)
        if kind != "audio" or found[-1:] != ["audio"]:
            found.append(kind)
    return found


async def test_a_livekit_stream_is_spoken_marked_and_ended_once(autojump_clock):
    engine = ScriptedEngine(step_s=0.02)
    async with conversation(make_service(engine), target()) as (socket, done):
        socket.say(context_id="x", voices=[ONE])
        for text in ("This is the first sentence. ", "And this is the second. "):
            socket.say(context_id="x", inputs=[line(text)], flush=True)
        socket.say(context_id="x", inputs=[line("")], flush=True)
        socket.say(context_id="x", close_context=True)
        await trio.sleep(5)
        socket.say(close_socket=True)
        await done.wait()
    assert socket.closed == (1000, "")
    assert kinds(socket) == ["audio", "is_final_audio_for_turn"] * 2 + ["is_final"]
    np.testing.assert_allclose(
        audio(socket, "x"), np.concatenate([pcm_of(text) for text in engine.fed()]), atol=1e-3
    )
    told = [frame["alignment"] for _, frame in socket.frames if frame.get("alignment")]
    spelled = "".join(char for one in told for char in one["chars"])
    assert spelled == "This is the first sentence. And this is the second. "
    for one in told:
        assert one["char_start_times_ms"][0] <= 20
        assert len(one["chars"]) == len(one["char_durations_ms"])


async def test_each_turn_is_spoken_by_its_own_voice_in_order_with_a_pause_between(autojump_clock):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target("stream-input")) as (socket, done):
        socket.say(voices=[ONE, TWO], inputs=INPUTS)
        socket.say(inputs=[line("How are you today? ")])
        socket.say(close_socket=True)
        await done.wait()
    voices = [voice.voice_id for kind, voice, _ in engine.log if kind == "open"]
    assert voices == [ONE, TWO, ONE]
    assert engine.fed() == ["Hello there, my friend. ", "Good day to you. ", "How are you today? "]
    spoken = sum(len(pcm_of(text)) for text in engine.fed())
    assert len(audio(socket)) == spoken + 2 * round(0.25 * 24_000)
    assert kinds(socket) == ["audio", "is_final_audio_for_turn"] * 3 + ["is_final"]
    assert socket.closed == (1000, "") and engine.lanes == []


async def test_a_short_sentence_is_spoken_at_once_without_a_flush(autojump_clock):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target()) as (socket, _):
        socket.say(context_id="x", voices=[ONE])
        socket.say(context_id="x", inputs=[line("One moment. ")])
        await trio.testing.wait_all_tasks_blocked()
        assert kinds(socket) == ["audio"]


async def test_tokens_are_joined_as_they_are(autojump_clock):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target()) as (socket, _):
        socket.say(context_id="x", voices=[ONE])
        for token in ("The site is example", ".", "com", " in R", "iga", "."):
            socket.say(context_id="x", inputs=[line(token)])
        socket.say(context_id="x", flush=True)
        await trio.sleep(1)
    assert "".join(engine.fed()) == "The site is example.com in Riga."


async def test_a_context_without_text_lives_by_its_keep_alives(autojump_clock):
    engine = ScriptedEngine()
    async with conversation(make_service(engine), target()) as (socket, done):
        socket.say(context_id="pipecat-keepalive", voices=[ONE])
        for _ in range(12):
            await trio.sleep(10)
            socket.say(context_id="pipecat-keepalive", keep_alive=True)
        assert socket.frames == [] and not done.is_set()
        await trio.sleep(21)
        assert kinds(socket) == ["is_final"]
    assert engine.log == []


async def test_an_unknown_voice_ends_the_socket_and_says_so(autojump_clock):
    async with conversation(make_service(ScriptedEngine()), target()) as (socket, done):
        socket.say(context_id="x", voices=["nobody"])
        await done.wait()
    error = socket.errors()[0]
    assert error["error"] == "voice_id_does_not_exist" and error["param"] == "voice_id"
    assert socket.closed[0] == 1008


async def test_text_without_a_word_is_audio_and_a_mark_all_the_same(autojump_clock):
    async with conversation(make_service(ScriptedEngine()), target()) as (socket, done):
        socket.say(context_id="x", voices=[ONE], inputs=[line("... ")], flush=True)
        socket.say(context_id="x", close_context=True)
        socket.say(close_socket=True)
        await done.wait()
    assert kinds(socket) == ["audio", "is_final_audio_for_turn", "is_final"]


async def test_mp3_is_one_stream_over_all_turns(autojump_clock):
    engine = ScriptedEngine()
    path = target("stream-input", output_format="mp3_44100_128")
    async with conversation(make_service(engine), path) as (socket, done):
        socket.say(voices=[ONE, TWO], inputs=INPUTS)
        socket.say(close_socket=True)
        await done.wait()
    encoder = open_encoder(FORMATS["mp3_44100_128"], 24_000)
    first, second = (pcm_of(text) for text in engine.fed())
    whole = encoder.encode(np.concatenate([first, np.zeros(6000, np.float32), second])) + encoder.flush()
    assert encoded(socket) == whole


@pytest.mark.parametrize("multi", [True, False])
async def test_a_client_that_leaves_frees_all_lanes(autojump_clock, multi):
    engine = ScriptedEngine(step_s=1)
    last = "multi-stream-input" if multi else "stream-input"
    async with conversation(make_service(engine), target(last)) as (socket, done):
        context = {"context_id": "x"} if multi else {}
        inputs = [line("Hello. " * 9), line("Ho. " * 9, TWO)]
        socket.say(voices=[ONE, TWO], inputs=inputs, flush=True, **context)
        await trio.sleep(2.5)
        assert len(engine.lanes) == 1
        socket.leave()
        await done.wait()
    assert engine.lanes == []
