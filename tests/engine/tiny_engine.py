"""The real engine with a tiny voice, also in the mode for a GPU."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
import trio
from numpy.typing import NDArray

from zelitrio.engine import (
    Engine,
    EngineStream,
)
from zelitrio.engine.device import Device
from zelitrio.settings import EngineSettings, VoiceSettings
from zelitrio.text import read_text

STEADY = VoiceSettings(stability=1.0)
TEXT = "The quick brown fox, they say, jumps over the lazy dog."
EXACT = 1e-4


CPU = Device(device=torch.device("cpu"))
AS_A_GPU = Device(device=torch.device("cpu"), is_wide=True)
"""Wide batches, prepared shapes, and a step launched before the last one is collected."""
SMALL = EngineSettings(max_batch=8, max_streams=64)


def feed(stream: EngineStream, *texts: str, settings: VoiceSettings | None = None) -> None:
    """Feed texts, each of whole sentences."""
    for text in texts:
        for utterance in read_text(text):
            stream.feed(utterance, settings=settings)


async def listen(stream: EngineStream) -> NDArray[np.float32]:
    blocks = [block.pcm async for block in stream]
    return np.concatenate(blocks) if blocks else np.zeros(0, np.float32)


async def say(engine: Engine, *texts: str, seed: int = 1, voice: str = "tiny-0") -> NDArray[np.float32]:
    async with engine.open_stream(voice, STEADY, seed=seed) as stream:
        feed(stream, *texts)
        stream.finish()
        return await listen(stream)


async def until(condition: Callable[[], bool]) -> None:
    with trio.fail_after(5):
        while not condition():  # noqa: ASYNC110  the engine has no event for it
            await trio.sleep(0.001)
