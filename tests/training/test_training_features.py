from __future__ import annotations

import numpy as np
import pytest
import torch

from zelitrio.training.features import (
    HOP_SAMPLES,
    LOG_FLOOR,
    log_mel,
    mel_centres_hz,
    mel_filters,
    tidy_f0,
)


@pytest.mark.parametrize("hz", [150.0, 440.0, 1000.0, 3000.0, 9000.0])
def test_the_mel_of_a_sine_peaks_in_the_band_at_its_frequency(hz: float) -> None:
    pcm = torch.sin(2 * torch.pi * hz * torch.arange(24_000) / 24_000)[None] * 0.5
    peak = int(log_mel(pcm)[0, :, 50].argmax())
    assert abs(peak - int(np.abs(mel_centres_hz() - hz).argmin())) <= 1


def test_there_is_one_frame_for_every_hop_and_silence_is_the_floor() -> None:
    mel = log_mel(torch.zeros(2, 30 * HOP_SAMPLES))
    assert mel.shape == (2, 80, 30)
    assert torch.allclose(mel, torch.full_like(mel, np.log(LOG_FLOOR)))


def test_a_frame_is_centred_on_its_sample() -> None:
    pcm = torch.zeros(1, 40 * HOP_SAMPLES)
    pcm[0, 20 * HOP_SAMPLES] = 1.0
    energy = log_mel(pcm)[0].mean(0)
    assert int(energy.argmax()) == 20
    assert float(abs(energy[19] - energy[21])) < 1e-3


def test_every_filter_has_weight_and_none_is_negative() -> None:
    filters = mel_filters()
    assert filters.shape == (80, 481)
    assert float(filters.min()) >= 0.0
    assert float(filters.sum(1).min()) > 0.0


def test_pitch_loses_specks_bridges_short_gaps_and_keeps_long_ones() -> None:
    f0 = np.full(60, 200.0, np.float32)
    f0[10:12] = 0.0  # bridged
    f0[30:36] = 0.0  # a real gap
    f0[33] = 180.0  # a speck in it
    f0[45] = 400.0  # an octave jump
    tidy = tidy_f0(f0)
    assert np.allclose(tidy[10:12], 200.0)
    assert not tidy[30:36].any()
    assert tidy[45] == pytest.approx(200.0)
