"""Losses between generated and recorded speech, without the bands that a speaker's recordings lack."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zelitrio.training.features import SAMPLE_RATE_HZ, log_mel, magnitudes, mel_centres_hz

PHASE_FFTS = (512, 1024)
_PHASE_TOP_HZ = 3000.0
"""Above this, recorded phases are mostly random: exchanging them changed DNSMOS by less than 0.03."""
_PHASE_FLOOR = 0.02
"""Amplitude of an STFT bin below which it is inaudible."""
_BAND_EDGE_HZ = 300.0
"""Width over which a band fades out, so that its edge does not ring."""
SHORT_FFTS = (256, 512)
LONG_FFTS = (1024, 2048)


def band_of_bins(band_hz: Tensor, bins: int) -> Tensor:
    """Mask of the STFT bins inside each item's band: [batch, bins, 1], 0 or 1."""
    hz = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, bins, device=band_hz.device)
    return (hz[None] <= band_hz[:, None]).float()[..., None]


def band_of_mels(band_hz: Tensor) -> Tensor:
    """Mask of the mel bands inside each item's band: [batch, mels, 1], 0 or 1."""
    hz = torch.from_numpy(mel_centres_hz().copy()).float().to(band_hz.device)
    return (hz[None] <= band_hz[:, None]).float()[..., None]


def in_band(pcm: Tensor, band_hz: Tensor) -> Tensor:
    """Remove frequencies above each item's band from samples [batch, samples]; `band_hz` is [batch]."""
    spectrum = torch.fft.rfft(pcm)
    hz = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, spectrum.shape[1], device=pcm.device)
    kept = ((band_hz[:, None] - hz) / _BAND_EDGE_HZ).clamp(0.0, 1.0)
    return torch.fft.irfft(spectrum * kept, n=pcm.shape[1])


def masked_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Mean of `values` weighted by `weight`, which is broadcast."""
    weight = weight.expand_as(values)
    return (values * weight).sum() / weight.sum().clamp(min=1.0)


def spectral_distance(made: Tensor, natural: Tensor, band_hz: Tensor, ffts: Sequence[int]) -> Tensor:
    """Compute log-magnitude distance plus spectral convergence, averaged over STFT resolutions.

    Args:
        made, natural: [batch, samples].
        band_hz: [batch], the frequency up to which bins count.
        ffts: window lengths in samples; the hop is a quarter of each.
    """
    total = made.new_zeros(())
    for fft in ffts:
        mine, theirs = magnitudes(made, fft, fft // 4), magnitudes(natural, fft, fft // 4)
        band = band_of_bins(band_hz, mine.shape[1])
        # The floor keeps digital silence from dominating the mean.
        logs = (torch.log(mine + 1e-3) - torch.log(theirs + 1e-3)).abs()
        difference = ((mine - theirs) * band).flatten(1).norm(dim=1)
        convergence = difference / ((theirs * band).flatten(1).norm(dim=1) + 0.1)
        total = total + masked_mean(logs, band) + convergence.mean()
    return total / len(ffts)


def phase_distance(made: Tensor, natural: Tensor, fft: int) -> Tensor:
    """Compute the distance of phases below 3 kHz from the recorded ones: 0 if equal, 1 if random.

    It is one minus the cosine between the phases, weighted by the root of the recorded amplitude.  Generated
    amplitudes have no influence, because an unpredictable phase must not make the sound quieter.

    Args:
        made, natural: [batch, samples], with their pulses at the same times.
        fft: window length in samples; the hop is a quarter of it.
    """
    window = torch.hann_window(fft, device=made.device)
    bins = slice(1, round(_PHASE_TOP_HZ * fft / SAMPLE_RATE_HZ) + 1)
    mine, theirs = (
        torch.stft(pcm, fft, fft // 4, window=window, center=False, return_complex=True)[:, bins]
        for pcm in (made, natural)
    )
    size = theirs.abs()
    weight = (size - _PHASE_FLOOR).clamp(min=0.0).sqrt()
    together = mine.real * theirs.real + mine.imag * theirs.imag
    # A small floor, because the square root has no gradient at zero.
    cosine = together / (torch.sqrt(mine.real**2 + mine.imag**2 + 1e-6) * size.clamp(min=_PHASE_FLOOR))
    return (weight * (1.0 - cosine)).sum() / weight.sum().clamp(min=1.0)


def mel_distance(made: Tensor, natural: Tensor, band_hz: Tensor) -> Tensor:
    """Compute the mean absolute difference of log-mel frames; shapes as for `spectral_distance`."""
    return masked_mean((log_mel(made) - log_mel(natural)).abs(), band_of_mels(band_hz))


def gaussian_surprise(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Compute the weighted negative log-likelihood of `target` under predicted normal distributions.

    Args:
        predicted: [..., 2], mean and log of the standard deviation, which is clamped to e**-3..e**1.5.
        target, weight: [...].
    """
    mean, spread = predicted[..., 0], predicted[..., 1].clamp(-3.0, 1.5)
    surprise = 0.5 * ((target - mean) * torch.exp(-spread)) ** 2 + spread
    return (surprise * weight).sum() / weight.sum().clamp(min=1.0)
