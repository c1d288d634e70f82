from __future__ import annotations

import numpy as np

from bench.voice.edges import clicks, silence_ms, trimmed
from bench.voice.spoken import RATE_HZ, Pcm


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


def test_a_step_in_the_waveform_is_a_click_and_a_tone_is_none() -> None:
    pcm = said(0.1, 0.1, room=0.0005)
    assert clicks(pcm) == 0
    pcm[RATE_HZ // 2 :] += 0.2
    assert clicks(pcm) >= 1
