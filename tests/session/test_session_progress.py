"""Fields of zelitrio's own: cancel, reports, acknowledged flushes, times of words and phones."""

from __future__ import annotations

import base64
import random

import pytest
import trio
from memory_socket import conversation, make_service
from memory_socket import target as speech_target
from scripted_engine import LEAD_MS, WORD_MS, ScriptedEngine

TEXT = "One two three four five, six seven eight nine ten. "
ONE = "zeli-voice-1"


def open_socket(kind, engine, **query):
    service = make_service(engine)
    if kind == "dialogue":
        target = "/v1/text-to-dialogue/multi-stream-input?output_format=pcm_24000&sync_alignment=true"
        target += "".join(f"&{name}={value}" for name, value in query.items())
        return conversation(service, target)
    return conversation(service, speech_target(multi=kind == "multi", auto_mode="true", **query))


def write(socket, kind, text, context="x", **more):
    """Open a context with this text, or send it more."""
    if kind == "dialogue":
        socket.say(context_id=context, voices=[ONE], inputs=[{"text": text, "voice_id": ONE}], **more)
    elif kind == "multi":
        socket.say(context_id=context, text=text, **more)
    else:
        socket.say(text=text, **more)


def named(kind, context="x"):
    return {} if kind == "single" else {"context_id": context}


def is_final(frame):
    return bool(frame.get("isFinal") or frame.get("is_final"))


def sent_ms(socket):
    """The audio that the client got, in milliseconds of 24 kHz PCM."""
    sizes = [len(base64.b64decode(frame["audio"])) for _, frame in socket.frames if frame.get("audio")]
    return sum(sizes) / 48


