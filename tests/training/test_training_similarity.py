from __future__ import annotations

import numpy as np
import pytest
from recorded import voiced

from zelitrio.training import Speaker
from zelitrio.training.features import HOP_SAMPLES
from zelitrio.training.hearing import SpeechScores
from zelitrio.training.similarity import Distance, distance, print_of
from zelitrio.training.sound_facts import median_pitch_hz
from zelitrio.training.verdict import Verdict

ANYBODY = Speaker(name="anybody")


def level_pitch(pcm: np.ndarray, speaker: Speaker) -> np.ndarray:
    return np.full(len(pcm) // HOP_SAMPLES, median_pitch_hz(pcm), np.float32)


def test_a_speaker_is_near_to_itself_at_any_level_and_far_from_another() -> None:
    mine = print_of([voiced(120), voiced(122)], ANYBODY, level_pitch)
    again = print_of([0.3 * voiced(121), voiced(119)], ANYBODY, level_pitch)
    other = print_of([voiced(240, slope=1.4)], ANYBODY, level_pitch)
    near, far = distance(again, mine, 12_000.0), distance(other, mine, 12_000.0)
    assert near.spectrum_db < 2.0 < 4.0 < far.spectrum_db
    assert abs(near.semitones) < 0.5
    assert far.semitones == pytest.approx(12.0, abs=0.7)


def test_nothing_above_the_speakers_band_is_compared() -> None:
    wide, narrow = voiced(120), voiced(120).astype(np.float64)
    spectrum = np.fft.rfft(narrow)
    spectrum[len(spectrum) * 2 // 3 :] = 0
    cut = np.fft.irfft(spectrum, len(narrow)).astype(np.float32)
    prints = [print_of([pcm], ANYBODY, level_pitch) for pcm in (wide, cut)]
    assert distance(*prints, 7_500.0).spectrum_db < 0.5 < 5.0 < distance(*prints, 12_000.0).spectrum_db


@pytest.mark.parametrize(
    ("voice", "recognisable"),
    [
        (Distance(1.0, 0.2), True),
        (Distance(1.0, -3.0), True),
        (Distance(8.0, 0.0), False),
        (Distance(1.0, 4.5), False),
    ],
)
def test_a_voice_is_recognisable_when_it_is_nearer_in_spectrum_and_pitch(
    voice: Distance, recognisable: bool
) -> None:
    heard = SpeechScores(9, 0.1, 3.0, 3.5)
    verdict = Verdict(3, voice, Distance(7.0, 3.2), 1.7, 99.0, heard, heard)
    assert verdict.recognisable is recognisable
    assert any("train for longer" in line for line in verdict.lines()) is not recognisable
    assert "DNSMOS, of 5: the voice 3.00 overall and 3.50 P808, the recordings 3.00 and 3.50" in (
        verdict.lines()
    )


NAN = float("nan")


@pytest.mark.parametrize(
    ("pitch_hz", "voice", "base", "said", "recognisable"),
    [
        (NAN, NAN, NAN, "not compared: the held-out recordings have no voiced frames", True),
        (99.0, NAN, 3.2, "99 Hz, the voice says nothing voiced, the built-in speaker +3.2 semitones", False),
        (99.0, -0.2, NAN, "99 Hz, the voice -0.2 semitones, the built-in speaker says nothing voiced", True),
    ],
)
def test_without_voiced_speech_the_verdict_says_so(
    pitch_hz: float, voice: float, base: float, said: str, recognisable: bool
) -> None:
    heard = SpeechScores(9, 0.1, 3.0, 3.5)
    verdict = Verdict(3, Distance(1.0, voice), Distance(7.0, base), 1.7, pitch_hz, heard, heard)
    (line,) = (line for line in verdict.lines() if line.startswith("mean pitch: "))
    assert line.endswith(said)
    assert not any("nan" in line for line in verdict.lines())
    assert verdict.recognisable is recognisable
