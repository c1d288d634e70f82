"""The engine in a Trio program: one call, the original errors, and a freed lane after every kind of end."""

from __future__ import annotations

import gc

import numpy as np
import pytest
import trio
from tiny_voice import tiny_catalogue

from zelitrio import EngineSettings, VoiceSettings, open_engine
from zelitrio.errors import CapacityError, LocalError

TEXT = "The quick brown fox, they say, jumps over the lazy dog. "
ONE_THREAD = EngineSettings(device="cpu", cpu_threads=1)


@pytest.fixture
async def engine():
    async with open_engine(tiny_catalogue(), ONE_THREAD) as engine:
        yield engine


async def samples(speech) -> np.ndarray:
    return np.frombuffer(b"".join([packet.audio async for packet in speech]), "<i2")


async def freed(engine) -> None:
    with trio.fail_after(5):
        while engine.statistics().streams:  # noqa: ASYNC110  the engine has no event for it
            await trio.sleep(0.001)


async def test_a_text_becomes_audio_in_the_format_asked_for(engine):
    mp3 = b"".join([packet.audio async for packet in engine.speak(TEXT, format="mp3_44100_128")])
    assert mp3[:1] == b"\xff" and len(mp3) > 16_000
    assert len(await samples(engine.speak(TEXT, format="pcm_24000"))) > 24_000


async def test_pieces_sound_as_the_whole_text_does(engine):
    text = "Shorter than a chunk of the schedule. "

    async def pieces():
        for word in text.split():
            yield word + " "

    whole = await samples(engine.speak(text, format="pcm_24000", seed=1))
    pieced = await samples(engine.speak(pieces(), format="pcm_24000", seed=1))
    np.testing.assert_allclose(pieced, whole, atol=4)


async def test_voice_settings_and_seed_are_keywords(engine):
    async def length(**how) -> int:
        return len(await samples(engine.speak(TEXT, format="pcm_24000", seed=1, **how)))

    plain = await length()
    assert await length(voice="tiny-0") == plain
    assert await length(settings=VoiceSettings(speed=1.2)) < plain
    assert await length(voice=engine.catalogue.find("tiny-1"))


async def test_alignment_spells_the_text(engine):
    told = [packet.alignment async for packet in engine.speak(TEXT, alignment=True)]
    assert "".join(char for one in told if one for char in one.written.chars) == TEXT
    assert all([packet.alignment is None async for packet in engine.speak(TEXT)])


async def test_many_texts_are_spoken_at_once(engine):
    alone = await samples(engine.speak(TEXT, format="pcm_24000", seed=3))
    heard = []

    async def one() -> None:
        heard.append(await samples(engine.speak(TEXT, format="pcm_24000", seed=3)))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(one)
    for audio in heard:
        np.testing.assert_allclose(audio, alone, atol=4)


@pytest.mark.parametrize("way", ["break", "close", "async with", "cancelled"])
async def test_a_listener_that_has_heard_enough_frees_the_lane(engine, way):
    match way:
        case "break":
            async for _ in engine.speak(TEXT * 20):
                break
        case "close":
            speech = engine.speak(TEXT * 20)
            await anext(speech)
            speech.close()
            speech.close()
        case "async with":
            async with engine.speak(TEXT * 20) as speech:
                await anext(speech)
        case "cancelled":
            with trio.move_on_after(0.2):
                async for _ in engine.speak(TEXT * 200):
                    await trio.sleep(0.1)
    gc.collect()
    await freed(engine)
    assert len(await samples(engine.speak(TEXT, format="pcm_24000")))


async def test_errors_come_out_as_themselves_and_the_engine_goes_on(engine):
    with pytest.raises(LocalError, match="expected one of tiny-0, tiny-1, found 'nobody'"):
        engine.speak(TEXT, voice="nobody")
    for arguments, expected in (
        ({"format": "mp4"}, "format: expected one of mp3_22050_32, .*, found 'mp4'"),
        ({"format": None}, "format: expected one of .*, found 'None'"),
        ({"settings": {"speed": 1.1}}, "settings: expected VoiceSettings, found {'speed': 1.1}"),
        ({"seed": -1}, "seed: expected a whole number from 0, found -1"),
        ({"seed": "7"}, "seed: expected a whole number from 0, found '7'"),
        ({"text": [TEXT]}, "text: expected str or an async iterable of str, found "),
    ):
        with pytest.raises(LocalError, match=f"^{expected}"):
            engine.speak(**{"text": TEXT, **arguments})

    async def broken():
        yield TEXT
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await samples(engine.speak(broken()))
    assert len(await samples(engine.speak(TEXT, format="pcm_24000")))


async def test_a_full_engine_raises_at_the_caller():
    settings = EngineSettings(device="cpu", cpu_threads=1, max_streams=1)
    async with open_engine(tiny_catalogue(), settings) as engine:
        speech = engine.speak(TEXT * 20)
        await anext(speech)
        with pytest.raises(CapacityError):
            await samples(engine.speak(TEXT))
        speech.close()


async def test_the_callers_own_exception_leaves_the_block_as_itself():
    with pytest.raises(ZeroDivisionError):
        async with open_engine(tiny_catalogue(), ONE_THREAD) as engine:
            async for _ in engine.speak(TEXT):
                raise ZeroDivisionError


async def test_a_speech_outlives_its_engine_without_an_error():
    async with open_engine(tiny_catalogue(), ONE_THREAD) as engine:
        speech = engine.speak(TEXT * 20)
        await anext(speech)
    with pytest.raises(StopAsyncIteration):
        while True:
            await anext(speech)
