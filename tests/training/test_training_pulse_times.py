from __future__ import annotations

import numpy as np
import pytest
import torch

from zelitrio.networks.zeli.source import advance_phase
from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ
from zelitrio.training.pulse_times import polarity, pulse_times

FRAMES = 200
VOICED = slice(20, 180)


def vowel(base_hz: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pulses of gliding pitch through two resonances: samples, pitch per frame, turns per frame."""
    time_s = np.arange(FRAMES * HOP_SAMPLES) / SAMPLE_RATE_HZ
    hz = base_hz * (1.0 + 0.15 * np.sin(2 * np.pi * 1.5 * time_s))
    turns = 0.3 + np.concatenate(([0.0], np.cumsum(hz[:-1]))) / SAMPLE_RATE_HZ
    # Add the impulse response of the resonances at every closure.
    ring_s = np.arange(480) / SAMPLE_RATE_HZ
    ring = np.exp(-ring_s * 250) * np.cos(2 * np.pi * 600 * ring_s)
    ring += 0.6 * np.exp(-ring_s * 350) * np.cos(2 * np.pi * 1500 * ring_s)
    pcm = np.zeros(len(time_s) + len(ring))
    for at in np.flatnonzero(np.diff(np.floor(turns)) > 0) + 1:
        pcm[at : at + len(ring)] += ring
    frame_hz = hz[::HOP_SAMPLES]
    f0 = np.zeros(FRAMES, np.float32)
    f0[VOICED] = frame_hz[VOICED]
    noise = np.random.default_rng(1).normal(0.0, 0.003, len(time_s))
    return (0.1 * pcm[: len(time_s)] + noise).astype(np.float32), f0, turns[::HOP_SAMPLES]


def away(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Distance on the circle, in turns."""
    apart = one - other
    return np.abs(apart - np.round(apart))


@pytest.mark.parametrize("base_hz", [100.0, 220.0])
@pytest.mark.parametrize("error", [0.99, 1.0, 1.01])
def test_pulses_are_found_even_if_the_measured_pitch_is_wrong(base_hz: float, error: float) -> None:
    pcm, f0, turns = vowel(base_hz)
    found = pulse_times(pcm, f0 * np.float32(error))
    inside = slice(VOICED.start + 5, VOICED.stop - 5)
    # The residual of a closure comes later by a constant, the same for each vowel of a pitch.
    assert np.percentile(away(found[inside, 1], turns[inside]), 95) < 0.06
    assert np.abs(np.exp(found[inside, 0]) / f0[inside] - 1.0).mean() < 0.006


def test_each_phase_follows_from_the_one_before() -> None:
    pcm, f0, _ = vowel(120.0)
    found = torch.from_numpy(pulse_times(pcm, f0))
    phases = advance_phase(found[None, :, 0], found[:1, 1].double(), HOP_SAMPLES, SAMPLE_RATE_HZ)[0]
    assert away(phases.numpy(), found[:, 1].numpy()).max() < 1e-3


def test_an_inverted_recording_is_found() -> None:
    recordings = [vowel(hz)[:2] for hz in (100.0, 200.0)]
    assert polarity(recordings) == 1
    assert polarity([(-pcm, f0) for pcm, f0 in recordings]) == -1


def test_silence_gets_pulses_of_a_default_pitch() -> None:
    found = pulse_times(np.zeros(50 * HOP_SAMPLES, np.float32), np.zeros(50, np.float32))
    assert found.shape == (50, 2)
    assert np.isfinite(found).all()
