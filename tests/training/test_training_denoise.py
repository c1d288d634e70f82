"""Room noise is removed, and the speech in it stays."""

from __future__ import annotations

import numpy as np
import torch

from zelitrio.training.denoise import noise_of, without_noise
from zelitrio.training.features import HOP_SAMPLES, SAMPLE_RATE_HZ, log_mel

FRAMES = 200


def noisy_tone() -> tuple[np.ndarray, np.ndarray]:
    """A loud tone in the middle of a steady hiss, and the tone alone."""
    time_s = np.arange(FRAMES * HOP_SAMPLES) / SAMPLE_RATE_HZ
    loud = (time_s > 0.8) & (time_s < 1.2)
    tone = 0.3 * np.sin(2 * np.pi * 700 * time_s) * loud
    hiss = 0.003 * np.random.default_rng(7).standard_normal(len(time_s))
    return (tone + hiss).astype(np.float32), tone.astype(np.float32)


def noise_under(pcm: np.ndarray) -> np.ndarray:
    return noise_of(log_mel(torch.from_numpy(pcm)[None])[0].T.numpy())


def test_steady_noise_falls_and_speech_stays() -> None:
    pcm, tone = noisy_tone()
    quiet = without_noise(pcm, noise_under(pcm), 3.0)
    hiss = slice(0, 15_000)
    fall_db = 20 * np.log10(pcm[hiss].std() / quiet[hiss].std())
    assert 10.0 < fall_db <= 20.5
    middle = slice(21_000, 27_000)
    assert np.abs(quiet[middle] - tone[middle]).std() < 0.5 * np.abs(pcm[middle] - tone[middle]).std()


def test_nothing_to_subtract_changes_nothing() -> None:
    pcm, _ = noisy_tone()
    assert np.array_equal(without_noise(pcm, noise_under(pcm), 0.0), pcm)
    assert np.abs(without_noise(pcm, noise_under(pcm) - 50.0, 1.0) - pcm).max() < 1e-5
