"""Another tempo: the requested length, the same pitch, and the same result in any pieces."""

from __future__ import annotations

import numpy as np
import pytest

from zelitrio.audio import (
    TempoChanger,
)
from zelitrio.audio.tempo import MAX_TEMPO, MIN_TEMPO
from zelitrio.errors import LocalError

RATE_HZ = 24_000
TEMPOS = (0.25, 0.36, 0.5, 0.72, 0.9, 1.1, 1.7, 2.0, 3.3, 4.0)


def tone(seconds: float, pitch_hz: float = 200) -> np.ndarray:
    at = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return (0.4 * np.sin(2 * np.pi * pitch_hz * at)).astype(np.float32)


def changed(pcm: np.ndarray, tempo: float, step: int = 960) -> np.ndarray:
    changer = TempoChanger(RATE_HZ, tempo)
    parts = [changer.push(pcm[at : at + step]) for at in range(0, len(pcm), step)]
    return np.concatenate([*parts, changer.flush()])


@pytest.mark.parametrize("tempo", TEMPOS)
def test_the_length_is_divided_by_the_tempo(tempo):
    for seconds in (0.5, 4.0):
        assert len(changed(tone(seconds), tempo)) / RATE_HZ == pytest.approx(seconds / tempo, abs=0.001)


@pytest.mark.parametrize("tempo", TEMPOS)
def test_the_pitch_stays(tempo):
    heard = changed(tone(3.0), tempo)
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert np.argmax(spectrum) * RATE_HZ / len(heard) == pytest.approx(200, abs=3)


@pytest.mark.parametrize("tempo", (0.36, 0.72, 1.7, 3.3))
def test_pieces_of_any_size_give_the_same_sound(tempo):
    pcm = tone(1.0)
    whole = changed(pcm, tempo, len(pcm))
    for step in (7, 480, 5000):
        assert np.array_equal(changed(pcm, tempo, step), whole)


@pytest.mark.parametrize("tempo", (0.72, 1.7))
def test_a_word_is_where_its_times_say(tempo):
    changer = TempoChanger(RATE_HZ, tempo)
    silence = np.zeros(RATE_HZ // 2, np.float32)
    heard = [changer.push(silence)]
    ((start_ms, end_ms),) = changer.times(((500, 700),))
    before_ms = 1000 * sum(map(len, heard)) / RATE_HZ
    word = np.concatenate([silence, tone(0.2), silence])
    heard += [changer.push(word), changer.flush()]
    loud = np.flatnonzero(np.abs(np.concatenate(heard)) > 0.1) * 1000 / RATE_HZ - before_ms
    assert loud[0] == pytest.approx(start_ms, abs=40)
    assert loud[-1] == pytest.approx(end_ms, abs=40)


def test_nothing_gives_nothing():
    changer = TempoChanger(RATE_HZ, 2.0)
    assert len(changer.push(np.zeros(0, np.float32))) == len(changer.flush()) == 0


@pytest.mark.parametrize("tempo", (0.0, MIN_TEMPO - 0.01, MAX_TEMPO + 0.01, float("nan")))
def test_a_tempo_out_of_range_is_refused(tempo):
    with pytest.raises(LocalError, match="tempo: expected"):
        TempoChanger(RATE_HZ, tempo)
