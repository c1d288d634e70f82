"""The session's contract with an engine, for the real and the scripted engine."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import numpy as np
import pytest
import trio
from memory_socket import make_service
from scripted_engine import RATE_HZ, ScriptedEngine
from tiny_voice import tiny_catalogue

from zelitrio.audio import parse_format
from zelitrio.engine import open_engine
from zelitrio.errors import CapacityError
from zelitrio.session import StreamOptions
from zelitrio.session import speak as speak_text
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import Reading, StreamReader, load_front_end

TEXTS = ("Hello there, my friend. ", "It costs twenty dollars. ", "Good bye!")


@asynccontextmanager
async def real(**settings) -> AsyncIterator:
    options = EngineSettings(device="cpu", cpu_threads=1, **settings)
    async with open_engine(tiny_catalogue(), options) as engine:
        yield engine


@asynccontextmanager
async def scripted(**settings) -> AsyncIterator:
    yield ScriptedEngine(step_s=0.001, **settings)


both = pytest.mark.parametrize("kind", [real, scripted])


def utterances():
    reader = StreamReader(load_front_end(), Reading())
    return [utterance for text in TEXTS for utterance in reader.read(text)]


async def speak(engine, seed=7):
    async with engine.open_stream(engine.catalogue.default, VoiceSettings(), seed=seed) as lane:
        for one in utterances():
            lane.feed(one)
        lane.finish()
        return [block async for block in lane]


@both
async def test_utterances_are_spoken_in_order_and_each_ends_once(kind):
    async with kind() as engine:
        blocks = await speak(engine)
    order = [block.utterance.number for block in blocks]
    assert order == sorted(order) and set(order) == {0, 1, 2}
    assert [block.utterance.number for block in blocks if block.is_last] == [0, 1, 2]
    for block in blocks:
        assert block.pcm.dtype == np.float32 and block.pcm.ndim == 1
        assert block.sample_rate_hz == RATE_HZ and np.abs(block.pcm).max(initial=0) <= 1


@both
async def test_word_times_come_once_on_the_first_block_of_each_and_grow(kind):
    async with kind() as engine:
        blocks = await speak(engine)
    for index, utterance in enumerate(utterances()):
        mine = [block for block in blocks if block.utterance.number == index]
        assert [block.word_times_ms is not None for block in mine] == [True] + [False] * (len(mine) - 1)
        times = mine[0].word_times_ms
        assert mine[0].utterance == utterance and len(times) == len(utterance.words)
        flat = [time for pair in times for time in pair]
        assert flat == sorted(flat)
        assert flat[-1] <= 1000 * sum(len(block.pcm) for block in mine) / RATE_HZ + 1


@both
async def test_a_cancelled_wait_loses_no_sample(kind):
    async with kind() as engine:
        whole = np.concatenate([block.pcm for block in await speak(engine)])
        pieces = []
        async with engine.open_stream(engine.catalogue.default, VoiceSettings(), seed=7) as lane:
            for one in utterances():
                lane.feed(one)
            lane.finish()
            blocks = aiter(lane)
            ended = False
            while not ended:
                with trio.move_on_after(0.0005):
                    try:
                        pieces.append((await anext(blocks)).pcm)
                    except StopAsyncIteration:
                        ended = True
    np.testing.assert_array_equal(np.concatenate(pieces), whole)


@both
async def test_a_lane_is_free_as_soon_as_its_block_is_left(kind):
    async with kind() as engine:
        async with engine.open_stream(engine.catalogue.default) as lane:
            for one in utterances():
                lane.feed(one)
            await anext(aiter(lane))
            assert engine.statistics().streams == 1
            lane.close_softly()
        assert engine.statistics().streams == 0


@both
async def test_a_stream_too_many_is_refused(kind):
    async with kind(max_streams=1) as engine, engine.open_stream(engine.catalogue.default):
        with pytest.raises(CapacityError):
            async with engine.open_stream(engine.catalogue.default):
                pass


@both
async def test_an_abandoned_stream_gives_its_place_up_when_all_are_taken(kind):
    async with kind(max_streams=2) as engine, engine.open_stream(engine.catalogue.default) as first:
        much = utterances() * 100  # it must not end by itself, even on a slow machine
        for one in much:
            first.feed(one)
        first.finish()
        blocks = aiter(first)
        await anext(blocks)
        first.close_softly(is_abandoned=True)
        async with engine.open_stream(engine.catalogue.default):
            assert (await anext(blocks)).utterance.number >= 0  # there is room for both
            # A third stream takes the place of the first, which ends as if it had been spoken.
            assert [block.utterance.number for block in await speak(engine)][-1] == 2
            with trio.fail_after(5):
                heard = [block async for block in blocks]
            assert sum(block.is_last for block in heard) < len(much)
            first.close_softly()
        assert engine.statistics().streams <= 1
    assert engine.statistics().streams == 0


@both
async def test_an_open_stream_keeps_its_place_also_when_it_closes_by_itself(kind):
    async with kind(max_streams=1) as engine, engine.open_stream(engine.catalogue.default) as first:
        for one in utterances():
            first.feed(one)
        first.finish()
        first.close_softly()
        with pytest.raises(CapacityError):
            await speak(engine)
        assert {block.utterance.number async for block in first} == {0, 1, 2}


@both
async def test_more_text_may_come_while_it_speaks_and_finish_alone_ends_it(kind):
    async with kind() as engine, engine.open_stream(engine.catalogue.default) as lane:
        first, second, _ = utterances()
        lane.feed(first)
        blocks = aiter(lane)
        while not (await anext(blocks)).is_last:
            pass
        with trio.move_on_after(0.05) as scope:
            await anext(blocks)
        assert scope.cancelled_caught
        lane.feed(second)
        lane.finish()
        rest = [block async for block in blocks]
        assert {block.utterance.number for block in rest} == {1} and rest[-1].is_last


def lengths(blocks) -> list[tuple[int, int]]:
    """Utterances in order with their samples, however these are cut into blocks."""
    return [
        (number, sum(len(block.pcm) for block in own))
        for number, own in itertools.groupby(blocks, lambda block: block.utterance.number)
    ]


@both
async def test_blocks_that_are_handed_out_and_those_that_were_refused_are_all_of_them_in_order(kind):
    async with kind() as engine:
        whole = lengths(await speak(engine))
        found, handed, offered = [], 0, 0

        def take(block) -> bool:
            nonlocal handed, offered
            offered += 1
            if offered % 3 == 0:
                return False
            handed += 1
            found.append(block)
            return True

        async with engine.open_stream(engine.catalogue.default, VoiceSettings(), seed=7) as lane:
            lane.hand_to(take)
            for one in utterances():
                lane.feed(one)
            lane.finish()
            async for block in lane:
                found.append(block)
    assert lengths(found) == whole
    assert 0 < handed < offered


@both
async def test_an_error_of_the_function_that_takes_blocks_ends_the_iteration(kind):
    def take(block) -> bool:
        raise ValueError("broken")

    async with kind() as engine, engine.open_stream(engine.catalogue.default) as lane:
        lane.hand_to(take)
        lane.feed(utterances()[0])
        with pytest.raises(ValueError, match="broken"), trio.fail_after(5):
            await anext(aiter(lane))


async def test_the_end_of_a_sentence_that_goes_on_in_a_later_request_is_passed_on():
    text = "They went on along"
    async with real() as engine:
        async with engine.open_stream(engine.catalogue.default, VoiceSettings(), seed=7) as lane:
            lane.feed(load_front_end().utterance(text, ends_sentence=False))
            lane.finish()
            samples = sum([len(block.pcm) async for block in lane])
        with trio.fail_after(5):
            options = StreamOptions(
                voice=engine.catalogue.default,
                audio_format=parse_format("pcm_24000"),
                seed=7,
                reading=Reading(next_text="the shore."),
            )
            async with speak_text(make_service(engine), options, text) as spoken:
                heard = [packet.audio async for packet in spoken]
    assert len(b"".join(heard)) == 2 * samples
