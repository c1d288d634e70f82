"""Speech from the real engine: a stream's joined chunks, and the times of its words."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np

from bench.voice.spoken import RATE_HZ, SEED, Pcm
from zelitrio.engine import Engine
from zelitrio.settings import VoiceSettings
from zelitrio.text import Utterance

STEADY = VoiceSettings(stability=1.0)
"""Without random variation, so that runs can be compared."""


@attrs.frozen(eq=False)
class Stream:
    """One stream's speech."""

    pcm: Pcm
    starts: tuple[int, ...]
    """Sample at which each piece begins."""
    words: tuple[tuple[int, int], ...]
    """First sample of each word, and the sample after its last."""


async def stream(engine: Engine, voice_id: str, pieces: Sequence[Utterance]) -> Stream:
    """Speak the pieces in one stream, each fed as soon as the stream is open."""
    pcms: list[Pcm] = []
    starts: list[int] = []
    words: list[tuple[int, int]] = []
    async with engine.open_stream(voice_id, STEADY, seed=SEED) as opened:
        for piece in pieces:
            opened.feed(piece)
        opened.finish()
        length = 0
        async for block in opened:
            if block.word_times_ms is not None:
                starts.append(length)
                words += [
                    (length + begin * RATE_HZ // 1000, length + end * RATE_HZ // 1000)
                    for begin, end in block.word_times_ms
                ]
            pcms.append(block.pcm)
            length += len(block.pcm)
    return Stream(np.concatenate(pcms), tuple(starts), tuple(words))
