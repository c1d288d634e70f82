"""The sizes of a Kokoro network."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class KokoroConfig:
    """Sizes; the defaults are those of Kokoro-82M, version 1.0."""

    symbols: int = 178
    positions: int = 512
    embedding: int = 128
    attention_width: int = 768
    heads: int = 12
    feed_forward: int = 2048
    layers: int = 12
    hidden: int = 512
    style: int = 128
    text_layers: int = 3
    text_kernel: int = 5
    most_frames: int = 50
    decoder_width: int = 1024
    residual: int = 64
    start_width: int = 512

    @property
    def sample_rate_hz(self) -> int:
        """Samples per second."""
        return 24_000

    @property
    def hop_samples(self) -> int:
        """Samples per frame of the durations."""
        return 600

    @property
    def early_frames(self) -> float:
        """Frames by which the audio is ahead of the durations: 55 ms."""
        return 2.2

    @property
    def last_phone_frames(self) -> float:
        """Audible frames of the last phone before a pause; its duration includes the silence."""
        return 3.0

    @property
    def most_symbols(self) -> int:
        """Symbols of one chunk, without the two zeros around them."""
        return self.positions - 2
