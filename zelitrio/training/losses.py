"""How far made sound is from recorded sound, with the bands a speaker's recordings lack left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zelitrio.training.features import SAMPLE_RATE_HZ, log_mel, magnitudes, mel_centres_hz

SHORT_FFTS = (256, 512)
LONG_FFTS = (1024, 2048)


def band_of_bins(band_hz: Tensor, bins: int) -> Tensor:
    """Which STFT bins lie inside of each item's band: [batch, bins, 1], 0 or 1."""
    hz = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, bins, device=band_hz.device)
    return (hz[None] <= band_hz[:, None]).float()[..., None]


def band_of_mels(band_hz: Tensor) -> Tensor:
    """Which mel bands lie inside of each item's band: [batch, mels, 1], 0 or 1."""
    hz = torch.from_numpy(mel_centres_hz().copy()).float().to(band_hz.device)
    return (hz[None] <= band_hz[:, None]).float()[..., None]


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of `values` over where `weight` (broadcastable) is not zero."""
    weight = weight.expand_as(values)
    return (values * weight).sum() / weight.sum().clamp(min=1.0)


def spectral_distance(made: Tensor, natural: Tensor, band_hz: Tensor, ffts: Sequence[int]) -> Tensor:
    """Log-magnitude distance plus spectral convergence, averaged over STFT resolutions.

    Args:
        made, natural: [batch, samples].
        band_hz: [batch], nothing above it counts.
        ffts: window lengths in samples; the hop is a quarter of each.
    """
    total = made.new_zeros(())
    for fft in ffts:
        mine, theirs = magnitudes(made, fft, fft // 4), magnitudes(natural, fft, fft // 4)
        band = band_of_bins(band_hz, mine.shape[1])
        # The floor keeps digital silence from ruling the logarithm.
        logs = (torch.log(mine + 1e-3) - torch.log(theirs + 1e-3)).abs()
        difference = ((mine - theirs) * band).flatten(1).norm(dim=1)
        convergence = difference / ((theirs * band).flatten(1).norm(dim=1) + 0.1)
        total = total + masked_mean(logs, band) + convergence.mean()
    return total / len(ffts)


def mel_distance(made: Tensor, natural: Tensor, band_hz: Tensor) -> Tensor:
    """Mean absolute difference of log-mel frames; shapes as `spectral_distance`."""
    return masked_mean((log_mel(made) - log_mel(natural)).abs(), band_of_mels(band_hz))


def gaussian_surprise(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Negative log-likelihood of `target` under predicted means and log spreads, weighted.

    Args:
        predicted: [..., 2], a mean and the log of a standard deviation, kept within e**-3..e**1.5.
        target, weight: [...].
    """
    mean, spread = predicted[..., 0], predicted[..., 1].clamp(-3.0, 1.5)
    surprise = 0.5 * ((target - mean) * torch.exp(-spread)) ** 2 + spread
    return (surprise * weight).sum() / weight.sum().clamp(min=1.0)