KINDS = ["single", "multi", "dialogue"]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancel_ends_the_context_at_once_and_says_how_far_it_got(kind, autojump_clock):
    engine = ScriptedEngine(block_ms=40, step_s=0.04)
    async with open_socket(kind, engine, output_format="pcm_24000") as (socket, done):
        write(socket, kind, TEXT)
        await trio.sleep(0.3)
        socket.say(cancel=True, **named(kind))
        await trio.testing.wait_all_tasks_blocked()
        assert engine.lanes == []
        frames, said = len(socket.frames), socket.frames[-1][1]
        await trio.sleep(10)
        assert len(socket.frames) == frames
        assert done.is_set() == (kind == "single")
    assert is_final(said) and sum(is_final(frame) for _, frame in socket.frames) == 1
    assert said["audio_sent_ms"] == round(sent_ms(socket))
    assert said["text_spoken"] + said["text_remaining"] == TEXT
    heard = (said["audio_sent_ms"] - LEAD_MS) // WORD_MS
    assert 0 < heard < 10 and len(said["text_spoken"].split()) == heard


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(10))
async def test_the_report_of_a_random_cancel_agrees_with_the_audio(kind, seed, autojump_clock):
    chance = random.Random(seed)
    sentences = [f"{word}, and so on to the end of this one. " for word in ("First", "Second", "Third")]
    engine = ScriptedEngine(block_ms=40, step_s=0.05, first_s=chance.choice([0, 0.2]))
    async with open_socket(kind, engine, output_format="pcm_24000") as (socket, _):
        for sentence in sentences:
            write(socket, kind, sentence)
        await trio.sleep(chance.uniform(0, 2.5))
        socket.say(cancel=True, **named(kind))
        await trio.sleep(5)
    said = next(frame for _, frame in socket.frames if is_final(frame))
    assert said["text_spoken"] + said["text_remaining"] == "".join(sentences)
    assert said["audio_sent_ms"] == round(sent_ms(socket))
    words, left_ms = 0, sent_ms(socket)
    for sentence in sentences:
        count = len(sentence.split())
        length_ms = 2 * LEAD_MS + count * WORD_MS
        words += min(count, max(0, int((left_ms - LEAD_MS + 1e-6) // WORD_MS)))
        left_ms = max(0.0, left_ms - length_ms)
    assert len(said["text_spoken"].split()) == words


@pytest.mark.parametrize("kind", ["multi", "dialogue"])
async def test_the_played_time_of_a_client_counts_also_after_the_end(kind, autojump_clock):
    async with open_socket(kind, ScriptedEngine(), output_format="pcm_24000") as (socket, _):
        write(socket, kind, TEXT, flush=True)
        socket.say(context_id="x", close_context=True)
        await trio.sleep(1)
        assert "text_spoken" not in next(frame for _, frame in socket.frames if is_final(frame))
        socket.say(context_id="x", cancel=True, played_ms=LEAD_MS + 5 * WORD_MS)
        await trio.sleep(1)
        said = socket.frames[-1][1]
        assert said["is_over"] is True and said["text_spoken"] == "One two three four five,"
        assert said["text_remaining"] == TEXT[len(said["text_spoken"]) :]
        socket.say(context_id="x", cancel=True)
        socket.say(context_id="unknown", cancel=True)
        await trio.sleep(1)
        assert socket.frames[-1][1]["text_spoken"] == TEXT and not socket.errors()


@pytest.mark.parametrize("kind", KINDS)
async def test_a_context_that_is_closing_can_still_be_cancelled(kind, autojump_clock):
    engine = ScriptedEngine(block_ms=40, step_s=0.04)
    async with open_socket(kind, engine, output_format="pcm_24000") as (socket, _):
        write(socket, kind, TEXT, flush=True)
        socket.say(text="") if kind == "single" else socket.say(context_id="x", close_context=True)
        await trio.sleep(0.3)
        socket.say(cancel=True, **named(kind))
        await trio.testing.wait_all_tasks_blocked()
        assert engine.lanes == []
        said = socket.frames[-1][1]
    assert is_final(said) and 0 < len(said["text_spoken"]) < len(TEXT)


async def test_a_close_reports_how_far_a_barge_in_got_if_it_is_asked(autojump_clock):
    engine = ScriptedEngine(block_ms=40, step_s=0.04)
    async with open_socket("multi", engine, output_format="pcm_24000") as (socket, _):
        socket.say(text=TEXT, context_id="x")
        await trio.sleep(0.3)
        socket.say(context_id="x", close_context=True, report=True)
        await trio.sleep(1)
    said = socket.finals()[0]
    assert said["text_spoken"] + said["text_remaining"] == TEXT and said["text_spoken"] != TEXT


async def test_a_report_counts_only_packets_that_left_to_a_slow_peer(autojump_clock):
    async with open_socket("multi", ScriptedEngine(), output_format="pcm_24000") as (socket, _):
        socket.pause_s = 0.5
        socket.say(text=TEXT, context_id="x")
        await trio.sleep(0.2)
        socket.say(context_id="x", cancel=True)
        await trio.sleep(5)
    said = socket.finals()[0]
    assert said["audio_sent_ms"] == round(sent_ms(socket)) < 900
    assert said["text_spoken"] != TEXT


@pytest.mark.parametrize("kind", KINDS)
async def test_each_flush_with_an_id_is_acknowledged_after_its_audio(kind, autojump_clock):
    async with open_socket(kind, ScriptedEngine(step_s=0.02), output_format="pcm_24000") as (socket, _):
        write(socket, kind, "Hello there. ", flush=True, flush_id="a")
        await trio.sleep(1)
        write(socket, kind, "", flush=True, flush_id="nothing new")
        write(socket, kind, "And once more. ", flush=True, flush_id="b")
        write(socket, kind, "Not acknowledged. ", flush=True)
        write(socket, kind, "... ", flush=True, flush_id="no word")
        await trio.sleep(3)
    order = [
        frame.get("flush_id", "audio")
        for _, frame in socket.frames
        if "flush_id" in frame or frame.get("audio")
    ]
    assert [each for each in order if each != "audio"] == ["a", "nothing new", "b", "no word"]
    assert order[0] == "audio" and order.index("b") - order.index("nothing new") > 1
    done = next(frame for _, frame in socket.frames if "flush_id" in frame)
    assert done["flush_done"] is True and not is_final(done)


@pytest.mark.parametrize("kind", KINDS)
async def test_words_phones_and_visemes_come_beside_the_characters(kind, autojump_clock):
    async with open_socket(kind, ScriptedEngine(), output_format="pcm_24000") as (socket, _):
        write(socket, kind, "Hello $5. ", timestamps=["viseme", "word", "phone"], flush=True)
        await trio.sleep(1)
    told = [frame for _, frame in socket.frames if "words" in frame]
    assert len(told) == 1 and told[0]["audio"]
    words, phones, visemes = told[0]["words"], told[0]["phones"], told[0]["visemes"]
    assert words["words"] == ["hello", "five", "dollars"]
    assert words["start_times_ms"] == [20, 100, 180] and words["durations_ms"] == [80, 80, 80]
    assert phones["phones"][:4] == ["HH", "AH0", "L", "OW1"] and phones["start_times_ms"][:2] == [20, 40]
    assert sum(phones["durations_ms"]) == 240
    assert visemes["visemes"][:4] == ["kk", "aa", "nn", "O"]
    for name, one in (("words", words), ("phones", phones), ("visemes", visemes)):
        assert len(one[name]) == len(one["start_times_ms"]) == len(one["durations_ms"])


async def test_times_that_do_not_exist_are_refused(autojump_clock):
    async with open_socket("single", ScriptedEngine()) as (socket, _):
        socket.say(text=" ", timestamps=["syllable"])
        await trio.sleep(1)
    assert socket.errors()[0]["error"] == "invalid_input_message"


@pytest.mark.parametrize("kind", KINDS)
async def test_without_the_fields_their_answers_are_not_sent(kind, autojump_clock):
    async with open_socket(kind, ScriptedEngine(), output_format="pcm_24000") as (socket, _):
        write(socket, kind, TEXT, flush=True)
        socket.say(text="") if kind == "single" else socket.say(context_id="x", close_context=True)
        await trio.sleep(2)
    ours = {"words", "phones", "visemes", "text_spoken", "flush_id", "is_over"}
    assert all(not ours & set(frame) for _, frame in socket.frames)
