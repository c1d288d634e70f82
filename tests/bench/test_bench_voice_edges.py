from __future__ import annotations

import numpy as np
from tiny_voice import tiny_catalogue

from bench.voice.edges import clicks, sharp_places, silence_ms, trimmed
from bench.voice.spoken import RATE_HZ, Pcm
from bench.voice.systems import voice_system


def said(lead_s: float, tail_s: float, room: float = 0.0) -> Pcm:
    """A second of tone between silences."""
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(RATE_HZ) / RATE_HZ)
    pcm = np.pad(tone, (round(lead_s * RATE_HZ), round(tail_s * RATE_HZ)))
    return (pcm + room * np.random.default_rng(2).normal(size=len(pcm))).astype(np.float32)


def test_silence_is_measured_at_both_ends() -> None:
    assert silence_ms(said(0.1, 0.25)) == (100.0, 250.0)
    assert silence_ms(said(0.0, 0.0)) == (0.0, 0.0)
    assert silence_ms(np.zeros(RATE_HZ, np.float32)) == (1000.0, 0.0)


def test_a_recordings_room_is_trimmed_away_too() -> None:
    noisy = said(0.3, 0.3, room=0.004)  # 34 dB below the tone
    assert silence_ms(noisy) == (0.0, 0.0)
    assert abs(len(trimmed(noisy)) - RATE_HZ) <= RATE_HZ // 100


def test_a_step_in_the_waveform_is_a_click_and_a_tone_is_not() -> None:
    pcm = said(0.1, 0.1, room=0.0005)
    assert clicks(pcm, ()) == 0
    pcm[RATE_HZ // 2 :] += 0.2
    assert clicks(pcm, ()) == 1


def test_a_plosives_release_is_sharp_but_not_a_click() -> None:
    pcm, burst = said(0.1, 0.1), np.random.default_rng(3).normal(size=RATE_HZ // 200)
    pcm[RATE_HZ // 4 : RATE_HZ // 2] = 0.0
    pcm[RATE_HZ // 2 : RATE_HZ // 2 + len(burst)] = 0.1 * burst
    release = (RATE_HZ // 2 - RATE_HZ // 100, RATE_HZ // 2 + RATE_HZ // 100)
    (place,) = [at for at in sharp_places(pcm) if release[0] < at < release[1]]
    assert abs(place - RATE_HZ // 2) < RATE_HZ // 500
    assert clicks(pcm, [release]) == len(sharp_places(pcm)) - 1


def test_a_voices_speech_comes_with_the_times_of_plosives() -> None:
    spoken = voice_system(tiny_catalogue().default)("Go to bed.")
    assert spoken.releases is not None
    # Of g, t, b and d.
    assert len(spoken.releases) == 4
    assert all(0 <= begin < end for begin, end in spoken.releases)
    assert max(begin for begin, _ in spoken.releases) < len(spoken.pcm)
