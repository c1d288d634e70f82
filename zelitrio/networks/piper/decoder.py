"""Piper's decoder (HiFi-GAN): the latent to samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.layers import LastConv, TimeConv, Upsampling, masked

_SLOPE, _LAST_SLOPE = 0.1, 0.01


class Block(nn.Module):
    """Convolutions of one kernel with several dilations, each added to its input."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs = nn.ModuleList(TimeConv(width, width, kernel, dilation=step) for step in dilations)

    def forward(self, x: Tensor, start: Tensor, mask: Tensor | None) -> Tensor:
        """`x` [batch, time, width]; `start` is the input of its first convolution."""
        for at, conv in enumerate(self.convs):
            x = masked(conv(F.leaky_relu(x, _SLOPE) if at else start), mask).add_(x)
        return x


class PairedBlock(nn.Module):
    """The same with a second convolution of dilation 1 after each."""

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.convs1 = nn.ModuleList(TimeConv(width, width, kernel, dilation=step) for step in dilations)
        self.convs2 = nn.ModuleList(TimeConv(width, width, kernel) for _ in dilations)

    def forward(self, x: Tensor, start: Tensor, mask: Tensor | None) -> Tensor:
        """`x` [batch, time, width]; `start` is the input of its first convolution."""
        for at, (first, second) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            rest = masked(first(F.leaky_relu(x, _SLOPE) if at else start), mask)
            x = masked(second(F.leaky_relu(rest, _SLOPE)), mask).add_(x)
        return x


class Decoder(nn.Module):
    """Upsampling stages, each followed by the mean of its blocks."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        width = config.start_width
        self._rates = config.rates
        self._late = [config.late_context(stage) for stage in range(len(config.rates))]
        self.conv_pre = TimeConv(config.latent, width, 7)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for step, kernel in zip(config.rates, config.kernels, strict=True):
            self.ups.append(Upsampling(width, width // 2, kernel, step))
            width //= 2
            for size, dilations in zip(config.block_kernels, config.block_dilations, strict=True):
                kind = PairedBlock if config.has_pairs else Block
                self.resblocks.append(kind(width, size, dilations))
        self._blocks = len(config.block_kernels)
        self.conv_post = LastConv(width, 7)
        self.cond = TimeConv(config.speaker_width, config.start_width) if config.speaker_width else None

    def fold(self) -> None:
        """Prepare the upsampling; the weights must not change any more."""
        for up in self.ups:
            assert isinstance(up, Upsampling)
            up.fold()

    def forward(
        self, z: Tensor, speaker: Tensor | None, mask: Tensor | None, context: tuple[int, int] = (0, 0)
    ) -> Tensor:
        """Compute the samples of a window.

        Args:
            z: [batch, frames, latent], zeros outside the rows.
            speaker: [batch, 1, speaker_width] or None.
            mask: [batch, frames, 1] or None.
            context: input frames without output at the start and the end.  After each stage, the part that
                later stages do not see is cut off: the first stage sees most and is a fifth of the work.

        Returns:
            [batch, (frames - context) * hop] samples.
        """
        left, right = context
        x = self.conv_pre(z)
        if self.cond is not None and speaker is not None:
            x = x + self.cond(speaker)
        x = masked(x, mask)
        for stage, (up, step) in enumerate(zip(self.ups, self._rates, strict=True)):
            if mask is not None:
                mask = mask.repeat_interleave(step, 1)
            x = masked(up(F.leaky_relu(x, _SLOPE)), mask)
            blocks = self.resblocks[stage * self._blocks : (stage + 1) * self._blocks]
            start = F.leaky_relu(x, _SLOPE)
            total = blocks[0](x, start, mask)
            for block in list(blocks)[1:]:
                total.add_(block(x, start, mask))
            x = total.div_(self._blocks)
            left, right = left * step, right * step
            cut = max(0, left - self._late[stage]), max(0, right - self._late[stage])
            x = x[:, cut[0] : x.shape[1] - cut[1]]
            mask = None if mask is None else mask[:, cut[0] : mask.shape[1] - cut[1]]
            left, right = left - cut[0], right - cut[1]
        samples = torch.tanh(self.conv_post(F.leaky_relu(x, _LAST_SLOPE)))
        return samples[:, left : samples.shape[1] - right]
