"""Encoding that never holds the event loop for long."""

from __future__ import annotations

import trio

from zelitrio.audio import Encoder
from zelitrio.session.packets import Samples

SLICE_S = 0.05
"""MP3 costs up to 16 ms a second of audio, so a slice holds the loop for less than a millisecond.  A
thread would cost as much again in hops, and the loop's core has nothing better to do."""


async def encode_in_turns(encoder: Encoder, pcm: Samples, sample_rate_hz: int) -> bytes:
    """Encode a packet's samples, a slice at a time; the others have their turn between slices.

    Cancelled half-way, the encoder is of no more use.
    """
    samples = round(SLICE_S * sample_rate_hz)
    parts = [encoder.encode(pcm[:samples])]
    for at in range(samples, len(pcm), samples):
        await trio.lowlevel.checkpoint()
        parts.append(encoder.encode(pcm[at : at + samples]))
    return parts[0] if len(parts) == 1 else b"".join(parts)
