"""A Piper voice as one network (VITS): symbols to durations, a latent per frame, and samples.

The parts and the names of the parameters are those of Piper's files (https://github.com/rhasspy/piper, MIT).
"""

from __future__ import annotations

import attrs
import torch
from torch import Tensor, nn

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.decoder import Decoder
from zelitrio.networks.piper.durations import PlainDurations, StochasticDurations
from zelitrio.networks.piper.flow import Flow
from zelitrio.networks.piper.layers import masked
from zelitrio.networks.piper.text import TextEncoder


@attrs.frozen(kw_only=True, eq=False)
class PiperTokens:
    """The encoder's outputs for each token."""

    frames: Tensor  # [batch, tokens], not rounded; Piper rounds up
    statistics: Tensor  # [batch, tokens, 2 * latent], mean and log spread


class Vits(nn.Module):
    """All parts of a voice."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        self.config = config
        self.enc_p = TextEncoder(config)
        self.dp = StochasticDurations(config) if config.is_stochastic else PlainDurations(config)
        self.flow = Flow(config)
        self.dec = Decoder(config)
        self.emb_g = nn.Embedding(config.speakers, config.speaker_width) if config.speaker_width else None

    def speaker(self, speakers: Tensor) -> Tensor | None:
        """The embeddings [batch, 1, speaker_width] of speakers [batch]; None for a voice with one speaker."""
        return None if self.emb_g is None else self.emb_g(speakers)[:, None]

    def encode(self, ids: Tensor, noise: Tensor, speaker: Tensor | None, mask: Tensor | None) -> PiperTokens:
        """Read symbols.

        Args:
            ids: [batch, tokens].
            noise: [batch, tokens, 2] for the durations, already scaled.
            speaker: [batch, 1, speaker_width] or None.
            mask: [batch, tokens, 1] or None.
        """
        rows, statistics = self.enc_p(ids, mask)
        frames = torch.exp(self.dp(rows, noise, speaker, mask))
        return PiperTokens(frames=frames if mask is None else frames * mask[..., 0], statistics=statistics)

    def latent(
        self, statistics: Tensor, noise: Tensor, speaker: Tensor | None, mask: Tensor | None
    ) -> Tensor:
        """The latent, from the statistics of each frame's token [batch, frames, 2 * latent] and noise."""
        return self.flow(masked(self.drawn(statistics, noise), mask), speaker, mask)

    def drawn(self, statistics: Tensor, noise: Tensor) -> Tensor:
        """The flow's input: the mean of each frame's token, and scaled noise in its spread."""
        mean, log_spread = statistics.chunk(2, -1)
        return mean + noise * torch.exp(log_spread)
