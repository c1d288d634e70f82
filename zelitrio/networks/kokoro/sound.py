"""The inverse short-time Fourier transform, each row ended at its own length."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from zelitrio.networks.kokoro.source import BINS, HOP, N_FFT

_OVERLAP = N_FFT // HOP


def inverse_spectrum(magnitude: Tensor, phase: Tensor, frames: Tensor) -> Tensor:
    """Compute the samples of a spectrum.

    `torch.istft` reads its window on the host, which a CUDA graph cannot capture; the result is the same.

    Args:
        magnitude, phase: [batch, 11, frames], magnitude 0 outside a row.
        frames: [batch], frames of each row.

    Returns:
        [batch, (frames - 1) * 5] samples.
    """
    basis, first, last = _basis(magnitude.device)
    parts = torch.cat((magnitude * torch.cos(phase), magnitude * torch.sin(phase)), 1).mT  # [b, frames, 22]
    pieces = (parts @ basis).unflatten(-1, (_OVERLAP, HOP))  # [batch, frames, 4, 5]
    count = pieces.shape[1]
    # Block k of the sum holds quarter j of frame k - j.  Half a frame is cut at each end.
    padded = torch.nn.functional.pad(pieces, (0, 0, 0, 0, 1, 1))
    blocks = sum(padded[:, 3 - j : 3 - j + count - 1, j] for j in range(_OVERLAP))
    assert isinstance(blocks, Tensor)  # [batch, frames - 1, 5]
    # Inside, the squared windows sum to 1.5.  In the first and last block one of the four is missing.
    blocks = blocks / 1.5
    blocks[:, 0] *= 1.5 / (1.5 - first)
    at = torch.arange(count - 1, device=frames.device)
    is_last = (at == frames[:, None] - 2)[..., None]
    return torch.where(is_last, blocks * (1.5 / (1.5 - last)), blocks).flatten(1)


def _basis(device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Matrix from spectra to windowed samples [22, 20], and corrections of the first and the last block."""
    steps = torch.arange(N_FFT, device=device, dtype=torch.float64)
    bins = torch.arange(BINS, device=device, dtype=torch.float64)[:, None]
    weight = torch.full((BINS, 1), 2.0, device=device, dtype=torch.float64)
    weight[0] = weight[-1] = 1.0
    window = torch.hann_window(N_FFT, device=device, dtype=torch.float64)
    angle = 2 * math.pi * bins * steps / N_FFT
    basis = torch.cat((torch.cos(angle) * weight, -torch.sin(angle) * weight)) / N_FFT * window
    squared = window.square().float()
    return basis.float(), squared[-HOP:], squared[:HOP]
