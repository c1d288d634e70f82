"""Small sizes of the public families' networks."""

from __future__ import annotations

from zelitrio.networks import KokoroConfig

KOKORO = KokoroConfig(
    symbols=40,
    embedding=16,
    attention_width=24,
    heads=2,
    feed_forward=32,
    layers=2,
    hidden=32,
    style=8,
    text_layers=2,
    most_frames=6,
    decoder_width=32,
    residual=8,
    start_width=32,
)
