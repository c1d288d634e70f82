"""Encoding in turns."""

from __future__ import annotations

import math
import threading
import time
from functools import partial

import numpy as np
import pytest
import trio
import trio.testing

from zelitrio.audio import open_encoder, parse_format
from zelitrio.errors import LocalError
from zelitrio.session.codec_threads import CodecThreads
from zelitrio.session.encoding import Turns, encode_in_turns, encoding_threads, flush_in_turns


@pytest.mark.parametrize(("name", "slices"), [("mp3_44100_128", 18), ("pcm_24000", 0), ("ulaw_8000", 0)])
async def test_slices_give_the_same_bytes_and_let_others_run_between(name: str, slices: int) -> None:
    audio = (0.3 * np.sin(np.arange(24_000) / 20)).astype(np.float32)
    whole = open_encoder(parse_format(name))
    expected = whole.encode(audio) + whole.flush()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await trio.lowlevel.checkpoint()

    encoder = open_encoder(parse_format(name))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(other)
        encoded = await encode_in_turns(encoder, encoder.prepare(audio), 24_000, Turns(), -math.inf)
        nursery.cancel_scope.cancel()
    assert encoded + encoder.flush() == expected
    assert turns >= slices


class Watched:
    """An encoder that records its threads and can be delayed."""

    def __init__(self, name: str) -> None:
        self.inner = open_encoder(parse_format(name))
        self.format = self.inner.format
        self.threads: list[int] = []
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def encode(self, pcm: np.ndarray) -> bytes:
        self.threads.append(threading.get_ident())
        assert self.may_go_on.wait(5)
        return self.inner.encode(pcm)

    def encode_prepared(self, part: np.ndarray) -> bytes:
        return self.encode(part)

    def flush(self) -> bytes:
        self.threads.append(threading.get_ident())
        return self.inner.flush()


@pytest.mark.parametrize(
    ("name", "goes"), [("mp3_44100_128", True), ("opus_48000_64", True), ("pcm_24000", False)]
)
async def test_with_cores_to_spare_a_codec_works_in_threads(name, goes) -> None:
    audio = (0.3 * np.sin(np.arange(24_000) / 20)).astype(np.float32)
    whole = open_encoder(parse_format(name))
    expected = whole.encode(audio) + whole.flush()
    turns, encoder, here = Turns(CodecThreads(2)), Watched(name), threading.get_ident()
    encoded = b""
    for part in np.split(audio, [960, 5000, 5001]):
        encoded += await encode_in_turns(encoder, part, 24_000, turns, 0.1)  # type: ignore[arg-type]
    encoded += await flush_in_turns(encoder, turns)  # type: ignore[arg-type]
    assert len(encoder.threads) == 5
    assert all((thread != here) == goes for thread in encoder.threads)
    assert len(encoded) == len(expected) and (name.startswith("opus") or encoded == expected)


async def test_a_cancelled_stream_does_not_wait_for_its_thread() -> None:
    turns, encoder = Turns(CodecThreads(1)), Watched("mp3_44100_128")
    encoder.may_go_on.clear()
    with trio.fail_after(3), trio.CancelScope() as scope:
        async with trio.open_nursery() as nursery:
            for _ in range(2):  # one is encoded, one waits
                nursery.start_soon(encode_in_turns, encoder, np.zeros(24_000, np.float32), 24_000, turns, 0.0)
            await trio.testing.wait_all_tasks_blocked()
            scope.cancel()
    assert scope.cancelled_caught
    encoder.may_go_on.set()
    with trio.fail_after(3):
        assert await turns.threads.run(lambda: b"next", 0.0) == b"next"  # type: ignore[union-attr]
    assert len(encoder.threads) == 1  # the waiting block was not encoded


async def test_threads_take_the_most_urgent_first_and_never_more_than_there_are() -> None:
    threads, order, working, most = CodecThreads(2), [], 0, 0
    lock = threading.Lock()

    def work(name: float) -> bytes:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.005)
        with lock:
            working -= 1
            order.append(name)
        return b"%f" % name

    async with trio.open_nursery() as nursery:
        for due_s in (9.0, 8.0, 7.0, 1.0, 3.0, 2.0, -math.inf):
            nursery.start_soon(threads.run, partial(work, due_s), due_s)
            await trio.testing.wait_all_tasks_blocked()
    assert most == 2
    assert order[-1] == 7.0 or order[-2] == 7.0


async def test_what_a_codec_raises_in_a_thread_is_raised_by_its_stream() -> None:
    turns = Turns(CodecThreads(1))
    encoder = open_encoder(parse_format("mp3_44100_128"))
    with pytest.raises(LocalError, match="finite"):
        await encode_in_turns(encoder, np.full(100, np.nan, np.float32), 24_000, turns, 0.0)


def test_threads_are_for_machines_with_cores_to_spare(monkeypatch) -> None:
    for cores, threads in ((1, None), (2, None), (3, None), (4, 2), (16, 14)):
        monkeypatch.setattr("os.sched_getaffinity", lambda pid, cores=cores: set(range(cores)), raising=False)
        monkeypatch.setattr("os.cpu_count", lambda cores=cores: cores)
        found = encoding_threads()
        assert (None if found is None else found.most) == threads


async def test_the_most_urgent_has_the_next_turn_and_equals_go_in_order() -> None:
    turns, order = Turns(), []
    wanted = [("far", 9.0), ("near", 1.0), ("new", -math.inf), ("next", 1.0), ("also new", -math.inf)]

    async def work(name: str, due_s: float) -> None:
        async with turns.turn(due_s):
            order.append(name)

    async with trio.open_nursery() as nursery, turns.turn(0.0):
        for name, due_s in wanted:
            nursery.start_soon(work, name, due_s)
            await trio.testing.wait_all_tasks_blocked()
        assert order == []
    assert order == ["new", "also new", "near", "next", "far"]


@pytest.mark.parametrize("seed", range(5))
async def test_a_cancelled_waiter_takes_no_turn(seed: int) -> None:
    random = np.random.default_rng(seed)
    turns, inside = Turns(), 0

    async def work(due_s: float, patience: int) -> None:
        nonlocal inside
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_after, scope, patience)
                async with turns.turn(due_s):
                    inside += 1
                    assert inside == 1
                    inside -= 1
                nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for _ in range(50):
            nursery.start_soon(work, float(random.random()), int(random.integers(0, 40)))
    with trio.fail_after(1):
        async with turns.turn(0.0):  # no cancelled waiter has kept the lock
            pass


async def _cancel_after(scope: trio.CancelScope, checkpoints: int) -> None:
    for _ in range(checkpoints):
        await trio.lowlevel.checkpoint()
    scope.cancel()
