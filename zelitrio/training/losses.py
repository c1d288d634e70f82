"""How far made sound is from recorded sound, with the bands a speaker's recordings lack left out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from zelitrio.training.features import SAMPLE_RATE_HZ, log_mel, magnitudes, mel_centres_hz

PHASE_FFTS = (512, 1024)
_PHASE_TOP_HZ = 3000.0
"""Above, recorded phases are mostly chance, and exchanging them moved DNSMOS by less than 0.03."""
_PHASE_FLOOR = 0.02
"""Amplitude of an STFT bin below which nothing is heard."""
_BAND_EDGE_HZ = 300.0
"""Width over which a band fades out, so that its edge does not ring."""
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


def in_band(pcm: Tensor, band_hz: Tensor) -> Tensor:
    """Remove everything above each item's band: samples [batch, samples], `band_hz` [batch]."""
    spectrum = torch.fft.rfft(pcm)
    hz = torch.linspace(0.0, SAMPLE_RATE_HZ / 2, spectrum.shape[1], device=pcm.device)
    kept = ((band_hz[:, None] - hz) / _BAND_EDGE_HZ).clamp(0.0, 1.0)
    return torch.fft.irfft(spectrum * kept, n=pcm.shape[1])


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


def phase_distance(made: Tensor, natural: Tensor, fft: int) -> Tensor:
    """How far phases below 3 kHz are from the recorded ones: 0 if equal, 1 if they are chance.

    One minus the cosine between the phases, weighted by the root of the recorded amplitude.  Amplitudes made
    have no part in it: a phase that cannot be known must not make the sound softer.

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
    # The square root has no gradient at zero, hence the small floor under it.
    cosine = together / (torch.sqrt(mine.real**2 + mine.imag**2 + 1e-6) * size.clamp(min=_PHASE_FLOOR))
    return (weight * (1.0 - cosine)).sum() / weight.sum().clamp(min=1.0)


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
