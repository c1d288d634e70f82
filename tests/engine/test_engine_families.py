"""Two families in one engine, each at its own rate; each family fulfils the contract."""

from __future__ import annotations

import itertools
import threading

import numpy as np
import pytest
import torch
import trio
from family_checks import (
    MakeRunner,
    check_company,
    check_windows,
    cuda_graphs,
    exact_shapes,
    padded_shapes,
)
from numpy.typing import NDArray
from tiny_engine import AS_A_GPU, CPU, EXACT, SMALL, STEADY, TEXT, feed, say, until
from tiny_hum import FACTS, SILENT_FRAMES, HumModel, hum_voice
from tiny_voice import tiny_catalogue, tiny_fine_model

from zelitrio.engine import (
    Engine,
    open_engine,
)
from zelitrio.engine.device import Device
from zelitrio.errors import EngineError, LocalError, UtteranceError, VoiceError
from zelitrio.networks import Network
from zelitrio.settings import EngineSettings
from zelitrio.text import read_text
from zelitrio.voices import Catalogue, Voice, load_builtin

UTTERANCES = [read_text(text)[0] for text in ("Yes.", TEXT, "One, two, three.", "No - never again.")]
RUNNERS = [exact_shapes, padded_shapes, pytest.param(cuda_graphs, marks=pytest.mark.gpu)]
FINE = Voice(voice_id="fine", name="Fine", model=tiny_fine_model())
VOICES = [tiny_catalogue().default, FINE, hum_voice()]
DEVICES = pytest.mark.parametrize("device", [CPU, AS_A_GPU], ids=["as on a CPU", "as on a GPU"])


def both(**of_hum: bool) -> Catalogue:
    return Catalogue([*tiny_catalogue(), hum_voice(**of_hum)])


@pytest.mark.parametrize("make", RUNNERS)
@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.voice_id)
def test_windows_in_any_batch_make_the_whole_utterance(voice: Voice, make: MakeRunner) -> None:
    check_windows(voice, UTTERANCES, make, EXACT)


@pytest.mark.parametrize("voice", list(load_builtin()), ids=lambda voice: voice.voice_id)
def test_a_built_in_voice_is_bitwise_equal_in_any_windows_and_batch(voice: Voice) -> None:
    check_windows(voice, UTTERANCES, exact_shapes, 0.0)


@pytest.mark.parametrize("make", RUNNERS[1:])
@pytest.mark.parametrize("voice", VOICES, ids=lambda voice: voice.voice_id)
def test_durations_are_the_same_in_any_batch(voice: Voice, make: MakeRunner) -> None:
    check_company(voice, UTTERANCES, make)


@DEVICES
async def test_voices_of_two_families_speak_side_by_side_as_they_do_alone(device: Device) -> None:
    asked = [(voice, seed) for seed in range(3) for voice in ("tiny-0", "hum", "tiny-1")]
    async with open_engine(both(), SMALL, device=device) as engine:
        alone = [await say(engine, TEXT, seed=seed, voice=voice) for voice, seed in asked]
        together: dict[int, NDArray[np.float32]] = {}

        async def one(number: int) -> None:
            voice, seed = asked[number]
            together[number] = await say(engine, TEXT, seed=seed, voice=voice)

        async with trio.open_nursery() as nursery:
            for number in range(len(asked)):
                nursery.start_soon(one, number)
    for number, expected in enumerate(alone):
        np.testing.assert_allclose(together[number], expected, atol=EXACT)
        assert np.abs(expected).max() > 0.001


@DEVICES
async def test_each_block_has_the_rate_of_its_voice_and_times_that_fit_it(device: Device) -> None:
    utterances = read_text(TEXT, "And this.", limit=hum_voice().limit)
    async with (
        open_engine(both(), SMALL, device=device) as engine,
        engine.open_stream("hum", STEADY, seed=1) as stream,
    ):
        for utterance in utterances:
            stream.feed(utterance)
        stream.finish()
        blocks = [block async for block in stream]
    assert {block.sample_rate_hz for block in blocks} == {FACTS.sample_rate_hz}
    for utterance, own in itertools.groupby(blocks, key=lambda block: block.utterance):
        own_blocks = list(own)
        (told,) = [block for block in own_blocks if block.length_ms is not None]
        length_ms = 1000 * sum(len(block.pcm) for block in own_blocks) / FACTS.sample_rate_hz
        assert told.length_ms == round(length_ms)
        assert told.word_times_ms is not None and len(told.word_times_ms) == len(utterance.words)
        edges = [edge for times in told.word_times_ms for edge in times]
        # Words that `expand` marks as silent are not spoken.
        assert edges == sorted(edges) and edges[0] == 0 and edges[-1] == round(length_ms)
        assert own_blocks[-1].is_last
    assert SILENT_FRAMES


