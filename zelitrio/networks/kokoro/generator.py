"""Kokoro's generator: frame features and the harmonic source to the spectrum of the audio."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zelitrio.networks.kokoro.config import KokoroConfig
from zelitrio.networks.kokoro.layers import AdaptiveNorm, KokoroMoments, KokoroSpan
from zelitrio.networks.kokoro.source import BINS, HarmonicSource

_RATES, _KERNELS = (10, 6), (20, 12)
_BLOCK_KERNELS, _DILATIONS = (3, 7, 11), (1, 3, 5)
_NOISE_KERNELS = (7, 11)
KEPT_FRAMES = 6
"""Frames of the spectrum beside a window: the last convolution sees 3, the overlap of frames 2."""


def _reach(kernel: int) -> int:
    """Receptive field of a `SnakeBlock` of this kernel, on each side."""
    return kernel // 2 * (sum(_DILATIONS) + len(_DILATIONS))


_BLOCKS_REACH = _reach(max(_BLOCK_KERNELS))
_LAST_KEPT = KEPT_FRAMES + _BLOCKS_REACH
"""Steps beside a window that the last stage's blocks need."""
_FIRST_KEPT = -(-_LAST_KEPT // _RATES[1]) + 1
"""Steps beside a window that the last stage needs from the first; its upsampling needs one more."""


class TimeConv(nn.Conv1d):
    """A convolution over time, computed as a 2-d convolution of height 1.

    In channels-last format it is up to 1.8 times as fast as `conv1d` on a CPU (128 channels, kernel 11: 53 ms
    instead of 96 ms).
    """

    def forward(self, x: Tensor) -> Tensor:
        """`x` [batch, channels, time]."""
        padding, dilation = (0, *map(int, self.padding)), (1, *self.dilation)
        image, kernel = x.unsqueeze(2), self.weight.unsqueeze(2)
        return F.conv2d(image, kernel, self.bias, (1, *self.stride), padding, dilation).squeeze(2)


class NarrowConv(TimeConv):
    """A convolution in the number format of its weights; its input and output may have another one.

    Activations and statistics stay in float32: in bfloat16 they would change the level by 3 dB.
    """

    def forward(self, x: Tensor) -> Tensor:
        """`x` [batch, channels, time]; the result has the format of `x`."""
        return super().forward(x.to(self.weight.dtype)).to(x.dtype)


class Upsampling(nn.ConvTranspose1d):
    """A transposed convolution with a kernel of twice its step: one matrix product and a shifted sum."""

    def __init__(self, width: int, out: int, kernel: int, step: int) -> None:
        super().__init__(width, out, kernel, step, padding=(kernel - step) // 2)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        """`input` [batch, width, time] to [batch, out, time * step]."""
        (step,), (half,) = self.stride, map(int, self.padding)
        width, out, kernel = self.weight.shape
        flat = self.weight.permute(0, 2, 1).reshape(width, kernel * out)
        parts = (input.mT @ flat).unflatten(-1, (2, step, out))  # [batch, time, 2, step, out]
        total = F.pad(parts[:, :, 0], (0, 0, 0, 0, 0, 1)) + F.pad(parts[:, :, 1], (0, 0, 0, 0, 1, 0))
        assert self.bias is not None
        return (total.flatten(1, 2)[:, half : half + step * input.shape[-1]] + self.bias).mT


class SnakeBlock(nn.Module):
    """Three pairs of convolutions with a periodic activation, each pair added to its input."""

    def __init__(self, channels: int, kernel: int, style: int) -> None:
        super().__init__()
        spread = [kernel // 2 * dilation for dilation in _DILATIONS]
        self.convs1 = nn.ModuleList(
            NarrowConv(channels, channels, kernel, dilation=dilation, padding=padding)
            for dilation, padding in zip(_DILATIONS, spread, strict=True)
        )
        self.convs2 = nn.ModuleList(
            NarrowConv(channels, channels, kernel, padding=kernel // 2) for _ in _DILATIONS
        )
        self._reach = _reach(kernel)
        self._pairs = [kernel // 2 * (dilation + 1) for dilation in _DILATIONS]
        self.adain1 = nn.ModuleList(AdaptiveNorm(style, channels) for _ in _DILATIONS)
        self.adain2 = nn.ModuleList(AdaptiveNorm(style, channels) for _ in _DILATIONS)
        self.alpha1 = nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in _DILATIONS)
        self.alpha2 = nn.ParameterList(nn.Parameter(torch.ones(1, channels, 1)) for _ in _DILATIONS)

    def forward(
        self, x: Tensor, style: Tensor, span: KokoroSpan, moments: KokoroMoments, cut: tuple[int, int]
    ) -> Tensor:
        """`x` [batch, channels, time] to the same without `cut` steps at the start and at the end.

        With a cut, each pair computes only the steps that later pairs see.
        """
        later, gone = self._reach, (0, 0)
        x, gone = _trimmed(x, cut, gone, later)
        parts = (self.convs1, self.convs2, self.adain1, self.adain2, self.alpha1, self.alpha2, self._pairs)
        for conv1, conv2, norm1, norm2, alpha1, alpha2, pair in zip(*parts, strict=True):
            rest = conv1(span.clear(_snake(norm1(x, style, span, moments), alpha1)))
            rest = conv2(span.clear(_snake(norm2(rest, style, span, moments), alpha2)))
            later -= pair
            x, gone = _trimmed(x + rest, cut, gone, later)
        return x


class Generator(nn.Module):
    """Features at 80 Hz to a spectrum at 4,800 Hz."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width, style = config.start_width, config.style
        widths = [width >> (stage + 1) for stage in range(len(_RATES))]
        self.m_source = HarmonicSource()
        self.ups = nn.ModuleList(
            Upsampling(width >> stage, widths[stage], kernel, rate)
            for stage, (rate, kernel) in enumerate(zip(_RATES, _KERNELS, strict=True))
        )
        self.noise_convs = nn.ModuleList(
            (
                TimeConv(2 * BINS, widths[0], 2 * _RATES[1], _RATES[1], padding=_RATES[1] // 2),
                TimeConv(2 * BINS, widths[1], 1),
            )
        )
        self.noise_res = nn.ModuleList(
            SnakeBlock(channels, kernel, style)
            for channels, kernel in zip(widths, _NOISE_KERNELS, strict=True)
        )
        self.resblocks = nn.ModuleList(
            SnakeBlock(channels, kernel, style) for channels in widths for kernel in _BLOCK_KERNELS
        )
        self.conv_post = TimeConv(widths[-1], 2 * BINS, 7, padding=3)

    def forward(
        self,
        x: Tensor,
        source: Tensor,
        style: Tensor,
        span: KokoroSpan,
        moments: KokoroMoments,
        context: tuple[int, int] = (0, 0),
    ) -> tuple[Tensor, Tensor]:
        """Compute the magnitudes and phases of the audio.

        Args:
            x: [batch, start_width, steps] at 80 Hz, zeros outside a row.
            source: [batch, 22, 60 * steps + 1], the source's spectrum.
            style: [batch, style].
            span: of `x`.
            moments: the statistics of the 48 normalised layers.
            context: steps at the start and the end that are input only; for full rows only.  Each layer
                computes only the part of them that later layers see.

        Returns:
            Two of [batch, 11, frames].  Without context there are 60 * steps + 1 frames; up to `KEPT_FRAMES`
            of each context are left.  Magnitudes are 0 outside a row.
        """
        fast, whole = span.scaled(_RATES[0]), span.scaled(_RATES[0] * _RATES[1], extra=1)
        # From here on every tensor is channels-last.
        x, source = x.mT.contiguous().mT, whole.clear(source).mT.contiguous().mT
        have = _times(context, _RATES[0])
        x, have = self._stage(0, x, source, style, fast, moments, have, have, _FIRST_KEPT)
        # The source has its own context; this stage needs less of it.
        kept = _LAST_KEPT + _reach(_NOISE_KERNELS[1])
        source, there = _kept(source, _times(context, _RATES[0] * _RATES[1]), kept)
        have = _times(have, _RATES[1])
        x, _ = self._stage(1, x, source, style, whole, moments, have, there, KEPT_FRAMES)
        x = self.conv_post(F.leaky_relu(x, 0.01)).float()
        return whole.clear(x[:, :BINS].exp()), torch.sin(x[:, BINS:])

    def _stage(
        self,
        stage: int,
        x: Tensor,
        source: Tensor,
        style: Tensor,
        here: KokoroSpan,
        moments: KokoroMoments,
        have: tuple[int, int],
        there: tuple[int, int],
        keep: int,
    ) -> tuple[Tensor, tuple[int, int]]:
        """Compute one stage.

        Args:
            stage: its number.
            x: [batch, channels, time], the result of the stage before.
            source: [batch, 2 * bins, frames], the source's spectrum.
            style: [batch, style].
            here: span of the result.
            moments: the statistics.
            have: steps of context of `x`, in steps of the result.
            there: steps of context of the source, in steps of the result.
            keep: the most steps of context that the result has.

        Returns:
            [batch, channels, time], and the steps of its context.
        """
        added = here.clear(self.noise_convs[stage](source))
        # The blocks need this much.
        seen = _least(have, keep + _BLOCKS_REACH)
        added = self.noise_res[stage](added, style, here, moments, _less(there, seen))
        x = self.ups[stage](F.leaky_relu(x, 0.1))
        if stage == len(self.ups) - 1:
            x = torch.cat((x[..., 1:2], x), -1)  # one sample reflected in front
        x, _ = _kept(x, have, keep + _BLOCKS_REACH)
        x = here.clear(x + added)
        left = _least(have, keep)
        cut = _less(seen, left)
        blocks = self.resblocks[3 * stage : 3 * stage + 3]
        total = sum(block(x, style, here, moments, cut) for block in blocks)
        assert isinstance(total, Tensor)
        return here.clear(total / len(_BLOCK_KERNELS)), left


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    """x + sin(alpha x)^2 / alpha."""
    return torch.addcdiv(x, torch.sin(alpha * x).square_(), alpha)


def _times(context: tuple[int, int], rate: int) -> tuple[int, int]:
    return context[0] * rate, context[1] * rate


def _least(context: tuple[int, int], most: int) -> tuple[int, int]:
    return min(context[0], most), min(context[1], most)


def _less(context: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return context[0] - other[0], context[1] - other[1]


def _kept(x: Tensor, have: tuple[int, int], most: int) -> tuple[Tensor, tuple[int, int]]:
    """`x` [..., time] with at most `most` of the steps that it has beside a window, and their number."""
    left = _least(have, most)
    begin, rest = _less(have, left)
    return x[..., begin : x.shape[-1] - rest], left


def _trimmed(
    x: Tensor, cut: tuple[int, int], gone: tuple[int, int], later: int
) -> tuple[Tensor, tuple[int, int]]:
    """Cut off the steps that no later layer needs.

    Args:
        x: [..., time].
        cut: steps at the start and the end that must be gone after the last layer.
        gone: steps that are gone already.
        later: steps on each side that the later layers see.

    Returns:
        The rest of `x`, and the steps that are gone now.
    """
    now = max(gone[0], cut[0] - later), max(gone[1], cut[1] - later)
    begin, rest = _less(now, gone)
    return x[..., begin : x.shape[-1] - rest], now
