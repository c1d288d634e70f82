"""Layers that Kokoro's parts share: statistics over time, style, and bidirectional recurrence.

Rows of one batch may have different lengths.  A mask [batch, 1, time] is one inside a row and zero outside;
None: all rows are full.  With the mask, each row's result equals that of the row by itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import attrs
import torch
from torch import Tensor, nn
from torch.nn import functional as F

EPSILON = 1e-5
"""Added to variances."""


@attrs.frozen(kw_only=True, eq=False)
class KokoroSpan:
    """The lengths and the mask of the rows of a batch, at one rate."""

    mask: Tensor | None  # [batch, 1, time], or None where every row is full
    lengths: Tensor  # [batch] integers

    @classmethod
    def of(cls, lengths: Tensor, longest: int, *, is_full: bool = False) -> KokoroSpan:
        """The span of rows of these lengths in a batch of `longest` steps."""
        if is_full:
            return cls(mask=None, lengths=lengths)
        steps = torch.arange(longest, device=lengths.device)
        return cls(mask=(steps < lengths[:, None])[:, None].float(), lengths=lengths)

    def scaled(self, factor: int, extra: int = 0) -> KokoroSpan:
        """The same rows at `factor` times the rate, `extra` steps longer."""
        mask = self.mask
        if mask is not None:
            mask = mask.repeat_interleave(factor, -1)
            if extra:
                mask = torch.cat((mask[..., :extra], mask), -1)
        return KokoroSpan(mask=mask, lengths=self.lengths * factor + extra)

    def chosen(self, rows: Tensor) -> KokoroSpan:
        """The span of some of the rows, by their indices."""
        return KokoroSpan(mask=None if self.mask is None else self.mask[rows], lengths=self.lengths[rows])

    def split(self, count: int) -> list[KokoroSpan]:
        """The rows in order, at most `count` of them in each."""
        lengths = self.lengths.split(count)
        masks = [None] * len(lengths) if self.mask is None else self.mask.split(count)
        return [KokoroSpan(mask=mask, lengths=own) for mask, own in zip(masks, lengths, strict=True)]

    def clear(self, x: Tensor) -> Tensor:
        """`x` [batch, channels, time] with zeros outside the rows."""
        return x if self.mask is None else x * self.mask.to(x.dtype)


@attrs.define(eq=False)
class KokoroMoments:
    """Means and deviations of the normalised layers, in the order of the layers.

    Without `given` it computes and collects each layer's statistics over the whole row.  With `given` it
    supplies them, so that a window can be computed without the rest of the row.
    """

    given: tuple[tuple[Tensor, Tensor], ...] | None = None
    collected: list[tuple[Tensor, Tensor]] = attrs.field(factory=list)
    _next: Iterator[tuple[Tensor, Tensor]] | None = attrs.field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self.given is not None:
            self._next = iter(self.given)

    def of(self, x: Tensor, span: KokoroSpan) -> tuple[Tensor, Tensor]:
        """Mean and reciprocal deviation [batch, channels, 1] of the next layer's input `x`."""
        if self._next is not None:
            return next(self._next)
        if span.mask is None:
            # Two passes: `var_mean` takes eight times as long on a CPU.
            wide = x.float()
            mean = wide.mean(-1, keepdim=True)
            variance = (wide - mean).square_().mean(-1, keepdim=True)
        else:
            count = span.lengths[:, None, None].float()
            mean = span.clear(x).float().sum(-1, keepdim=True) / count
            variance = span.clear(x - mean).float().square().sum(-1, keepdim=True) / count
        found = mean, torch.rsqrt(variance + EPSILON)
        self.collected.append(found)
        return found


class AdaptiveNorm(nn.Module):
    """Instance normalisation; scale and shift come from the style."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor, span: KokoroSpan, moments: KokoroMoments) -> Tensor:
        """`x` [batch, channels, time] normalised over time."""
        gain, shift = self.fc(style).unsqueeze(-1).chunk(2, 1)  # [batch, channels, 1]
        mean, scale = moments.of(x, span)
        scale = (1 + gain) * scale
        return torch.addcmul((shift - mean * scale).to(x.dtype), x, scale.to(x.dtype))


class AdaptiveLayerNorm(nn.Module):
    """Layer normalisation; scale and shift come from the style."""

    def __init__(self, style: int, channels: int) -> None:
        super().__init__()
        self.fc = nn.Linear(style, 2 * channels)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """`x` [batch, time, channels] normalised over channels."""
        gain, shift = self.fc(style)[:, None].chunk(2, -1)
        return F.layer_norm(x, x.shape[-1:], eps=EPSILON) * (1 + gain) + shift


class ChannelNorm(nn.Module):
    """Layer normalisation over the channels of [batch, channels, time]."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """`x` [batch, channels, time] normalised."""
        return F.layer_norm(x.mT, self.gamma.shape, self.gamma, self.beta, EPSILON).mT


class BothWays(nn.Module):
    """A bidirectional LSTM over rows of different lengths.

    For the backward direction each row is reversed within its own length.  Unlike packing, this needs no
    lengths on the host, so a CUDA graph can capture it.
    """

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.ahead = nn.LSTM(width, hidden, batch_first=True)
        self.back = nn.LSTM(width, hidden, batch_first=True)

    def forward(self, x: Tensor, span: KokoroSpan) -> Tensor:
        """`x` [batch, time, width] to [batch, time, 2 * hidden]; zeros outside the rows."""
        ahead, _ = self.ahead(x)
        if span.mask is None:
            back, _ = self.back(x.flip(1))
            return torch.cat((ahead, back.flip(1)), -1)
        steps = torch.arange(x.shape[1], device=x.device)
        last = span.lengths[:, None] - 1
        order = torch.where(steps <= last, last - steps, steps)[..., None]  # its own inverse
        back, _ = self.back(x.gather(1, order.expand_as(x)))
        back = back.gather(1, order.expand_as(back))
        return torch.cat((ahead, back), -1) * span.mask.mT


class StyledBlock(nn.Module):
    """A residual block of two convolutions; it may double the rate."""

    def __init__(self, channels: int, out: int, style: int, *, doubles: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(channels, out, 3, padding=1)
        self.conv2 = nn.Conv1d(out, out, 3, padding=1)
        self.norm1 = AdaptiveNorm(style, channels)
        self.norm2 = AdaptiveNorm(style, out)
        self.conv1x1 = nn.Conv1d(channels, out, 1, bias=False) if channels != out else None
        self.pool = (
            nn.ConvTranspose1d(channels, channels, 3, 2, padding=1, output_padding=1, groups=channels)
            if doubles
            else None
        )

    def forward(
        self, x: Tensor, style: Tensor, span: KokoroSpan, moments: KokoroMoments
    ) -> tuple[Tensor, KokoroSpan]:
        """`x` [batch, channels, time]; also returns the span of the result, which may have twice the rate."""
        rest = span.clear(F.leaky_relu(self.norm1(x, style, span, moments), 0.2))
        if self.pool is not None:
            x, span = x.repeat_interleave(2, -1), span.scaled(2)
            rest = span.clear(self.pool(rest))
        rest = self.conv1(rest)
        rest = self.conv2(span.clear(F.leaky_relu(self.norm2(rest, style, span, moments), 0.2)))
        if self.conv1x1 is not None:
            x = self.conv1x1(x)
        return span.clear((x + rest) * math.sqrt(0.5)), span
