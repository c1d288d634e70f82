"""Refusals, failures and the end of the real engine, with a tiny voice on the CPU."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
import torch
import trio
from numpy.typing import NDArray
from tiny_engine import AS_A_GPU, CPU, EXACT, SMALL, STEADY, TEXT, feed, listen, say
from tiny_voice import tiny_catalogue, tiny_model
from with_network import WatchedModel

from bench.made_voices import made_piper
from zelitrio.engine import (
    Engine,
    EngineStream,
    open_engine,
)
from zelitrio.engine.device import Device
from zelitrio.errors import CapacityError, EngineError, LocalError, UtteranceError
from zelitrio.networks import Inputs, Network, PiperConfig
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import Utterance, read_text
from zelitrio.voices import Catalogue, Voice
from zelitrio.voices.piper import PiperModel


async def test_more_streams_than_there_are_lanes_are_refused() -> None:
    async with open_engine(tiny_catalogue(), EngineSettings(max_streams=2)) as engine:
        async with engine.open_stream(), engine.open_stream():
            with pytest.raises(CapacityError, match="at most 2"):
                async with engine.open_stream():
                    pass
        async with engine.open_stream():
            pass


async def test_an_engine_that_is_closed_says_so() -> None:
    async with open_engine(tiny_catalogue()) as engine:
        pass
    with pytest.raises(EngineError, match="closed"):
        async with engine.open_stream():
            pass


async def test_cancelling_everything_ends_the_thread() -> None:
    with trio.fail_after(5), trio.CancelScope() as scope:
        async with open_engine(tiny_catalogue()) as engine, engine.open_stream() as stream:
            feed(stream, TEXT * 50)
            await stream.__anext__()
            scope.cancel()
            await trio.sleep_forever()
    assert scope.cancelled_caught


async def test_cancelling_the_warm_up_ends_the_thread_too() -> None:
    with trio.fail_after(10), trio.move_on_after(0.001) as scope:
        async with open_engine(tiny_catalogue()):
            await trio.sleep_forever()
    assert scope.cancelled_caught


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (EngineSettings(device="cuda:99"), "'cuda:99' was requested, but this machine has"),
        (EngineSettings(device="cpu", dtype="float16"), "a CPU computes in float32 or bfloat16"),
    ],
)
async def test_an_impossible_device_is_one_clear_error(settings: EngineSettings, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        async with open_engine(tiny_catalogue(), settings):
            pass


BAD = "A xylophone, they say, jumps."
CALLS = ("encode", "speak")


class FailingModel(WatchedModel):
    """Fails in one call for utterances that contain "xylophone"."""

    def __init__(self, where: str, error: Exception) -> None:
        super().__init__(tiny_model(), self._watch)
        self._where, self._error = where, error
        self._bad_tokens: list[Any] = []
        self._bad_slots: set[int] = set()

    def read(self, utterance: Utterance) -> Any:
        is_bad = "xylophone" in utterance.source
        self._hook("read", is_bad)
        tokens = self._model.read(utterance)
        if is_bad:
            self._bad_tokens.append(tokens)
        return tokens

    def columns(self, reading: Any, speaker: Any, settings: VoiceSettings, seed: int) -> Any:
        self._hook("columns", self._is_bad(reading))
        return self._model.columns(reading, int(self._is_bad(reading)), settings, seed)

    def durations(self, reading: Any, frames: NDArray[np.float32], **how: Any) -> Any:
        self._hook("durations", self._is_bad(reading))
        return self._model.durations(reading, frames, **how)

    def seam_frames(self, reading: Any, durations: NDArray[np.int64]) -> Any:
        self._hook("seam_frames", self._is_bad(reading))
        return self._model.seam_frames(reading, durations)

    def word_edges(self, reading: Any, durations: NDArray[np.int64]) -> Any:
        self._hook("word_edges", self._is_bad(reading))
        return self._model.word_edges(reading, durations)

    def _is_bad(self, reading: Any) -> bool:
        return any(reading is tokens for tokens in self._bad_tokens)

    def _hook(self, name: str, is_bad: bool) -> None:
        if is_bad and name == self._where:
            raise self._error

    def _watch(self, call: str, inputs: Inputs) -> None:
        slots = set(inputs["slot"].tolist())
        if call == "encode":
            self._bad_slots -= slots
            self._bad_slots |= {
                slot
                for slot, speaker in zip(inputs["slot"].tolist(), inputs["speaker"].tolist(), strict=True)
                if speaker == 1
            }
        self._hook(call, bool(self._bad_slots & slots))


@asynccontextmanager
async def failing_engine(where: str, error: Exception, device: Device = CPU) -> AsyncIterator[Engine]:
    voice = Voice(voice_id="tiny-0", name="Failing", model=FailingModel(where, error))
    async with open_engine(Catalogue([voice]), SMALL, device=device) as engine:
        yield engine


@pytest.mark.parametrize("device", [CPU, AS_A_GPU], ids=["as on a CPU", "as on a GPU"])
@pytest.mark.parametrize("where", [*CALLS, "read", "columns", "durations", "word_edges"])
async def test_an_error_in_any_part_of_a_stream_ends_that_stream_only(where: str, device: Device) -> None:
    async with failing_engine(where, ValueError("made to fail"), device) as engine:
        expected = await say(engine, TEXT)
        heard = []
        async with trio.open_nursery() as nursery:

            async def good() -> None:
                heard.append(await say(engine, TEXT))

            async def bad() -> None:
                with pytest.raises(UtteranceError, match="made to fail"):
                    await say(engine, BAD)

            for task in (good, bad, good, bad):
                nursery.start_soon(task)
        assert len(heard) == 2
        for audio in heard:
            np.testing.assert_allclose(audio, expected, atol=EXACT)
        assert engine.statistics().streams == 0


@pytest.mark.parametrize("device", [CPU, AS_A_GPU], ids=["as on a CPU", "as on a GPU"])
async def test_an_error_in_a_cut_utterance_ends_that_stream_only(device: Device) -> None:
    cut, _ = read_text("A xylophone ", "jumps.")
    assert cut.is_cut
    async with failing_engine("seam_frames", ValueError("made to fail"), device) as engine:
        async with engine.open_stream() as stream:
            stream.feed(cut)
            with pytest.raises(UtteranceError, match="made to fail"):
                await listen(stream)
        assert len(await say(engine, TEXT)) > 0


async def test_out_of_memory_in_a_step_sheds_the_youngest_stream() -> None:
    async with (
        failing_engine("speak", torch.OutOfMemoryError("made to fail")) as engine,
        engine.open_stream("tiny-0", STEADY, seed=1) as old,
    ):
        feed(old, TEXT)
        with pytest.raises(UtteranceError, match="ran out of memory"):
            await say(engine, BAD)
        old.finish()
        assert len(await listen(old)) > 0


async def test_a_batch_that_fails_and_then_finds_no_memory_sheds_one_stream_and_goes_on() -> None:
    is_armed = False

    def fail(call: str, inputs: Inputs) -> None:
        if is_armed and call == "encode":
            rows = int((inputs["length"] > 0).sum())
            raise ValueError("one row is bad") if rows > 1 else torch.OutOfMemoryError("made to fail")

    catalogue = Catalogue([Voice(voice_id="tiny-0", name="Failing", model=WatchedModel(tiny_model(), fail))])
    async with open_engine(catalogue, SMALL, device=AS_A_GPU) as engine:
        is_armed, said = True, []
        (utterance,) = read_text("One.")

        async def hear(stream: EngineStream) -> None:
            with pytest.raises(UtteranceError, match="ran out of memory") as raised:
                await listen(stream)
            said.append(raised.value)

        async with engine.open_stream() as first, engine.open_stream() as second:
            first.feed(utterance)
            second.feed(utterance)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(hear, first)
                nursery.start_soon(hear, second)
        is_armed = False
        assert len(said) == 2  # each in a step of its own
        assert len(await say(engine, TEXT)) > 0


async def test_a_lost_device_fails_every_stream_and_every_waiter() -> None:
    error = RuntimeError("CUDA error: an illegal memory access was encountered")
    async with failing_engine("speak", error) as engine:
        told = []

        async def wait() -> None:
            with pytest.raises(EngineError, match="illegal memory access"):
                await engine.wait_failed()
            told.append("waiter")

        async def speak(text: str) -> None:
            with pytest.raises(EngineError, match="illegal memory access"):
                await say(engine, text)
            told.append("speaker")

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                nursery.start_soon(speak, TEXT * 5)
                nursery.start_soon(speak, BAD)
        assert sorted(told) == ["speaker", "speaker", "waiter"]
        with pytest.raises(EngineError, match="illegal memory access"):
            async with engine.open_stream():
                pass


@pytest.mark.parametrize("in_capture", [False, True])
async def test_a_start_without_memory_names_the_settings_to_lower(in_capture: bool) -> None:
    class Large(WatchedModel):
        def load(self, device: torch.device, dtype: torch.dtype, slots: int) -> Network:
            try:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            finally:
                if in_capture:
                    raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    model = Large(tiny_model(), lambda call, inputs: None)
    with pytest.raises(EngineError, match="use a smaller --max-batch"):
        async with open_engine(Catalogue([Voice(voice_id="large", name="Large", model=model)]), device=CPU):
            pass


async def test_an_engine_used_from_another_trio_run_refuses_and_its_own_run_goes_on() -> None:
    async with open_engine(tiny_catalogue(), SMALL, device=CPU) as engine:
        expected = await say(engine, TEXT)
        (utterance,) = read_text("One.")

        async def misuse(stream: EngineStream) -> None:
            for use in (lambda: stream.feed(utterance), engine.check):
                with pytest.raises(LocalError, match="in the Trio run that opened it, found another"):
                    use()
            with pytest.raises(LocalError, match="in the Trio run that opened it, found another"):
                async with engine.open_stream():
                    pass
            with pytest.raises(LocalError, match="in the Trio run that opened it, found another"):
                await anext(stream)
            with pytest.raises(LocalError, match="in the Trio run that opened it, found another"):
                await engine.wait_failed()

        async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
            await trio.to_thread.run_sync(trio.run, misuse, stream)
            feed(stream, TEXT)
            stream.finish()
            np.testing.assert_allclose(await listen(stream), expected, atol=EXACT)
        with pytest.raises(LocalError, match="in the Trio run that opened it, found none"):
            await trio.to_thread.run_sync(lambda: asyncio.run(outside_of_trio(engine)))


async def outside_of_trio(engine: Engine) -> None:
    engine.check()


async def test_a_block_that_cannot_be_made_ends_its_stream_and_not_the_program(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def impossible(*_: object) -> None:
        raise ValueError("one word too many")

    async with open_engine(tiny_catalogue(), SMALL) as engine:
        whole = await say(engine, TEXT)
        with monkeypatch.context() as patched:
            patched.setattr("zelitrio.engine.stream.faded", impossible)
            with pytest.raises(UtteranceError, match="one word too many"):
                await say(engine, TEXT)
        assert np.abs(await say(engine, TEXT) - whole).max() < EXACT


@pytest.mark.parametrize("keeps", ["", "he", " .,?!"])
async def test_a_voice_without_symbols_for_words_speaks_the_others(keeps: str, tmp_path: Path) -> None:
    sizes = PiperConfig(hidden=16, latent=12, feed_forward=24, layers=2, duration_width=16, start_width=32)
    voice = made_piper(tmp_path, 3, sizes)
    assert isinstance(voice.model, PiperModel)
    symbols = {symbol: ids for symbol, ids in voice.model.symbols.items() if symbol in "^_$" + keeps}
    poor = attrs.evolve(voice, model=attrs.evolve(voice.model, symbols=symbols))
    async with open_engine(Catalogue([poor]), SMALL) as engine, engine.open_stream() as stream:
        feed(stream, "Hello there. So be it, then.")
        stream.finish()
        words = times = 0
        async for block in stream:
            if block.word_times_ms is not None:
                words, times = words + len(block.utterance.words), times + len(block.word_times_ms)
        assert words == times == 6
