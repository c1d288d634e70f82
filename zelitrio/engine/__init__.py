"""The engine: one thread, one device, many streams.

    async with open_engine() as engine:
        async with engine.open_stream("zeli-voice-1") as stream:
            for utterance in read_text("Hello there."):
                stream.feed(utterance)
            stream.finish()
            async for block in stream:
                play(block.pcm, block.sample_rate_hz)

Three concerns, three kinds of file: `lanes` and `turns` decide which stream goes next (plain Python),
`runner` and `graphs` compute (torch), `engine` and `stream` are the interface for Trio programs.  `worker` is
the loop of the engine's thread.
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
