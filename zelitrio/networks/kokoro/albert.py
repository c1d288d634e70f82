"""Kokoro's first encoder: one layer of attention applied twelve times (ALBERT)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from zelitrio.networks.kokoro.config import KokoroConfig
from zelitrio.networks.kokoro.layers import KokoroSpan

_EPSILON = 1e-12


class Embeddings(nn.Module):
    """Symbol, position and sentence embeddings, normalised."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width = config.embedding
        self.word_embeddings = nn.Embedding(config.symbols, width)
        self.position_embeddings = nn.Embedding(config.positions, width)
        self.token_type_embeddings = nn.Embedding(2, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, ids: Tensor) -> Tensor:
        """`ids` [batch, tokens] to [batch, tokens, embedding]."""
        places = self.position_embeddings.weight[: ids.shape[1]] + self.token_type_embeddings.weight[0]
        return self.LayerNorm(self.word_embeddings(ids) + places)


class Attention(nn.Module):
    """Self-attention over the tokens of each row."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        width = config.attention_width
        self._heads = config.heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width)
        self.value = nn.Linear(width, width)
        self.dense = nn.Linear(width, width)
        self.LayerNorm = nn.LayerNorm(width, eps=_EPSILON)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """`x` [batch, tokens, width]; `bias` is added to the weights before the softmax."""
        query, key, value = (
            layer(x).unflatten(-1, (self._heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        mixed = F.scaled_dot_product_attention(query, key, value, attn_mask=bias)
        return self.LayerNorm(x + self.dense(mixed.transpose(1, 2).flatten(2)))


class AlbertLayer(nn.Module):
    """Self-attention, then a feed-forward network."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self.attention = Attention(config)
        self.ffn = nn.Linear(config.attention_width, config.feed_forward)
        self.ffn_output = nn.Linear(config.feed_forward, config.attention_width)
        self.full_layer_layer_norm = nn.LayerNorm(config.attention_width, eps=_EPSILON)

    def forward(self, x: Tensor, bias: Tensor | None) -> Tensor:
        """`x` [batch, tokens, width]."""
        x = self.attention(x, bias)
        return self.full_layer_layer_norm(x + self.ffn_output(F.gelu(self.ffn(x), approximate="tanh")))


class Albert(nn.Module):
    """Symbols to contextual vectors."""

    def __init__(self, config: KokoroConfig) -> None:
        super().__init__()
        self._layers = config.layers
        self.embeddings = Embeddings(config)
        self.mapping = nn.Linear(config.embedding, config.attention_width)
        self.layer = AlbertLayer(config)

    def forward(self, ids: Tensor, span: KokoroSpan) -> Tensor:
        """`ids` [batch, tokens] to [batch, tokens, width]."""
        bias = None if span.mask is None else torch.where(span.mask > 0, 0.0, -1e9)[:, None]
        x = self.mapping(self.embeddings(ids))
        for _ in range(self._layers):
            x = self.layer(x, bias)
        return x