@DEVICES
async def test_a_lazy_voice_is_loaded_on_demand_while_others_speak(device: Device) -> None:
    async with open_engine(both(), SMALL, device=device) as engine:
        expected = await say(engine, TEXT, voice="hum")
    loads = 0

    class Slow(HumModel):
        def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
            nonlocal loads
            loads += 1
            assert trio.from_thread.run_sync(lambda: engine.statistics().streams) >= 0
            trio.from_thread.run(is_wanted.wait)
            return super().load(device, dtype, slots)

    is_wanted = trio.Event()
    hum = Voice(voice_id="hum", name="Hum", speaker=0.1, model=Slow(is_lazy=True))
    async with open_engine(Catalogue([*tiny_catalogue(), hum]), SMALL, device=device) as engine:
        assert loads == 0
        heard = []

        async def speak() -> None:
            heard.append(await say(engine, TEXT, voice="hum"))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(speak)
            nursery.start_soon(speak)
            with trio.move_on_after(0.05):
                await say(engine, TEXT, voice="hum")  # leaves before it is loaded
            assert len(await say(engine, TEXT)) > 0 and not heard
            is_wanted.set()
        assert loads == 1
        for audio in heard:
            np.testing.assert_allclose(audio, expected, atol=EXACT)


@DEVICES
async def test_lazy_voices_beyond_the_most_are_unloaded_and_loaded_again(device: Device) -> None:
    loads: list[str] = []

    class Noted(HumModel):
        def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
            loads.append(next(name for name, model in models.items() if model is self))
            return super().load(device, dtype, slots)

    models = {name: Noted(is_lazy=True) for name in ("a", "b", "c")}
    voices = [Voice(voice_id=name, name=name, speaker=0.1, model=model) for name, model in models.items()]
    settings = EngineSettings(max_batch=4, max_streams=8, max_voice_memory_mb=2)
    async with open_engine(Catalogue(voices), settings, device=device) as engine:
        expected = await say(engine, TEXT, voice="a")
        for name in ("b", "a", "c"):  # b was used before a
            await say(engine, TEXT, voice=name)
        assert loads == ["a", "b", "c"]
        np.testing.assert_allclose(await say(engine, TEXT, voice="a"), expected, atol=EXACT)
        assert loads == ["a", "b", "c"]
        async with engine.open_stream("a") as stream:  # a model that a stream has stays
            await say(engine, TEXT, voice="b")
            await say(engine, TEXT, voice="c")
            feed(stream, "Yes.")
            stream.finish()
            assert [block async for block in stream]
        assert loads == ["a", "b", "c", "b", "c"]


@pytest.mark.parametrize(
    ("fault", "kind", "said"),
    [
        (VoiceError("hum.bin", "is damaged"), VoiceError, r"hum\.bin: is damaged"),
        (ValueError("made to fail"), EngineError, "'hum': cannot be loaded.*made to fail"),
        (torch.OutOfMemoryError("made to fail"), EngineError, "'hum': cannot be loaded.*made to fail"),
    ],
)
async def test_a_lazy_voice_that_cannot_be_loaded_fails_its_streams_only_and_is_tried_again(
    fault: Exception, kind: type[Exception], said: str
) -> None:
    class Damaged(HumModel):
        def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
            raise fault

    hum = Voice(voice_id="hum", name="Hum", model=Damaged(is_lazy=True))
    async with open_engine(Catalogue([*tiny_catalogue(), hum]), SMALL, device=CPU) as engine:
        for _ in range(2):
            with pytest.raises(kind, match=said):
                async with engine.open_stream("hum"):
                    pass
        assert len(await say(engine, TEXT)) > 0


async def test_closing_the_engine_while_a_voice_is_loaded_tells_the_stream_that_waits() -> None:
    is_asked, may_go_on = threading.Event(), threading.Event()

    class Slow(HumModel):
        def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
            is_asked.set()
            may_go_on.wait(5)
            return super().load(device, dtype, slots)

    hum = Voice(voice_id="hum", name="Hum", model=Slow(is_lazy=True))

    async def wait(engine: Engine) -> None:
        with pytest.raises(EngineError, match="the engine is closed"):
            async with engine.open_stream("hum"):
                pass

    catalogue = Catalogue([*tiny_catalogue(), hum])
    async with trio.open_nursery() as nursery, open_engine(catalogue, SMALL, device=CPU) as engine:
        nursery.start_soon(wait, engine)  # the engine closes first
        await until(is_asked.is_set)
    may_go_on.set()


async def test_an_utterance_too_long_for_its_network_fails_its_stream_only() -> None:
    async with open_engine(both(), SMALL, device=CPU) as engine:
        (long,) = read_text("So they said, and " * 30 + "went.", limit=tiny_catalogue().default.limit)[:1]
        async with engine.open_stream("hum") as stream:
            stream.feed(long)
            with pytest.raises(UtteranceError, match="expected at most 128"):
                async for _ in stream:
                    pass
        assert len(await say(engine, TEXT, voice="hum")) > 0
        await until(lambda: engine.speaking == 0)


async def test_a_voice_of_another_catalogue_is_refused() -> None:
    async with open_engine(both(), SMALL, device=CPU) as engine:
        with pytest.raises(LocalError, match="this engine's catalogue, found another's 'hum'"):
            async with engine.open_stream(hum_voice()):
                pass
