from __future__ import annotations

import math

import numpy as np
import pytest

from bench.voice.loudness import k_weighting, loudness_lufs


def sine(hz: float, seconds: float, rate_hz: int, peak: float = 1.0) -> np.ndarray:
    return peak * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate_hz)) / rate_hz)


@pytest.mark.parametrize("rate_hz", [24_000, 48_000])
def test_a_full_scale_sine_of_997_hz_is_as_loud_as_the_standard_says(rate_hz: int) -> None:
    """BS.1770: 0 dBFS at 997 Hz in one channel reads -3.01 LKFS."""
    assert loudness_lufs(sine(997, 3, rate_hz), rate_hz) == pytest.approx(-3.01, abs=0.05)
    assert loudness_lufs(sine(997, 3, rate_hz, 0.1), rate_hz) == pytest.approx(-23.01, abs=0.05)


def test_low_tones_count_less_and_high_ones_more() -> None:
    rate_hz = 24_000
    middle = loudness_lufs(sine(997, 2, rate_hz), rate_hz)
    assert loudness_lufs(sine(40, 2, rate_hz), rate_hz) < middle - 3
    assert loudness_lufs(sine(4000, 2, rate_hz), rate_hz) > middle + 2.5


def test_pauses_are_not_part_of_the_loudness() -> None:
    rate_hz = 24_000
    said = np.concatenate([sine(997, 4, rate_hz), np.zeros(4 * rate_hz)])
    # Only the few blocks across the edge are heard in part.
    assert loudness_lufs(said, rate_hz) == pytest.approx(-3.01, abs=0.35)
    room = np.concatenate([sine(997, 4, rate_hz), sine(997, 4, rate_hz, 0.03)])
    assert loudness_lufs(room, rate_hz) == pytest.approx(-3.01, abs=0.35)


def test_silence_and_specks_have_no_loudness() -> None:
    assert loudness_lufs(np.zeros(48_000), 24_000) == -math.inf
    assert loudness_lufs(np.ones(100), 24_000) == -math.inf


def test_the_filters_at_48_khz_are_the_standards() -> None:
    """Tables 1 and 2 of BS.1770."""
    shelf, high_pass = k_weighting(48_000)
    np.testing.assert_allclose(shelf[0], [1.53512485958697, -2.69169618940638, 1.19839281085285], atol=1e-8)
    np.testing.assert_allclose(shelf[1], [1.0, -1.69065929318241, 0.73248077421585], atol=1e-8)
    np.testing.assert_allclose(high_pass[0], [1.0, -2.0, 1.0], atol=1e-12)
    np.testing.assert_allclose(high_pass[1], [1.0, -1.99004745483398, 0.99007225036621], atol=1e-8)
