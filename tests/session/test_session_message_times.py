"""Dialogue times restart in each message, and the messages of a context spell its text once."""

from __future__ import annotations

import base64
import random

import pytest
import trio
from memory_socket import conversation, make_service
from scripted_engine import ScriptedEngine

from zelitrio.engine import open_engine
from zelitrio.protocol import CharTimes
from zelitrio.session.message_times import MessageTimes

ONE = "zeli-voice-1"
TEXT = "Yes, of course - I have found three flights for you. The first costs $240, and it leaves at nine. "
WORDS = TEXT.split()


def place(audio_format: str, last: str = "multi-stream-input") -> str:
    return f"/v1/text-to-dialogue/{last}?sync_alignment=true&seed=7&output_format={audio_format}"


async def messages_of(engine, audio_format="pcm_24000", *, pause_s=0.0, turns=(TEXT,), **settings):
    """The audio messages of one context, spoken turn by turn."""
    service = make_service(engine, **settings)
    async with conversation(service, place(audio_format)) as (socket, _):
        socket.pause_s = pause_s
        for text in turns:
            socket.say(context_id="x", voices=[ONE], inputs=[{"text": text, "voice_id": ONE}], flush=True)
            await trio.sleep(0.05)
        socket.say(context_id="x", close_context=True)
        with trio.fail_after(100):
            await wait_for_end(socket)
    return [frame for _, frame in socket.frames if frame.get("audio")]


async def wait_for_end(socket) -> None:
    while not any(frame.get("is_final") for _, frame in socket.frames):  # noqa: ASYNC110
        await trio.sleep(0.01)


def length_ms(frame, audio_format: str) -> float:
    audio = len(base64.b64decode(frame["audio"]))
    return audio / 48 if audio_format == "pcm_24000" else audio * 8 / int(audio_format.split("_")[2])


def words_by_bytes(frames, audio_format: str) -> list[tuple[str, float]]:
    """LiveKit's clock: a message begins after the audio bytes before it."""
    chars, clock_ms = [], 0.0
    for frame in frames:
        if times := frame["alignment"]:
            starts = times["char_start_times_ms"]
            chars += [(char, clock_ms + at) for char, at in zip(times["chars"], starts, strict=True)]
        clock_ms += length_ms(frame, audio_format)
    return words_in(chars)


def words_by_spans(frames) -> list[tuple[str, float]]:
    """Pipecat's clock: a message begins after the spans of the timings before it."""
    chars, clock_ms = [], 0.0
    for frame in frames:
        if times := frame["alignment"]:
            starts = times["char_start_times_ms"]
            chars += [(char, clock_ms + at) for char, at in zip(times["chars"], starts, strict=True)]
            clock_ms += starts[-1] + times["char_durations_ms"][-1]
    return words_in(chars)


def words_in(chars) -> list[tuple[str, float]]:
    words, word, begin = [], "", 0.0
    for char, at in chars:
        if char == " ":
            words += [(word, begin)] if word else []
            word = ""
        else:
            begin = begin if word else at
            word += char
    return words


def spelled_by(frames) -> str:
    return "".join(char for frame in frames if frame["alignment"] for char in frame["alignment"]["chars"])


def check(frames, audio_format: str, text: str = TEXT) -> None:
    """Each message spans its own audio, together they spell the text, and both clocks agree."""
    told = [frame["alignment"] for frame in frames]
    assert spelled_by(frames) == text
    for frame, one in zip(frames, told, strict=True):
        assert one, "a message without a character moves no clock"
        starts, durations = one["char_start_times_ms"], one["char_durations_ms"]
        assert len(one["chars"]) == len(starts) == len(durations) > 0
        assert starts == sorted(starts) and starts[0] >= 0 and min(durations) >= 0
        assert starts[-1] + durations[-1] == pytest.approx(length_ms(frame, audio_format), abs=1)
    pairs = zip(words_by_bytes(frames, audio_format), words_by_spans(frames), strict=True)
    assert all(abs(by_bytes - by_spans) < 2 for (_, by_bytes), (_, by_spans) in pairs)


@pytest.mark.parametrize("audio_format", ["pcm_24000", "mp3_44100_128", "mp3_22050_32"])
@pytest.mark.parametrize("block_ms", [17, 80, 400])
async def test_each_message_tells_the_characters_of_its_own_audio(autojump_clock, audio_format, block_ms):
    step_s = block_ms / 2000
    frames = await messages_of(ScriptedEngine(block_ms=block_ms, step_s=step_s), audio_format)
    assert len(frames) > 4
    if audio_format != "pcm_24000" and frames[-1]["alignment"] is None:
        frames.pop()  # the codec's last frame, after all characters
    check(frames, audio_format)


async def test_words_begin_where_they_are_heard(autojump_clock):
    frames = await messages_of(ScriptedEngine(step_s=0.05))
    # The scripted engine speaks 80 ms a word after 20 ms of each utterance.
    (first, at), *_ = words = words_by_bytes(frames, "pcm_24000")
    assert (first, at) == ("Yes,", 20) and [word for word, _ in words] == WORDS
    assert [begin for _, begin in words] == sorted(begin for _, begin in words)


async def test_turns_of_one_context_go_on_where_the_last_one_ended(autojump_clock):
    frames = await messages_of(ScriptedEngine(step_s=0.01), turns=(TEXT, "Good bye. ", TEXT))
    check(frames, "pcm_24000", TEXT + "Good bye. " + TEXT)


async def test_small_messages_and_whole_utterances_have_the_same_times_for_real_speech():
    async with open_engine() as engine:
        fine = await messages_of(engine, first_packet_ms=10, max_packet_ms=40)
        usual = await messages_of(engine)
    check(usual, "pcm_24000")
    assert spelled_by(fine) == TEXT  # its messages are shorter than some of its pauses
    apart = [
        abs(one - other)
        for (_, one), (_, other) in zip(
            words_by_bytes(fine, "pcm_24000"), words_by_bytes(usual, "pcm_24000"), strict=True
        )
    ]
    assert len(fine) > len(usual) and sorted(apart)[len(apart) // 2] <= 60


def test_any_cuts_give_each_character_once_and_span_the_audio():
    chance = random.Random(7)
    for _ in range(300):
        text = "".join(chance.choice("ab ,.") for _ in range(chance.randrange(1, 30)))
        lengths = [chance.choice([0, 5, 40, 300]) for _ in text]
        starts = [chance.randrange(60) + sum(lengths[:at]) for at in range(len(text))]
        starts.sort()
        ends = [*starts[1:], starts[-1] + lengths[-1]]
        times = MessageTimes()
        times.add(
            CharTimes(tuple(text), tuple(starts), tuple(b - a for a, b in zip(starts, ends, strict=True)))
        )
        spelled, since_ms = "", 0
        while since_ms < ends[-1]:
            until_ms = min(since_ms + chance.choice([10, 40, 100, 700]), ends[-1])
            told = times.take(until_ms, is_last=until_ms == ends[-1])
            if told is not None:
                spelled += "".join(told.chars)
                assert told.starts_ms[-1] + told.durations_ms[-1] == until_ms - since_ms
                assert list(told.starts_ms) == sorted(told.starts_ms)
                assert min(told.durations_ms) >= 0
            since_ms = until_ms
        assert spelled == text or not ends[-1]
