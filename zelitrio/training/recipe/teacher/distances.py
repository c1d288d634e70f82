"""Distances between generated and recorded speech: spectra, mel bands and phases at several resolutions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from zelitrio.training.features import HOP_SAMPLES, mel_filters

_PHASE_FLOOR = 0.02
"""Amplitude of an STFT bin below which it is inaudible."""


class Distances(nn.Module):
    """Computes the distances between generated and recorded speech, at several resolutions."""

    SIZES = (2048, 1024, 512, 256, 128)
    PHASE_SIZES = (1024, 512, 256)
    _PHASE_TOP_HZ = 5_000.0

    filters: Tensor
    window: Tensor

    def __init__(self) -> None:
        super().__init__()
        for size in self.SIZES:
            self.register_buffer(f"window_{size}", torch.hann_window(size), persistent=False)
            if size >= 512:
                self.register_buffer(
                    f"filters_{size}", mel_filters(size, 80 if size > 512 else 40), persistent=False
                )
        self.register_buffer("filters", mel_filters(), persistent=False)
        self.register_buffer("window", torch.hann_window(960), persistent=False)

    def forward(self, made: Tensor, natural: Tensor) -> dict[str, Tensor]:
        """Compute spectral, mel and phase distances of samples [batch, samples]."""
        spectral, mel, phase = [], [], []
        for size in self.SIZES:
            window = self.get_buffer(f"window_{size}")
            mine, theirs = (
                torch.stft(pcm, size, size // 4, window=window, center=False, return_complex=True)
                for pcm in (made, natural)
            )
            here, there = (torch.sqrt(x.real**2 + x.imag**2 + 1e-9) for x in (mine, theirs))
            logs = (torch.log(here + 1e-3) - torch.log(there + 1e-3)).abs().mean()
            convergence = (here - there).flatten(1).norm(dim=1) / (there.flatten(1).norm(dim=1) + 0.1)
            spectral.append(logs + convergence.mean())
            if size >= 512:
                filters = self.get_buffer(f"filters_{size}")
                mel.append((_ln(filters @ here) - _ln(filters @ there)).abs().mean())
            if size in self.PHASE_SIZES:
                phase.append(
                    _phase_distance(mine, theirs, here, there, round(self._PHASE_TOP_HZ * size / 24_000))
                )
        half = 480
        here, there = (
            torch.stft(
                nn.functional.pad(pcm, (half, half)),
                960,
                HOP_SAMPLES,
                window=self.window,
                center=False,
                return_complex=True,
            )
            for pcm in (made, natural)
        )
        mel.append(
            (
                _ln(self.filters @ torch.sqrt(here.real**2 + here.imag**2 + 1e-9))
                - _ln(self.filters @ there.abs())
            )
            .abs()
            .mean()
        )
        return {
            "stft": torch.stack(spectral).mean(),
            "mel": torch.stack(mel).mean(),
            "phase": torch.stack(phase).mean(),
        }


def _ln(mel: Tensor) -> Tensor:
    return torch.log(mel.clamp(min=1e-4))


def _phase_distance(mine: Tensor, theirs: Tensor, here: Tensor, there: Tensor, top: int) -> Tensor:
    """Compute the distance of phases below a bin from the recorded ones: 0 if equal, 1 if random.

    Generated amplitudes have no influence: a phase that cannot be predicted must not make the sound quieter.
    """
    low = slice(1, top)
    a, b, wanted = mine[:, low], theirs[:, low], there[:, low]
    cosine = (a.real * b.real + a.imag * b.imag) / ((here[:, low] + 1e-3) * wanted.clamp(min=_PHASE_FLOOR))
    weight = (wanted - _PHASE_FLOOR).clamp(min=0.0).sqrt()
    return (weight * (1.0 - cosine)).sum() / weight.sum().clamp(min=1.0)
