"""Piper's text encoder: self-attention with relative positions."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from zelitrio.networks.piper.config import PiperConfig
from zelitrio.networks.piper.layers import ChannelNorm, TimeConv, masked

_FAR = -1e4


class RelativeAttention(nn.Module):
    """Attention with learnt weights for the distances -reach to reach."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        width, heads = config.hidden, config.heads
        self._heads, self._reach = heads, config.reach
        self.conv_q, self.conv_k, self.conv_v, self.conv_o = (TimeConv(width, width) for _ in range(4))
        distances = 2 * config.reach + 1
        self.emb_rel_k = nn.Parameter(torch.zeros(1, distances, width // heads))
        self.emb_rel_v = nn.Parameter(torch.zeros(1, distances, width // heads))

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x` [batch, tokens, hidden]."""
        query, key, value = (
            layer(x).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for layer in (self.conv_q, self.conv_k, self.conv_v)
        )  # [batch, heads, tokens, width]
        query = query / math.sqrt(query.shape[-1])
        steps = torch.arange(x.shape[1], device=x.device)
        distance = steps - steps[:, None] + self._reach  # [tokens, tokens]
        is_near = (distance >= 0) & (distance <= 2 * self._reach)
        place = distance.clamp(0, 2 * self._reach).expand(len(x), self._heads, -1, -1)
        near = (query @ self.emb_rel_k[0].T).gather(-1, place)
        scores = query @ key.mT + torch.where(is_near, near, 0.0)
        if mask is not None:
            scores = torch.where(mask.mT[:, None] > 0, scores, _FAR)
        weights = scores.softmax(-1)
        # The attention weights of the near distances: a diagonal band of the matrix.
        other = steps[:, None] + torch.arange(-self._reach, self._reach + 1, device=x.device)
        is_there = (other >= 0) & (other < x.shape[1])
        band = weights.gather(-1, other.clamp(0, x.shape[1] - 1).expand(len(x), self._heads, -1, -1))
        mixed = weights @ value + torch.where(is_there, band, 0.0) @ self.emb_rel_v[0]
        return self.conv_o(mixed.transpose(1, 2).flatten(2))


class FeedForward(nn.Module):
    """Two convolutions over tokens."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        kernel = config.feed_forward_kernel
        self.conv_1 = TimeConv(config.hidden, config.feed_forward, kernel)
        self.conv_2 = TimeConv(config.feed_forward, config.hidden, kernel)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x` [batch, tokens, hidden]."""
        return masked(self.conv_2(masked(self.conv_1(masked(x, mask)).relu(), mask)), mask)


class Encoder(nn.Module):
    """The layers of the text encoder."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        count = range(config.layers)
        self.attn_layers = nn.ModuleList(RelativeAttention(config) for _ in count)
        self.norm_layers_1 = nn.ModuleList(ChannelNorm(config.hidden) for _ in count)
        self.ffn_layers = nn.ModuleList(FeedForward(config) for _ in count)
        self.norm_layers_2 = nn.ModuleList(ChannelNorm(config.hidden) for _ in count)

    def forward(self, x: Tensor, mask: Tensor | None) -> Tensor:
        """`x` [batch, tokens, hidden]."""
        layers = (self.attn_layers, self.norm_layers_1, self.ffn_layers, self.norm_layers_2)
        for attend, norm_1, feed, norm_2 in zip(*layers, strict=True):
            x = norm_1(x + attend(x, mask))
            x = norm_2(x + feed(x, mask))
        return masked(x, mask)


class TextEncoder(nn.Module):
    """Symbols to vectors, and to the mean and log deviation of each latent."""

    def __init__(self, config: PiperConfig) -> None:
        super().__init__()
        self._scale = math.sqrt(config.hidden)
        self.emb = nn.Embedding(config.symbols, config.hidden)
        self.encoder = Encoder(config)
        self.proj = TimeConv(config.hidden, 2 * config.latent)

    def forward(self, ids: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """`ids` [batch, tokens] to rows [.., hidden] and statistics [.., 2 * latent]."""
        x = self.encoder(masked(self.emb(ids) * self._scale, mask), mask)
        return x, masked(self.proj(x), mask)
