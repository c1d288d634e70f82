"""The harmonic source: F0 to a sum of nine sines, and its short-time spectrum.

The angles of a spectrum jump at +-pi, and that of an empty bin is rounding noise.  So the source must be the
same to the last bit in every batch: F0 is rounded to 1/32 Hz first, and the phase is summed in float64.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SAMPLES = 300
"""Samples per value of F0."""
N_FFT, HOP = 20, 5
BINS = N_FFT // 2 + 1
_RATE_HZ = 24_000
_HARMONICS = 9
_AMPLITUDE = 0.1
VOICED_HZ = 10.0
"""A step with a higher F0 is voiced."""
_GRID = 32.0  # steps per hertz


class HarmonicSource(nn.Module):
    """F0 to samples of the source."""

    def __init__(self) -> None:
        super().__init__()
        self.l_linear = nn.Linear(_HARMONICS, 1)

    def forward(self, f0: Tensor) -> Tensor:
        """`f0` [batch, steps] in hertz, 0 outside a row, to [batch, steps * 300]."""
        f0 = (f0 * _GRID).round() / _GRID
        turns = (f0.double() / _RATE_HZ).cumsum(1) * SAMPLES  # at the middle of each step
        steps, at = f0.shape[1], torch.arange(f0.shape[1] * SAMPLES, device=f0.device)
        place = ((at.double() + 0.5) / SAMPLES - 0.5).clamp(min=0)
        before = place.long()
        after = (before + 1).clamp(max=steps - 1)
        turns = torch.lerp(turns[:, before], turns[:, after], (place - before).expand(len(f0), -1))
        angle = (2 * math.pi * turns.frac()).float()
        voiced = (f0 > VOICED_HZ).float().repeat_interleave(SAMPLES, 1) * _AMPLITUDE
        # One harmonic at a time: all nine together would be the largest tensor of the network.
        weight = self.l_linear.weight[0].float()
        total = torch.zeros_like(angle)
        for harmonic in range(_HARMONICS):
            total += weight[harmonic] * torch.sin(angle * (harmonic + 1))
        return torch.tanh(total * voiced + self.l_linear.bias.float())


def spectrum(source: Tensor, lengths: Tensor) -> Tensor:
    """Magnitudes and angles of a source, each row reflected at its own ends.

    Args:
        source: [batch, samples].
        lengths: [batch], samples of each row.

    Returns:
        [batch, 22, samples / 5 + 1]: eleven magnitudes, then eleven angles.
    """
    edge = N_FFT // 2
    at = torch.arange(-edge, source.shape[1] + edge, device=source.device).abs()
    last = lengths[:, None] - 1
    at = torch.where(at > last, 2 * last - at, at).clamp(min=0)  # [batch, samples + 20]
    padded = source.gather(1, at.clamp(max=source.shape[1] - 1))
    window = torch.hann_window(N_FFT, device=source.device)
    bins = torch.fft.rfft(padded.unfold(1, N_FFT, HOP) * window)
    return torch.cat((bins.abs(), bins.angle()), -1).mT
