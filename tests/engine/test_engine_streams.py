"""The real engine on the real clock, with a tiny voice on the CPU."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import numpy as np
import pytest
import trio
from numpy.typing import NDArray
from tiny_engine import AS_A_GPU, EXACT, SMALL, STEADY, TEXT, feed, listen, say, until
from tiny_voice import tiny_catalogue, tiny_model

from zelitrio.engine import AudioBlock, Engine, open_engine
from zelitrio.engine.commands import Delivery, Ended, Progress
from zelitrio.engine.postbox import Postbox
from zelitrio.errors import LocalError
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import Break, Reading, StreamReader, Utterance, Word, load_front_end, read_text
from zelitrio.voices import (
    Catalogue,
    Voice,
    ZeliModel,
)
from zelitrio.voices.inputs import PhoneInputs


def utterances(*texts: str) -> list[Utterance]:
    reader = StreamReader(load_front_end(), Reading())
    return [utterance for text in texts for utterance in reader.read(text)]


async def test_text_becomes_audio_and_the_iteration_ends(engine: Engine) -> None:
    audio = await say(engine, TEXT)
    assert audio.dtype == np.float32
    assert 1.0 < len(audio) / 24_000 < 10.0
    assert 0.001 < np.abs(audio).max() <= 1.0


async def test_a_seed_makes_speech_repeatable_and_voices_differ(engine: Engine) -> None:
    first, second = await say(engine, TEXT), await say(engine, TEXT)
    np.testing.assert_allclose(first, second, atol=EXACT)
    other = await say(engine, TEXT, voice="tiny-1")
    assert len(other) != len(first) or np.abs(other - first).max() > 100 * EXACT


async def test_without_a_seed_an_unsteady_voice_varies(engine: Engine) -> None:
    takes = []
    for _ in range(2):
        async with engine.open_stream("tiny-0", VoiceSettings(stability=0.0)) as stream:
            feed(stream, TEXT)
            stream.finish()
            takes.append(await listen(stream))
    assert len(takes[0]) != len(takes[1]) or np.abs(takes[0] - takes[1]).max() > 100 * EXACT


async def test_streams_in_one_batch_sound_as_they_do_alone(engine: Engine) -> None:
    texts = [TEXT, "Yes.", "One, two, three, four!", TEXT * 3, "Is it so?", "No - never."]
    alone = [await say(engine, text, seed=number) for number, text in enumerate(texts)]
    together: dict[int, NDArray[np.float32]] = {}

    async def one(number: int) -> None:
        await trio.sleep(0.003 * number)
        together[number] = await say(engine, texts[number], seed=number)

    async with trio.open_nursery() as nursery:
        for number in range(len(texts)):
            nursery.start_soon(one, number)
    for number, expected in enumerate(alone):
        np.testing.assert_allclose(together[number], expected, atol=EXACT)


async def test_blocks_come_in_order_with_word_times_once(engine: Engine) -> None:
    async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
        for utterance in utterances(TEXT, "And this."):
            stream.feed(utterance)
        stream.finish()
        blocks: list[AudioBlock] = [block async for block in stream]
    numbers = [block.utterance.number for block in blocks]
    assert numbers == sorted(numbers)
    assert [block.utterance.number for block in blocks if block.is_last] == [0, 1]
    timed = [block for block in blocks if block.word_times_ms is not None]
    assert [block.utterance.number for block in timed] == [0, 1]
    for block in timed:
        assert block.word_times_ms is not None
        assert len(block.word_times_ms) == len(block.utterance.words)
        length_ms = 1000 * sum(len(b.pcm) for b in blocks if b.utterance == block.utterance) / 24_000
        starts_and_ends = [edge for times in block.word_times_ms for edge in times]
        assert starts_and_ends == sorted(starts_and_ends)
        assert starts_and_ends[-1] <= length_ms
        assert starts_and_ends[0] <= 40
        assert block.phone_edges_ms is not None
        phones = block.phone_edges_ms()
        for word, (begin, end), edges in zip(block.utterance.words, block.word_times_ms, phones, strict=True):
            assert len(edges) == len(word.phones) + 1 and list(edges) == sorted(edges)
            # A word before a pause ends when it has faded, a little before the end of its last phone.
            assert edges[0] == begin and edges[-1] >= end


async def test_an_utterance_sounds_the_same_after_others(engine: Engine) -> None:
    pair = await say(engine, "Yes.", TEXT)
    first = await say(engine, "Yes.")
    np.testing.assert_allclose(pair[: len(first)], first, atol=EXACT)


async def test_nothing_to_speak_is_silence_not_an_error(engine: Engine) -> None:
    assert len(await say(engine)) == 0
    assert len(await say(engine, "...")) / 24_000 < 0.2


async def test_a_text_without_end_is_spoken_in_pieces(engine: Engine) -> None:
    audio = await say(engine, "word " * 400)
    assert len(audio) / 24_000 > 60


async def test_leaving_the_block_frees_the_lane_and_the_others_go_on(engine: Engine) -> None:
    expected = await say(engine, TEXT, seed=3)
    async with trio.open_nursery() as nursery:
        results: list[NDArray[np.float32]] = []

        async def steady() -> None:
            results.append(await say(engine, TEXT, seed=3))

        nursery.start_soon(steady)
        async with engine.open_stream("tiny-0") as stream:
            feed(stream, TEXT * 20)
            await stream.__anext__()
        assert engine.statistics().streams <= 1
    np.testing.assert_allclose(results[0], expected, atol=EXACT)
    steps = engine.statistics().steps
    await trio.sleep(0.05)
    assert engine.statistics().steps == steps  # no step serves a stream that has left


async def test_a_cancelled_reader_loses_no_samples(engine: Engine) -> None:
    expected = await say(engine, TEXT)
    heard = []
    async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
        feed(stream, TEXT)
        stream.finish()
        ended = False
        while not ended:
            with trio.move_on_after(0.002):
                async for block in stream:
                    heard.append(block.pcm)
                ended = True
    np.testing.assert_allclose(np.concatenate(heard), expected, atol=EXACT)


async def test_a_stopped_reader_gets_a_bounded_lead() -> None:
    settings = EngineSettings(credit_s=0.5)
    async with (
        open_engine(tiny_catalogue(), settings) as engine,
        engine.open_stream("tiny-0", STEADY) as slow,
    ):
        feed(slow, TEXT * 20)
        slow.finish()
        quick = await say(engine, TEXT)
        made_s = engine.statistics().audio_s - len(quick) / 24_000
        await trio.sleep(0.05)
        assert made_s <= 0.5 + 0.64  # the credit and one largest window
        total = await listen(slow)
        assert len(total) / 24_000 > 10


async def test_speed_and_settings_can_change_between_utterances(engine: Engine) -> None:
    async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
        first, second = utterances(TEXT, TEXT)
        stream.feed(first)
        stream.feed(second, settings=VoiceSettings(stability=1.0, speed=0.7))
        stream.finish()
        lengths = [0, 0]
        async for block in stream:
            lengths[block.utterance.number] += len(block.pcm)
    assert lengths[1] / lengths[0] == pytest.approx(1 / 0.7, rel=0.03)


async def test_a_wrong_voice_and_a_call_in_the_wrong_order_are_local_errors(engine: Engine) -> None:
    with pytest.raises(LocalError, match="expected one of tiny-0, tiny-1, found 'nobody'"):
        async with engine.open_stream("nobody"):
            pass
    async with engine.open_stream() as stream:
        stream.finish()
        stream.finish()
        with pytest.raises(LocalError, match="no text after finish"):
            feed(stream, "more")


async def test_a_voice_of_another_catalogue_is_refused_by_name_and_takes_no_place(engine: Engine) -> None:
    with pytest.raises(LocalError, match="this engine's catalogue, found another's 'tiny-0'"):
        async with engine.open_stream(tiny_catalogue().default):
            pass
    assert engine.statistics().streams == 0


async def test_bfloat16_speaks_about_the_same() -> None:
    # Pitch is rounded, so phases drift.  Compare length and level instead of samples.
    audio = []
    for dtype in ("float32", "bfloat16"):
        async with open_engine(tiny_catalogue(), EngineSettings(dtype=dtype)) as engine:
            audio.append(await say(engine, TEXT))
    assert len(audio[1]) == pytest.approx(len(audio[0]), rel=0.03)
    assert audio[1].std() == pytest.approx(audio[0].std(), rel=0.1)


async def test_statistics_say_what_happened(engine: Engine) -> None:
    audio = await say(engine, TEXT)
    await until(lambda: engine.speaking == 0)
    statistics = engine.statistics()
    assert statistics.audio_s == pytest.approx(len(audio) / 24_000)
    assert (statistics.streams, statistics.speaking, statistics.encodes) == (0, 0, 1)
    assert 0.0 <= statistics.load <= 1.0
    assert set(statistics.first_audio_ms) == {"p50", "p95", "p99"}
    assert statistics.capacity >= 1


async def test_an_utterance_cut_in_mid_sentence_joins_the_next_without_a_gap(engine: Engine) -> None:
    cut, rest = read_text("And so they went on ", "and on until the morning.")

    async def spoken(*utterances: Utterance) -> tuple[NDArray[np.float32], int]:
        async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
            for utterance in utterances:
                stream.feed(utterance)
            stream.finish()
            blocks = [block async for block in stream]
        audio = np.concatenate([block.pcm for block in blocks])
        return audio, sum(len(block.pcm) for block in blocks if block.utterance.number == 0)

    def level(audio: NDArray[np.float32], at: int) -> float:
        return float(np.sqrt(np.mean(audio[at - 240 : at + 240] ** 2)))

    joined, at = await spoken(cut, rest)
    inside = np.median([level(joined, place) for place in range(at - 4800, at + 4800, 480)])
    assert level(joined, at) > 0.5 * inside
    stopped_cut = attrs.evolve(cut, words=(*cut.words[:-1], stopped(cut.words[-1])))
    ended, at = await spoken(stopped_cut, attrs.evolve(rest, joins=False, context=()))
    assert level(ended, at) < level(joined, at)


@pytest.mark.parametrize("speed", [0.8, 0.82, 0.84, 0.9, 0.94, 1.0, 1.1, 1.2])
async def test_a_cut_utterance_is_as_long_as_it_says_wherever_its_last_window_ends(
    engine: Engine, speed: float
) -> None:
    cut, rest = read_text("And so they went on and on ", "until the morning.")
    async with engine.open_stream("tiny-0", attrs.evolve(STEADY, speed=speed), seed=1) as stream:
        stream.feed(cut)
        stream.feed(rest)
        stream.finish()
        blocks = [block async for block in stream]
    for number in (0, 1):
        own = [block for block in blocks if block.utterance.number == number]
        told_ms = next(block.length_ms for block in own if block.length_ms is not None)
        assert sum(len(block.pcm) for block in own) * 1000 == told_ms * 24_000


def stopped(word: Word) -> Word:
    return attrs.evolve(word, after=Break.STOP)


@pytest.mark.gpu
@pytest.mark.parametrize("graphs", [True, False])
async def test_on_a_gpu_a_batched_stream_equals_the_stream_alone(graphs: bool) -> None:
    settings = EngineSettings(device="cuda", graphs=graphs, max_batch=4, max_streams=8)
    async with open_engine(tiny_catalogue(), settings) as engine:
        assert bool(engine.statistics().graphs) == graphs
        alone = await say(engine, TEXT)
        heard = []

        async def speak() -> None:
            heard.append(await say(engine, TEXT))

        async with trio.open_nursery() as nursery:
            for _ in range(6):
                nursery.start_soon(speak)
        for audio in heard:
            np.testing.assert_allclose(audio, alone, atol=EXACT)


async def test_utterances_encoded_while_idle_do_not_delay_later_ones() -> None:
    # Every window takes longer than this, so the last one leaves the thread without room.
    async with (
        open_engine(tiny_catalogue(), EngineSettings(credit_s=0.1)) as engine,
        engine.open_stream() as stream,
    ):
        with trio.fail_after(10):
            for _ in range(3):
                feed(stream, TEXT)
                while not (await anext(stream)).is_last:
                    pass


def test_a_slow_loop_is_woken_once() -> None:
    asked: list[Callable[[], None]] = []
    heard: list[Delivery] = []
    postbox = Postbox(asked.append, heard.append)
    first, second, third = (Ended(stream=number) for number in range(3))
    postbox.post([first], Progress())
    postbox.post([second], Progress(steps=1))
    assert len(asked) == 1
    asked.pop()()
    assert heard == [first, second]
    postbox.post([third], Progress())
    asked.pop()()
    assert heard == [first, second, third]
    postbox.post([], Progress(steps=2))
    assert not asked and postbox.progress.steps == 2


@attrs.frozen(kw_only=True, eq=False)
class Counting(ZeliModel):
    """Records what it read."""

    seen: list[Utterance] = attrs.field(factory=list)

    def read(self, utterance: Utterance) -> PhoneInputs:
        self.seen.append(utterance)
        return super().read(utterance)


async def test_an_utterance_that_waits_for_a_batch_of_its_length_is_not_read_twice() -> None:
    tiny = tiny_model()
    model = Counting(acoustic=tiny.acoustic, vocoder=tiny.vocoder)
    catalogue = Catalogue([Voice(voice_id="tiny-0", name="Counting", model=model)])
    async with open_engine(catalogue, SMALL, device=AS_A_GPU) as engine:
        at_start = len(model.seen)
        async with trio.open_nursery() as nursery:
            for text in ("One.", TEXT * 3, "Two.", TEXT * 4):
                nursery.start_soon(say, engine, text)
    assert len(model.seen) - at_start == 4
