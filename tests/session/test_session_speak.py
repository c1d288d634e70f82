"""`speak`: a whole text or an iterator of pieces, without a socket."""

from __future__ import annotations

import numpy as np
import pytest
import trio
from memory_socket import make_service
from scripted_engine import ScriptedEngine, pcm_of

from zelitrio.audio import parse_format
from zelitrio.errors import CapacityError, RemoteError, UtteranceError
from zelitrio.session import StreamOptions, Timing, speak

PCM = parse_format("pcm_24000")
TEXT = "It costs 20 dollars. " * 3 + "And then, after all that, it was over!"


def options_of(engine, audio_format=PCM, **options):
    return StreamOptions(voice=engine.catalogue.default, audio_format=audio_format, **options)


async def speak_all(engine, text, audio_format=PCM, **options):
    service = make_service(engine)
    packets = []
    with trio.fail_after(3600):
        async with speak(service, options_of(engine, audio_format=audio_format, **options), text) as spoken:
            async for packet in spoken:
                packets.append(packet)
    assert engine.lanes == []
    return packets


async def test_a_text_is_heard_whole(autojump_clock):
    engine = ScriptedEngine()
    packets = await speak_all(engine, TEXT)
    pcm = np.frombuffer(b"".join(packet.audio for packet in packets), "<i2") / 32768
    np.testing.assert_allclose(pcm, np.concatenate([pcm_of(text) for text in engine.fed()]), atol=1e-4)
    assert "".join(engine.fed()).split() == TEXT.split()


async def test_text_may_still_be_written_while_it_is_spoken(autojump_clock):
    async def pieces():
        for word in TEXT.split(" "):
            yield word + " "
            await trio.sleep(0.3)

    engine = ScriptedEngine(step_s=0.01)
    packets = await speak_all(engine, pieces())
    assert "".join(engine.fed()).split() == TEXT.split()
    assert packets and len(engine.fed()) > 1


@pytest.mark.parametrize("name", ["pcm_24000", "mp3_44100_128", "opus_48000_32"])
async def test_times_spell_the_text_once_and_never_go_back(autojump_clock, name):
    packets = await speak_all(ScriptedEngine(), TEXT, parse_format(name), timing=Timing.STREAM)
    told = [packet.alignment.written for packet in packets if packet.alignment]
    starts = [start for one in told for start in one.starts_ms]
    assert "".join(char for one in told for char in one.chars) == TEXT
    assert starts == sorted(starts)
    spoken = "".join(char for packet in packets if packet.alignment for char in packet.alignment.spoken.chars)
    assert spoken.count("twenty") == 3


@pytest.mark.parametrize("tempo", [0.36, 0.5, 2.0, 3.3])
@pytest.mark.parametrize("timing", [Timing.STREAM, Timing.SEGMENT])
async def test_another_tempo_changes_length_and_times_alike(autojump_clock, tempo, timing):
    text = "One two three four. Five six seven eight nine ten."
    plain = await speak_all(ScriptedEngine(), text, timing=timing)
    packets = await speak_all(ScriptedEngine(), text, timing=timing, tempo=tempo)
    whole_s, heard_s = (sum(len(one.audio) for one in each) / 48_000 for each in (plain, packets))
    assert heard_s == pytest.approx(whole_s / tempo, abs=0.001)
    assert sum(packet.seconds for packet in packets) == pytest.approx(heard_s, abs=0.001)
    before, after = (
        [times for one in each if one.alignment for times in timed_characters(one.alignment.written)]
        for each in (plain, packets)
    )
    assert [char for char, _, _ in after] == [char for char, _, _ in before]
    held_ms = 300 if timing is Timing.SEGMENT else 20  # a segment's first packet has audio of the last one
    for (_, start, end), (_, plain_start, plain_end) in zip(after, before, strict=True):
        assert start == pytest.approx(plain_start / tempo, abs=held_ms)
        assert end == pytest.approx(plain_end / tempo, abs=held_ms)


def timed_characters(times):
    each = zip(times.chars, times.starts_ms, times.durations_ms, strict=True)
    return [(char, start, start + length) for char, start, length in each]


