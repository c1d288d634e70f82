"""Critics: small networks that tell what was made from what was recorded.

The vocoder's are many, as in HiFi-GAN (Kong et al., 2020) and its followers: some look at every n-th sample,
some at spectra with their phase.  The acoustic model's looks at mel frames, which a distance alone would
leave smoother than any voice is; it is small, to be affordable on one CPU thread.
"""

from __future__ import annotations

import itertools

import torch
import torch.nn.functional as F
from torch import Tensor, nn

PERIODS = (2, 3, 5, 7, 11)
"""Samples; primes, so that no two critics look at the same ones."""
CRITIC_FFTS = (256, 512, 1024, 2048)
"""Samples."""


class SpectrogramCritic(nn.Module):
    """Judges samples by their spectrum, phase included; returns its features, its verdict last."""

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
        # Amplitudes to the power 0.3: quiet bands count, and the phase stays in the pair.
        pair = torch.view_as_real(spectrum / size * size**0.3)
        x = pair.permute(0, 3, 1, 2)
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.out(x)]


class PeriodCritic(nn.Module):
    """Judges samples folded into rows of a period, which shows how pulses repeat."""

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
        """As `SpectrogramCritic.forward`."""
        whole = pcm.shape[1] // self.period * self.period
        x = pcm[:, :whole].unflatten(1, (-1, self.period)).unsqueeze(1)  # [batch, 1, rows, period]
        features = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.1)
            features.append(x)
        return [*features, self.out(x)]


def sound_critics(channels: int) -> nn.ModuleList:
    """A critic for each period and for each length of the STFT.

    Args:
        channels: of the narrowest layer; 8 makes 2.7 million weights, 16 makes 10.6 million.
    """
    periodic = (PeriodCritic(period, channels) for period in PERIODS)
    return nn.ModuleList([*periodic, *(SpectrogramCritic(fft, 2 * channels) for fft in CRITIC_FFTS)])


class MelCritic(nn.Module):
    """Judges mel frames of a speaker; returns its features, its verdict last."""

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
    """Least squares: recorded sound to 1, made sound to 0."""
    terms = [
        (real[-1].float() - 1.0).square().mean() + fake[-1].float().square().mean()
        for real, fake in zip(natural, made, strict=True)
    ]
    return torch.stack(terms).mean()


def maker_losses(natural: list[list[Tensor]], made: list[list[Tensor]]) -> tuple[Tensor, Tensor]:
    """How far the made sound is from passing, and how far its features are from the recorded one's."""
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
