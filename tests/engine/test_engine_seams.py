"""A cut sentence sounds like an uncut one, and no sample is lost or repeated."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
import numpy as np
import pytest
import trio
from laid_out import LAG, laid_out
from numpy.typing import NDArray
from tiny_engine import AS_A_GPU, EXACT, SMALL, STEADY, feed, listen, say
from tiny_voice import tiny_model
from with_network import WatchedModel

from zelitrio.engine import AudioBlock, Engine, EngineStream, open_engine
from zelitrio.engine.seams import close, cross
from zelitrio.engine.tails import Tails
from zelitrio.engine.timeline import LEAN_MOST, LEAN_S, LEAN_SHARE
from zelitrio.networks import Inputs
from zelitrio.settings import EngineSettings
from zelitrio.text import Break, Limit, Utterance, Word, read_text
from zelitrio.text.continuation import Continuation
from zelitrio.voices import Catalogue, Voice, load_builtin

SEAM_FRAMES, PLOSIVE_SEAM_FRAMES, WARM_UP_FRAMES, LEAN_FRAMES = 2, 4, 6, round(LEAN_S * 100)
HOP_SAMPLES = 240
SIDE_SAMPLES = 2 * HOP_SAMPLES
SENTENCES = (
    ("I never thought", "of it in that way", "until we moved here."),
    ("You can keep", "a few of the old ones", "in a box under the bed."),
    ("They will be sailing", "along the northern shore", "all through the summer."),
)
"""Cuts after a plosive before a vowel, and the place where the voice continues."""


def pieces_of(texts: Sequence[str]) -> list[Utterance]:
    *cut, last = texts
    return read_text(*(text + " " for text in cut), last)


async def blocks_of(
    engine: Engine, utterances: Sequence[Utterance], voice: str = "tiny-0", speed: float = 1.0
) -> list[AudioBlock]:
    settings = attrs.evolve(STEADY, speed=speed)
    async with engine.open_stream(voice, settings, seed=1) as stream:
        for utterance in utterances:
            stream.feed(utterance)
        stream.finish()
        return [block async for block in stream]


def joined(blocks: Sequence[AudioBlock]) -> NDArray[np.float32]:
    return np.concatenate([block.pcm for block in blocks])


def word_starts(blocks: Sequence[AudioBlock]) -> list[int]:
    """First sample of each word."""
    starts, heard = [], 0
    for block in blocks:
        starts += [heard + begin * 24 for begin, _ in block.word_times_ms or ()]
        heard += len(block.pcm)
    return starts


def lowest_level_db(pcm: NDArray[np.float32], place: int) -> float:
    """The lowest level of any 10 ms within 20 ms of a sample."""
    around = pcm[place - SIDE_SAMPLES : place + SIDE_SAMPLES].astype(np.float64)
    powers = np.square(around).reshape(-1, HOP_SAMPLES // 2).mean(1)
    return float(10 * np.log10(np.min(powers[:-1] + powers[1:]) / 2 + 1e-8))


async def test_the_level_at_a_join_falls_no_lower_than_where_the_sentence_was_not_cut() -> None:
    dips_db = []
    async with open_engine(load_builtin(), EngineSettings(cpu_threads=1)) as engine:
        voice = engine.catalogue.default.voice_id
        for texts in SENTENCES:
            cut = await blocks_of(engine, pieces_of(texts), voice)
            whole = await blocks_of(engine, read_text(" ".join(texts)), voice)
            counts = itertools.accumulate(len(text.split()) for text in texts[:-1])
            for word in counts:
                levels = [lowest_level_db(joined(said), word_starts(said)[word]) for said in (cut, whole)]
                dips_db.append(levels[1] - levels[0])
    assert len(dips_db) == 6
    assert np.median(dips_db) < 4
    assert max(dips_db) < 12


def random_pieces(random: np.random.Generator) -> list[Utterance]:
    words = "and so they went on a way that I saw only once before".split()
    cuts = sorted(random.choice(np.arange(1, len(words)), 4, replace=False))
    edges = itertools.pairwise([0, *(int(cut) for cut in cuts), len(words)])
    return pieces_of([" ".join(words[begin:end]) for begin, end in edges])


async def test_cut_sentences_are_the_same_alone_and_in_a_batch(engine: Engine) -> None:
    random = np.random.default_rng(5)
    sentences = [random_pieces(random) for _ in range(5)]
    alone = [joined(await blocks_of(engine, pieces)) for pieces in sentences]
    together: dict[int, NDArray[np.float32]] = {}

    async def one(number: int) -> None:
        await trio.sleep(0.004 * number)
        together[number] = joined(await blocks_of(engine, sentences[number]))

    async def leave_in_between() -> None:
        async with engine.open_stream("tiny-0", STEADY) as stream:
            for piece in sentences[0]:
                stream.feed(piece)
            await stream.__anext__()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(leave_in_between)
        for number in range(len(sentences)):
            nursery.start_soon(one, number)
    for number, expected in enumerate(alone):
        np.testing.assert_allclose(together[number], expected, atol=EXACT)


async def test_pieces_fed_late_sound_as_if_they_had_been_fed_at_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Listeners must not run dry here, even on a slow machine.
    monkeypatch.setattr(Tails, "await_next", lambda tails, stream: None)
    pieces = random_pieces(np.random.default_rng(6))
    expected = joined(await blocks_of(engine, pieces))
    blocks: list[AudioBlock] = []
    async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
        for piece in pieces:
            stream.feed(piece)
            while not (blocks and blocks[-1].is_last and blocks[-1].utterance == piece):
                blocks.append(await stream.__anext__())
        stream.finish()
        blocks += [block async for block in stream]
    np.testing.assert_allclose(joined(blocks), expected, atol=EXACT)


@pytest.mark.parametrize("speed", [0.7, 0.85, 0.94, 1.0, 1.06, 1.2])
async def test_every_piece_is_as_long_as_it_says_and_no_time_is_lost_at_joins(
    engine: Engine, speed: float
) -> None:
    pieces = random_pieces(np.random.default_rng(round(100 * speed)))
    blocks = await blocks_of(engine, pieces, speed=speed)
    for number, piece in enumerate(pieces):
        own = [block for block in blocks if block.utterance.number == number]
        (told,) = [block for block in own if block.length_ms is not None]
        assert told.length_ms is not None and told.word_times_ms is not None
        assert sum(len(block.pcm) for block in own) * 1000 == told.length_ms * 24_000
        edges = [edge for times in told.word_times_ms for edge in times]
        assert len(told.word_times_ms) == len(piece.words)
        assert edges == sorted(edges) and edges[-1] <= told.length_ms
        assert own[-1].is_last
        if number:
            behind_plosive = pieces[number - 1].words[-1].phones[-1] in ("P", "T", "K", "B", "D", "G")
            most = PLOSIVE_SEAM_FRAMES if behind_plosive else SEAM_FRAMES
            assert SEAM_FRAMES * 10 <= edges[0] <= most * 10


LETTER = Word("a", (0, 1), ("AH0",), Break.CUT)


async def test_pieces_shorter_than_a_seam_are_each_heard_and_timed(engine: Engine) -> None:
    continuation = Continuation(Limit())
    cut = [Utterance("a", (LETTER,))] * 5
    pieces = [continuation.place(utterance) for utterance in (*cut, *read_text("way."))]
    blocks = await blocks_of(engine, pieces, speed=1.2)
    timed = [block.utterance.number for block in blocks if block.word_times_ms is not None]
    assert timed == list(range(6))
    told_ms = sum(block.length_ms or 0 for block in blocks)
    assert len(joined(blocks)) * 1000 == told_ms * 24_000


@pytest.mark.parametrize("finishes_late", [False, True])
async def test_the_end_of_a_sentence_left_open_is_heard_and_does_not_click(
    engine: Engine, finishes_late: bool
) -> None:
    open_ = pieces_of(["They went on along", ""])[0]
    expected = joined(await blocks_of(engine, [open_]))
    blocks: list[AudioBlock] = []
    async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
        stream.feed(open_)
        while finishes_late and not (blocks and blocks[-1].is_last):
            blocks.append(await stream.__anext__())
        stream.finish()
        blocks += [block async for block in stream]
    np.testing.assert_allclose(joined(blocks), expected, atol=EXACT)
    assert blocks[0].length_ms is not None
    assert len(expected) == (blocks[0].length_ms / 10 + SEAM_FRAMES) * HOP_SAMPLES
    assert blocks[-1].is_last and len(blocks[-1].pcm) == SEAM_FRAMES * HOP_SAMPLES
    assert abs(expected[-1]) < 0.01 * np.abs(expected[-2400:]).max()


async def test_an_underrun_in_mid_sentence_fades_out_and_later_in(
    engine: Engine,
) -> None:
    first, second = pieces_of(["They went on along", "the northern shore."])
    async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
        stream.feed(first)
        with trio.fail_after(5):
            blocks = [await stream.__anext__()]
            while len(blocks[-1].pcm) != SEAM_FRAMES * HOP_SAMPLES:  # the tail, unasked
                blocks.append(await stream.__anext__())
        stream.feed(second)
        stream.finish()
        rest = joined([block async for block in stream])
    heard, level = joined(blocks), np.abs(rest).max()
    assert len(heard) == ((blocks[0].length_ms or 0) / 10 + SEAM_FRAMES) * HOP_SAMPLES
    assert abs(heard[-1]) < 0.01 * level
    assert np.abs(heard[:-1]).max() > 0.2 * level
    assert abs(rest[0]) < 0.01 * level


async def test_a_stream_finished_while_its_last_window_is_on_its_way_loses_none_of_it() -> None:
    streams: list[EngineStream] = []

    def finish_before_the_last_window(call: str, inputs: Inputs) -> None:
        if call == "speak" and streams:
            window = inputs["tokens"].shape[1]
            if bool((inputs["first"] + window - LAG >= inputs["length"]).all()):
                streams.pop().finish()

    model = WatchedModel(tiny_model(), finish_before_the_last_window)
    catalogue = Catalogue([Voice(voice_id="tiny-0", name="Tiny", model=model)])
    async with open_engine(catalogue, SMALL, device=AS_A_GPU) as engine:
        expected = await say(engine, "They went on.")
        async with engine.open_stream("tiny-0", STEADY, seed=1) as stream:
            streams.append(stream)
            feed(stream, "They went on.")
            with trio.fail_after(5):
                heard = await listen(stream)
    assert not streams
    np.testing.assert_allclose(heard, expected, atol=EXACT)


def test_the_rest_of_a_cut_sentence_overlaps_the_spoken_part() -> None:
    said = (attrs.evolve(LETTER, phones=("W", "EY1")),)
    before = laid_out(Utterance("a", said), 8)
    assert before.given_up == 2
    timeline = laid_out(Utterance("a", said, context=said * 2, joins=True), 8, before=before)
    assert (timeline.begin, timeline.given_up) == (WARM_UP_FRAMES, SEAM_FRAMES)
    assert timeline.heard == 2 + 16 + 1 - SEAM_FRAMES
    assert timeline.word_times_ms == ((20, 170),)
    frames, last = timeline.frames, timeline.tail_end - 1
    assert len(frames) - last == LAG + 1
    assert (frames.tokens[last:] == frames.tokens[-1]).all()
    assert (frames.places[last:] == frames.places[-1]).all()


@pytest.mark.parametrize(
    ("last", "frames", "given_up"),
    [("S", 8, SEAM_FRAMES), ("T", 8, PLOSIVE_SEAM_FRAMES), ("G", 2, 3), ("K", 1, SEAM_FRAMES)],
)
def test_a_cut_after_a_plosive_is_in_its_closure(last: str, frames: int, given_up: int) -> None:
    cut = Utterance("a", (attrs.evolve(LETTER, phones=("EY1", last), after=Break.CUT),))
    assert laid_out(cut, frames).given_up == given_up


def test_the_rest_of_a_cut_sentence_begins_near_the_spoken_pitch() -> None:
    said = (attrs.evolve(LETTER, phones=("W", "EY1"), after=Break.CUT),)
    continuation = Continuation(Limit())
    cut, rest = (continuation.place(Utterance("a", said)) for _ in range(2))
    heard, again = 0.05, 0.02  # ln f0 of its last phone, in either reading
    before = laid_out(cut, 8, pitch=heard)
    after = laid_out(rest, 8, pitch=again, before=before)
    assert before.frames.lean is None and before.ends_at == pytest.approx(heard)
    lean = after.frames.lean
    assert lean is not None and len(lean) == len(after.frames)
    nearer = LEAN_SHARE * (heard - again)
    assert lean[: after.begin + 1] == pytest.approx(nearer)
    assert lean[after.begin + LEAN_FRAMES] == pytest.approx(nearer / np.e, rel=1e-3)
    assert after.ends_at == pytest.approx(again + float(lean[after.end - 1]))
    far = laid_out(rest, 8, pitch=again, before=attrs.evolve(before, ends_at=1.0)).frames.lean
    assert far is not None and far[0] == pytest.approx(LEAN_MOST)
    anew = laid_out(attrs.evolve(rest, joins=False), 8, pitch=again, before=before)
    assert anew.frames.lean is None


def test_a_pause_that_was_asked_for_at_a_cut_is_kept_and_leaves_nothing_to_the_next() -> None:
    timeline = laid_out(Utterance("a", (attrs.evolve(LETTER, pause_s=0.3),)), 8)
    assert timeline.given_up == 0
    assert len(timeline.frames) == timeline.heard == 1 + 8 + 30


def test_a_crossfade_keeps_its_power() -> None:
    random = np.random.default_rng(1)
    levels = []
    for _ in range(500):
        tail, pcm = random.standard_normal((2, 480)).astype(np.float32)
        cross(tail, pcm, 240)
        levels.append(np.square(pcm))
    assert np.mean(levels, 0)[:240].reshape(8, 30).mean(1) == pytest.approx(np.ones(8), abs=0.05)


def test_an_end_is_faded_only_where_it_ends() -> None:
    ended = close(np.ones(480, np.float32), 240)
    assert (ended[:240] == 1).all() and (np.diff(ended[240:]) < 0).all() and ended[-1] < 0.01
