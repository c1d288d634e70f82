from __future__ import annotations

import numpy as np
import pytest
from tiny_voice import tiny_catalogue

from bench.voice.in_engine import stream
from bench.voice.seams import Cut, cut_and_whole, cut_words, jumps
from bench.voice.spoken import RATE_HZ, Pcm
from zelitrio.engine import open_engine
from zelitrio.text import Break, load_front_end

PLACE = RATE_HZ // 2
TEXT = "The earliest clocks of the town had no hands, and told the hour only by a bell."


def two_halves(gain: float, first_hz: float = 400, second_hz: float = 400) -> Pcm:
    """Half a second of one tone, then another, over noise."""
    seconds = np.arange(PLACE) / RATE_HZ
    pcm = np.concatenate([np.sin(2 * np.pi * hz * seconds) for hz in (first_hz, second_hz)]) * 0.1
    pcm[PLACE:] *= gain
    return (pcm + np.random.default_rng(3).normal(0, 0.0003, len(pcm))).astype(np.float32)


def flat(semitones_up: float = 0.0) -> np.ndarray:
    contour = np.full(100, np.log(200.0))
    contour[50:] += semitones_up * np.log(2) / 12
    return contour


def test_a_jump_of_level_is_measured_only_at_its_place() -> None:
    found = jumps(two_halves(4.0), flat(), [PLACE, PLACE // 2])
    assert found["level_db"][0] == pytest.approx(12.04, abs=0.2)
    assert found["level_db"][1] < 0.2


def test_a_jump_of_timbre_is_measured_whatever_the_level() -> None:
    same = jumps(two_halves(4.0), flat(), [PLACE])["shape_db"][0]
    other = jumps(two_halves(1.0, 400, 3000), flat(), [PLACE])["shape_db"][0]
    assert other > 10
    assert same < other / 2


def test_a_jump_of_pitch_is_in_semitones_and_nan_if_unvoiced() -> None:
    assert jumps(two_halves(1.0), flat(3.0), [PLACE])["pitch_st"] == [pytest.approx(3.0)]
    unvoiced = flat()
    unvoiced[50:60] = np.nan
    assert np.isnan(jumps(two_halves(1.0), unvoiced, [PLACE])["pitch_st"]).all()


def test_places_at_the_very_edges_are_left_out() -> None:
    assert jumps(two_halves(1.0), flat(), [0, 10, RATE_HZ])["level_db"] == []


def test_sentences_are_cut_between_words_without_a_mark() -> None:
    utterance = load_front_end().utterance(TEXT)
    for count in (2, 3, 4):
        chosen = cut_words(utterance, count)
        assert len(chosen) == count - 1
        assert all(utterance.words[index - 1].after is Break.NONE for index in chosen)


async def test_the_engine_says_where_pieces_and_words_begin() -> None:
    async with open_engine(tiny_catalogue()) as engine:
        cut: Cut = await cut_and_whole(engine, "tiny-0", TEXT, 3)
        alone = await stream(engine, "tiny-0", [load_front_end().utterance(TEXT)])
    np.testing.assert_allclose(cut.whole.pcm, alone.pcm, atol=1e-4)
    words = load_front_end().utterance(TEXT).words
    assert len(cut.pieces.starts) == 3
    assert len(cut.pieces.words) == len(cut.whole.words) == len(words)
    assert cut.pieces.starts[0] == 0
    for index, start in zip(cut.words, cut.pieces.starts[1:], strict=True):
        assert 0 <= cut.pieces.words[index][0] - start <= RATE_HZ * 4 // 100
    assert not set(cut.words) & set(cut.inside)
    assert cut.pieces.words[-1][1] <= len(cut.pieces.pcm)
