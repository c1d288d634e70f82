"""The engine: one thread, one device, many streams.

    async with open_engine() as engine:
        async with engine.open_stream("zeli-voice-1") as stream:
            for utterance in read_text("Hello there."):
                stream.feed(utterance)
            stream.finish()
            async for block in stream:
                play(block.pcm, block.sample_rate_hz)

Who goes next is plain Python (`lanes`), how it runs is torch (`runner`, `graphs`), how it is
reached is Trio (`engine`); `worker` is the thread that joins them.
"""

from __future__ import annotations

from zelitrio.engine.engine import Engine, open_engine
from zelitrio.engine.lanes import Ladder, Lane, Lanes, Pace, Profile
from zelitrio.engine.statistics import Statistics
from zelitrio.engine.stream import AudioBlock, EngineStream

__all__ = [
    "AudioBlock",
    "Engine",
    "EngineStream",
    "Ladder",
    "Lane",
    "Lanes",
    "Pace",
    "Profile",
    "Statistics",
    "open_engine",
]
