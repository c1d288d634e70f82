"""Piper's duration predictors: a flow that draws them, or two convolutions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.layers import ChannelNorm, TimeConv, masked
from zelitrio.networks.piper.spline import inverse_spline

_BINS, _BOUND = 10, 5.0
_SPLINES = (7, 5, 3)  # in the order in which they are undone; spline 1 is not used in synthesis


class SeparableConvs(nn.Module):
    """Three layers of depthwise and pointwise convolutions with growing dilation."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convs_sep = nn.ModuleList(
            TimeConv(width, width, 3, dilation=3**layer, groups=width) for layer in range(3)
        )
        self.convs_1x1 = nn.ModuleList(TimeConv(width, width) for _ in range(3))
        self.norms_1 = nn.ModuleList(ChannelNorm(width) for _ in range(3))
        self.norms_2 = nn.ModuleList(ChannelNorm(width) for _ in range(3))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x` [batch, tokens, width]."""
        for deep, flat, norm_1, norm_2 in zip(
            self.convs_sep, self.convs_1x1, self.norms_1, self.norms_2, strict=True
        ):
            rest = F.gelu(norm_1(deep(masked(x, mask))))
            x = x + F.gelu(norm_2(flat(rest)))
        return masked(x, mask)


class SplineFlow(nn.Module):
    """Transforms one half of a pair by a spline that depends on the other half and the text."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self._scale = 1 / math.sqrt(width)
        self.pre = TimeConv(1, width)
        self.convs = SeparableConvs(width)
        self.proj = TimeConv(width, 3 * _BINS - 1)

    def forward(self, pair: Tensor, text: Tensor, mask: Tensor | None) -> Tensor:
        """The inverse: `pair` [batch, tokens, 2]."""
        kept, bent = pair.split(1, -1)
        shape = self.proj(self.convs(self.pre(kept) + text, mask))
        widths, heights, slopes = shape.split((_BINS, _BINS, _BINS - 1), -1)
        bent = inverse_spline(bent[..., 0], widths * self._scale, heights * self._scale, slopes, _BOUND)
        return masked(torch.cat((kept, bent[..., None]), -1), mask)


class Affine(nn.Module):
    """The first flow: a shift and a scale."""

    def __init__(self) -> None:
        super().__init__()
        self.m = nn.Parameter(torch.zeros(2, 1))
        self.logs = nn.Parameter(torch.zeros(2, 1))


class StochasticDurations(nn.Module):
    """Draws ln(frames) of each token."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        width = config.duration_width
        self.pre = TimeConv(config.hidden, width)
        self.proj = TimeConv(width, width)
        self.convs = SeparableConvs(width)
        self.cond = TimeConv(config.speaker_width, width) if config.speaker_width else None
        self.flows = nn.ModuleDict({"0": Affine(), **{str(at): SplineFlow(width) for at in sorted(_SPLINES)}})

    def forward(self, x: Tensor, noise: Tensor, speaker: Tensor | None, mask: Tensor | None) -> Tensor:
        """`x` [batch, tokens, hidden] and `noise` [batch, tokens, 2], to [batch, tokens]."""
        x = self.pre(x)
        if self.cond is not None and speaker is not None:
            x = x + self.cond(speaker)
        x = masked(self.proj(self.convs(x, mask)), mask)
        pair = noise
        for at in _SPLINES:
            pair = self.flows[str(at)](pair.flip(-1), x, mask)
        affine = self.flows["0"]
        assert isinstance(affine, Affine)
        pair = (pair.flip(-1) - affine.m[:, 0]) * torch.exp(-affine.logs[:, 0])
        return pair[..., 0]


class PlainDurations(nn.Module):
    """Predicts ln(frames) of each token."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        width = config.duration_width
        self.conv_1 = TimeConv(config.hidden, width, 3)
        self.norm_1 = ChannelNorm(width)
        self.conv_2 = TimeConv(width, width, 3)
        self.norm_2 = ChannelNorm(width)
        self.proj = TimeConv(width, 1)
        self.cond = TimeConv(config.speaker_width, config.hidden) if config.speaker_width else None

    def forward(self, x: Tensor, noise: Tensor, speaker: Tensor | None, mask: Tensor | None) -> Tensor:
        """As the stochastic predictor; `noise` has no effect."""
        if self.cond is not None and speaker is not None:
            x = x + self.cond(speaker)
        x = self.norm_1(self.conv_1(masked(x, mask)).relu())
        x = self.norm_2(self.conv_2(masked(x, mask)).relu())
        return self.proj(masked(x, mask))[..., 0]
