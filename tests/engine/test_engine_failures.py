"""What the real engine refuses, and how it fails and ends; with a tiny voice on the CPU."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import numpy as np
import pytest
import torch
import trio
from tiny_engine import EXACT, STEADY, TEXT, feed, listen, say
from tiny_voice import tiny_catalogue

from zelitrio.engine import Engine, open_engine
from zelitrio.engine import engine as engine_module
from zelitrio.engine.commands import Failed, Open, Speak
from zelitrio.engine.lanes import EncodePlan
from zelitrio.engine.runner import EncodeRow, Runner, SpeakRow
from zelitrio.engine.worker import Worker
from zelitrio.errors import CapacityError, EngineError, UtteranceError
from zelitrio.settings import EngineSettings
from zelitrio.text import load_front_end


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
        (EngineSettings(device="cuda:99"), "'cuda:99' was asked for, but this machine has"),
        (EngineSettings(device="tpu"), "expected auto, cpu, cuda or cuda:N, found 'tpu'"),
        (EngineSettings(device="cpu", dtype="float16"), "a CPU computes in float32 or bfloat16"),
    ],
)
async def test_an_impossible_device_is_one_clear_error(settings: EngineSettings, said: str) -> None:
    with pytest.raises(EngineError, match=said):
        async with open_engine(tiny_catalogue(), settings):
            pass


class FailingRunner(Runner):
    """Fails the calls that a test names: by what is spoken, or by count."""

    bad_word = "xylophone"
    fail_steps: tuple[int, ...] = ()
    error: Exception = ValueError("made to fail")

    def encode(self, rows: Sequence[EncodeRow]):  # type: ignore[no-untyped-def]
        if any(row.seed >= 1000 for row in rows):
            raise self.error
        return super().encode(rows)

    def speak(self, rows: Sequence[SpeakRow], window: int):  # type: ignore[no-untyped-def]
        if any(row.speaker == 1 for row in rows):
            raise self.error
        return super().speak(rows, window)


@asynccontextmanager
async def failing_engine(monkeypatch: pytest.MonkeyPatch, error: Exception) -> AsyncIterator[Engine]:
    monkeypatch.setattr(FailingRunner, "error", error)
    monkeypatch.setattr(engine_module, "Worker", lambda *args: Worker(*args, make_runner=FailingRunner))
    async with open_engine(tiny_catalogue()) as engine:
        yield engine


@pytest.mark.parametrize(("seed", "voice"), [(1000, "tiny-0"), (1, "tiny-1")], ids=["encode", "speak"])
async def test_one_bad_utterance_ends_one_stream(
    monkeypatch: pytest.MonkeyPatch, seed: int, voice: str
) -> None:
    async with failing_engine(monkeypatch, ValueError("made to fail")) as engine:
        expected = await say(engine, TEXT)
        heard = []
        async with trio.open_nursery() as nursery:

            async def good() -> None:
                heard.append(await say(engine, TEXT))

            async def bad() -> None:
                with pytest.raises(UtteranceError, match="made to fail"):
                    await say(engine, TEXT, seed=seed, voice=voice)

            for task in (good, bad, good, bad):
                nursery.start_soon(task)
        assert len(heard) == 2
        for audio in heard:
            np.testing.assert_allclose(audio, expected, atol=EXACT)
        assert engine.statistics().streams == 0


async def test_out_of_memory_in_a_step_sheds_the_youngest_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    async with (
        failing_engine(monkeypatch, torch.OutOfMemoryError("made to fail")) as engine,
        engine.open_stream("tiny-0", STEADY, seed=1) as old,
    ):
        feed(old, TEXT)
        with pytest.raises(UtteranceError, match="ran out of memory"):
            await say(engine, TEXT, voice="tiny-1")
        old.finish()
        assert len(await listen(old)) > 0


def test_a_batch_that_fails_and_then_finds_no_memory_sheds_one_stream_and_goes_on() -> None:
    class Failing(Runner):
        def encode(self, rows: Sequence[EncodeRow]):  # type: ignore[no-untyped-def]
            raise ValueError("one row is bad") if len(rows) > 1 else torch.OutOfMemoryError("made to fail")

    model = tiny_catalogue().default.model
    worker = Worker([model], EngineSettings(device="cpu"), lambda deliveries: None)
    worker._start(lambda ready: None, None)
    worker._runners = [Failing(model, torch.device("cpu"), torch.float32, 4)]
    for number in range(2):
        utterance = load_front_end().utterance("One.")
        worker._take(Open(stream=number, model=0, speaker=0, seed=0))
        worker._take(
            Speak(
                stream=number,
                index=0,
                utterance=utterance,
                settings=STEADY,
                fed_at_s=0.0,
            )
        )
    assert worker._launch(EncodePlan(model=0, lanes=tuple(worker._lanes))) is None
    assert [type(said) for said in worker._out] == [Failed]
    assert list(worker._streams) == [0]


async def test_a_lost_device_tells_every_stream_and_whoever_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    error = RuntimeError("CUDA error: an illegal memory access was encountered")
    async with failing_engine(monkeypatch, error) as engine:
        told = []

        async def wait() -> None:
            with pytest.raises(EngineError, match="illegal memory access"):
                await engine.wait_failed()
            told.append("waiter")

        async def speak(voice: str) -> None:
            with pytest.raises(EngineError, match="illegal memory access"):
                await say(engine, TEXT * 5, voice=voice)
            told.append(voice)

        with trio.fail_after(5):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(wait)
                nursery.start_soon(speak, "tiny-0")
                nursery.start_soon(speak, "tiny-1")
        assert sorted(told) == ["tiny-0", "tiny-1", "waiter"]
        with pytest.raises(EngineError, match="illegal memory access"):
            async with engine.open_stream():
                pass


@pytest.mark.parametrize("in_capture", [False, True])
async def test_a_start_without_memory_says_what_to_ask_less_of(
    monkeypatch: pytest.MonkeyPatch, in_capture: bool
) -> None:
    def explode(*args: object) -> Runner:
        try:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        finally:
            if in_capture:
                raise RuntimeError("CUDA error: operation failed due to a previous error during capture")

    monkeypatch.setattr(engine_module, "Worker", lambda *args: Worker(*args, make_runner=explode))
    with pytest.raises(EngineError, match="use a smaller --max-batch"):
        async with open_engine(tiny_catalogue()):
            pass
