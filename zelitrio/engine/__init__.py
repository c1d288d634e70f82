"""The engine: one thread, one device, many streams.

    async with open_engine() as engine:
        async with engine.open_stream("zeli-voice-1") as stream:
            for utterance in read_text("Hello there."):
                stream.feed(utterance)
            stream.finish()
            async for block in stream:
                play(block.pcm, block.sample_rate_hz)

Who goes next is plain Python (`lanes`, `turns`), how it runs is torch (`runner`, `graphs`), how it is reached
is Trio (`engine`, `stream`); `worker` is the thread that joins them.  What a model is, `zelitrio.voices` and
`zelitrio.networks` say.
"""

from __future__ import annotations

from zelitrio.engine.commands import Stages
from zelitrio.engine.device import Device
from zelitrio.engine.engine import Engine, open_engine
from zelitrio.engine.statistics import Statistics
from zelitrio.engine.stream import AudioBlock, EngineStream

__all__ = [
    "AudioBlock",
    "Device",
    "Engine",
    "EngineStream",
    "Stages",
    "Statistics",
    "open_engine",
]
