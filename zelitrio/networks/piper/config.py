"""The sizes of a Piper network, which follow from its weights."""

from __future__ import annotations

import math

import attrs

_END_KERNEL_REACH = 3
"""The reach of the decoder's first convolution, and of its last one."""


@attrs.frozen(kw_only=True)
class PiperConfig:
    """Sizes; the defaults are those of Piper's medium quality."""

    sample_rate_hz: int = 22_050
    symbols: int = 256
    hidden: int = 192
    latent: int = 192
    heads: int = 2
    feed_forward: int = 768
    feed_forward_kernel: int = 3
    layers: int = 6
    reach: int = 4
    """Tokens on each side for which the attention has relative positions."""
    is_stochastic: bool = True
    """Whether a flow draws durations; if not, two convolutions predict them."""
    duration_width: int = 192
    couplings: int = 4
    coupling_layers: int = 4
    coupling_kernel: int = 5
    start_width: int = 256
    rates: tuple[int, ...] = (8, 8, 4)
    kernels: tuple[int, ...] = (16, 16, 8)
    block_kernels: tuple[int, ...] = (3, 5, 7)
    block_dilations: tuple[tuple[int, ...], ...] = ((1, 2), (2, 6), (3, 12))
    has_pairs: bool = False
    """Whether each convolution of a block is followed by one of dilation 1 (HiFi-GAN's first kind)."""
    speakers: int = 1
    speaker_width: int = 0

    @property
    def hop_samples(self) -> int:
        """Samples per frame."""
        return math.prod(self.rates)

    @property
    def flow_context(self) -> int:
        """Frames on each side that the flow's result depends on."""
        return self.couplings * self.coupling_context

    @property
    def coupling_context(self) -> int:
        """Frames on each side that one coupling sees."""
        return self.coupling_layers * (self.coupling_kernel // 2)

    @property
    def decoder_context(self) -> int:
        """Frames on each side that a frame's audio depends on, rounded up."""
        return math.ceil(_END_KERNEL_REACH * (1 + 1 / self.hop_samples) + sum(self._reaches(0.5)))

    def late_context(self, stage: int) -> int:
        """Steps of this stage's output on each side that later stages depend on."""
        rate = math.prod(self.rates[: stage + 1])
        seen = sum(self._reaches(1.0)[stage + 1 :]) + _END_KERNEL_REACH / self.hop_samples
        return math.ceil(rate * seen)

    def _reaches(self, upsampling: float) -> list[float]:
        """Frames on each side that each stage of the decoder sees.

        Args:
            upsampling: context of its transposed convolution in input steps: 0.5 on average, and less than 1
                on either side.
        """
        found: list[float] = []
        rate = 1
        for step in self.rates:
            reach = upsampling / rate
            rate *= step
            widest = max(
                sum(size // 2 * (dilation + self.has_pairs) for dilation in dilations)
                for size, dilations in zip(self.block_kernels, self.block_dilations, strict=True)
            )
            found.append(reach + widest / rate)
        return found