async def test_text_that_is_skipped_still_appears_in_the_times(autojump_clock):
    text = "Hello there my friend. 漢字漢 Good bye to you all. 漢"
    packets = await speak_all(ScriptedEngine(), text, timing=Timing.STREAM)
    assert (
        "".join(char for packet in packets if packet.alignment for char in packet.alignment.written.chars)
        == text
    )


async def test_skipped_text_is_timed_between_its_neighbours(autojump_clock):
    async def pieces():
        for piece in ("This is the first sentence of all. ", "漢字漢", " And this is the second one."):
            yield piece
            await trio.sleep(1)

    packets = await speak_all(ScriptedEngine(step_s=1), pieces(), timing=Timing.STREAM)
    told = [packet.alignment.written for packet in packets if packet.alignment]
    assert "".join(char for one in told for char in one.chars).split() == [
        *"This is the first sentence of all. 漢字漢 And this is the second one.".split()
    ]


async def test_blank_text_gives_nothing(autojump_clock):
    assert await speak_all(ScriptedEngine(), " \n ") == []


async def test_a_book_goes_through_a_bounded_buffer(autojump_clock):
    engine = ScriptedEngine()
    book = "Word upon word, all day long, and nothing but words. " * 800
    packets = await speak_all(engine, book)
    assert "".join(engine.fed()).split() == book.split()
    assert sum(packet.seconds for packet in packets) > 600


async def test_an_engine_without_room_and_a_broken_utterance_come_out_as_themselves(autojump_clock):
    with pytest.raises(CapacityError):
        await speak_all(ScriptedEngine(max_streams=0), TEXT)
    with pytest.raises(UtteranceError):
        await speak_all(ScriptedEngine(failures={"over": UtteranceError("no")}), TEXT)


async def test_what_the_texts_own_iteration_raises_comes_out_as_itself(autojump_clock):
    async def pieces():
        yield TEXT
        raise ZeroDivisionError

    engine = ScriptedEngine()
    with pytest.raises(ZeroDivisionError):
        await speak_all(engine, pieces())
    assert engine.lanes == []


async def test_an_error_of_the_text_while_the_reader_leaves_is_dropped(autojump_clock):
    engine = ScriptedEngine()

    async def written():
        yield "Hello there, and so on. "
        try:
            await trio.sleep_forever()
        finally:
            raise RemoteError("invalid_input", "injected")

    async with speak(make_service(engine), options_of(engine), written()) as packets:
        async for _ in packets:
            break
    assert not engine.lanes


async def test_leaving_early_frees_the_lane(autojump_clock):
    engine = ScriptedEngine(step_s=1)
    service = make_service(engine)
    async with speak(service, options_of(engine), TEXT) as packets:
        await anext(packets)
        assert len(engine.lanes) == 1
    assert engine.lanes == [] and service.observer.closed == ["gone"]


async def test_the_callers_own_exception_comes_out_as_itself(autojump_clock):
    engine = ScriptedEngine()
    with pytest.raises(ZeroDivisionError):
        async with speak(make_service(engine), options_of(engine), TEXT) as packets:
            await anext(packets)
            raise ZeroDivisionError
    assert engine.lanes == []


@pytest.mark.parametrize(("step_s", "ran_dry"), [(0.01, False), (0.5, True)])
async def test_an_engine_that_is_too_slow_is_reported_as_an_underrun(autojump_clock, step_s, ran_dry):
    engine = ScriptedEngine(step_s=step_s, block_ms=100)
    service = make_service(engine)
    async with speak(service, options_of(engine), TEXT) as spoken:
        async for _ in spoken:
            pass
    assert (service.observer.underruns > 0) == ran_dry


async def test_a_text_that_is_written_slowly_is_no_underrun(autojump_clock):
    async def written():
        for sentence in ("It costs 20 dollars. ", "And then it was over! "):
            yield sentence
            await trio.sleep(60)

    engine = ScriptedEngine()
    service = make_service(engine)
    async with speak(service, options_of(engine), written()) as spoken:
        async for _ in spoken:
            pass
    assert service.observer.underruns == 0
