"""Sizes of the vocoder of parts (`fine_vocoder`), and its state for a stream."""

from __future__ import annotations

import attrs
from torch import Tensor


@attrs.frozen(kw_only=True)
class FineVocoderConfig:
    """Sizes of a vocoder of parts; stored with its weights."""

    sample_rate_hz: int = 24_000
    hop_samples: int = 240
    mels: int = 80
    channels: int = 192
    blocks: int = 6
    inner: int = 0
    """Width of the inner layer of the trunk's blocks; 0: three times `channels`."""
    kernel: int = 7
    stem_lookahead: int = 2
    lookahead: int = 1
    parts: int = 4
    """Spectra per frame."""
    fft_samples: int = 480
    """Samples per spectrum; at most two frames."""
    part_channels: int = 96
    part_blocks: int = 4
    part_inner: int = 0
    """Width of the inner layer of the narrow network's blocks; 0: three times `part_channels`."""
    part_kernel: int = 7
    part_lookahead: int = 2
    """Lookahead of each block of the narrow network, in parts."""
    source_bins: int = 121
    """Bins of the excitation's spectrum that the narrow network sees."""
    rest_bins: int = 81
    """Bins below which the network adds its own spectrum."""
    angle_gain: int = 8
    """Radians per unit of output.  With 1, training takes thousands of steps more to move angles."""
    jitter_cents: int = 0
    """Spread of the random deviation of pitch from frame to frame."""

    @property
    def part_samples(self) -> int:
        """Samples between two spectra."""
        return self.hop_samples // self.parts

    @property
    def overlap(self) -> int:
        """Number of spectra that overlap at a sample."""
        return self.fft_samples // self.part_samples

    @property
    def bins(self) -> int:
        """Frequencies in a spectrum."""
        return self.fft_samples // 2 + 1

    @property
    def trunk_lag(self) -> int:
        """Frames by which the trunk's outputs come later than its inputs."""
        return self.stem_lookahead + self.blocks * self.lookahead

    @property
    def part_lag(self) -> int:
        """Parts by which the spectra come later than the trunk's outputs."""
        return self.part_blocks * self.part_lookahead

    @property
    def lag(self) -> int:
        """Frames by which finished samples come later than the inputs, including the last overlap."""
        return self.trunk_lag + self.part_lag // self.parts + 1


@attrs.frozen(kw_only=True, eq=False)
class FineVocoderState:
    """A stream's state between windows; see `FineVocoder.new_state`."""

    stem: Tensor  # [batch, kernel - 1, mels + 2]
    blocks: list[Tensor]  # each [batch, kernel - 1, channels]
    part_blocks: list[Tensor]  # each [batch, part_kernel - 1, part_channels]
    source: Tensor  # [batch, part_lag, 2 * bins]: spectra of pulses that have gone in but are not shaped yet
    ln_f0: Tensor  # [batch, trunk_lag - 1]: pitch of frames that have gone in but have no pulses yet
    phase: Tensor  # [batch] float64, turns
    pulses: Tensor  # [batch, 2 * hop]
    overlap: Tensor  # [batch, fft - part]
