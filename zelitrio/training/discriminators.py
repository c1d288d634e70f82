"""Critics (discriminators): small networks that tell generated speech from recorded speech.

The vocoder has several, as in HiFi-GAN (Kong et al., 2020) and later work: some see every n-th sample, others
spectra with phase.  The acoustic model has one for mel frames, because a distance alone makes frames smoother
than any voice.  It is small enough for one CPU thread.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PERIODS = (2, 3, 5, 7, 11)
"""In samples; primes, so that the critics see different samples."""
CRITIC_FFTS = (256, 512, 1024, 2048)
"""Lengths of the critics' STFT windows, in samples."""


class SpectrogramCritic(nn.Module):
    """Judges samples by their spectra with phase.  Returns each layer's features; the last is its verdict."""

    window: Tensor

    def __init__(self, fft_samples: int, channels: int) -> None:
        super().__init__()
        self.fft_samples = fft_samples
        self.register_buffer("window", torch.hann_window(fft_samples), persistent=False)
        wide = 2 * channels
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(layer)
            for layer in (
                nn.Conv2d(2, channels, (7, 5), stride=(2, 1), padding=(3, 2)),
                nn.Conv2d(channels, channels, (5, 3), stride=(2, 1), padding=(2, 1)),
                nn.Conv2d(channels, wide, (5, 3), stride=(2, 2), padding=(2, 1)),
                nn.Conv2d(wide, wide, (3, 3), stride=(2, 1), padding=(1, 1)),
            )
        )
        self.out = nn.Conv2d(wide, 1, 3, padding=1)

    def forward(self, pcm: Tensor) -> list[Tensor]:
        """Judge [batch, samples] in [-1, 1]."""
        fft = self.fft_samples
        spectrum = torch.stft(
            pcm, fft, fft // 4, window=self.window, center=False, return_complex=True
        )  # [batch, bins, frames]
        size = spectrum.abs().clamp(min=1e-5)
        # Amplitudes to the power 0.3, so that quiet bands count; the pair still has the phase.
        pair = torch.view_as_real(spectrum / size * size**0.3)
        x = pair.permute(0, 3, 1, 2)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.out(x)]


class PeriodCritic(nn.Module):
    """Judges samples arranged in rows of `period` samples, which shows repetition."""

    def __init__(self, period: int, channels: int) -> None:
        super().__init__()
        self.period = period
        widths = (1, channels, 4 * channels, 16 * channels, 32 * channels, 32 * channels)
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(
                nn.Conv2d(narrow, wide, (5, 1), stride=(3 if narrow < wide else 1, 1), padding=(2, 0))
            )
            for narrow, wide in itertools.pairwise(widths)
        )
        self.out = nn.Conv2d(widths[-1], 1, (3, 1), padding=(1, 0))

    def forward(self, pcm: Tensor) -> list[Tensor]:
        """See SpectrogramCritic.forward."""
        whole = pcm.shape[1] // self.period * self.period
        x = pcm[:, :whole].unflatten(1, (-1, self.period)).unsqueeze(1)  # [batch, 1, rows, period]
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.out(x)]


def sound_critics(channels: int) -> nn.ModuleList:
    """Make a critic for each of `PERIODS` and each of `CRITIC_FFTS`.

    Args:
        channels: channels of the narrowest layer; with 8 there are 2.7 million weights, with 16 10.6 million.
    """
    periodic = (PeriodCritic(period, channels) for period in PERIODS)
    return nn.ModuleList([*periodic, *(SpectrogramCritic(fft, 2 * channels) for fft in CRITIC_FFTS)])


class MelCritic(nn.Module):
    """Judges a speaker's mel frames.  Returns each layer's features; the last is its verdict."""

    def __init__(self, mels: int, speakers: int, channels: int = 24) -> None:
        super().__init__()
        self.speaker = nn.Embedding(speakers, mels)
        wide = 2 * channels
        self.layers = nn.ModuleList(
            nn.utils.parametrizations.weight_norm(layer)
            for layer in (
                nn.Conv2d(2, channels, (5, 5), stride=(1, 2), padding=(2, 2)),
                nn.Conv2d(channels, wide, (3, 5), stride=(2, 2), padding=(1, 2)),
                nn.Conv2d(wide, wide, (3, 5), stride=(1, 2), padding=(1, 2)),
                nn.Conv2d(wide, wide, (3, 3), stride=(2, 1), padding=(1, 1)),
            )
        )
        self.out = nn.Conv2d(wide, 1, 3, padding=1)

    def forward(self, mel: Tensor, speakers: Tensor) -> list[list[Tensor]]:
        """Judge [batch, frames, mels] of the speakers [batch]."""
        whose = self.speaker(speakers)[:, None, :].expand_as(mel)
        x = torch.stack((mel, whose), 1)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [[*features, self.out(x)]]


def critic_loss(natural: list[list[Tensor]], made: list[list[Tensor]]) -> Tensor:
    """The critics' least-squares loss: their targets are 1 for recorded and 0 for generated speech."""
    terms = [
        (real[-1].float() - 1.0).square().mean() + fake[-1].float().square().mean()
        for real, fake in zip(natural, made, strict=True)
    ]
    return torch.stack(terms).mean()


def maker_losses(natural: list[list[Tensor]], made: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """The generator's losses: least squares to a verdict of 1, and distance from the recording's features."""
    fooled = torch.stack([(fake[-1].float() - 1.0).square().mean() for fake in made]).mean()
    matched = torch.stack(
        [
            (mine.float() - theirs.float().detach()).abs().mean()
            / theirs.float().detach().abs().mean().clamp(min=1e-3)
            for real, fake in zip(natural, made, strict=True)
            for theirs, mine in zip(real[:-1], fake[:-1], strict=True)
        ]
    ).mean()
    return fooled, matched
