"""Pipecat's ElevenLabs services, unmodified: turns, barge-ins, and a turn after them.

    python pipecat_turns.py http://127.0.0.1:8020 KEY dialogue

Writes one JSON object.  It runs in its own environment, without this package.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from loguru import logger
from pipecat.frames.frames import (
    EndFrame,
    ErrorFrame,
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.services.elevenlabs.dialogue.tts import ElevenLabsDialogueTTSService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams
from pipecat.workers.runner import WorkerRunner
from turn_plan import BARGE_INS, CUTS_S, LONG, ROUNDS, SHORT, USUAL

SERVICES = {"dialogue": ElevenLabsDialogueTTSService, "multi": ElevenLabsTTSService}
PLAYED_S = 4.5
RATE_HZ = 24_000


class Speaker(BaseOutputTransport):
    """Accepts audio at the speed of playback."""

    def __init__(self) -> None:
        super().__init__(TransportParams(audio_out_enabled=True, audio_out_sample_rate=RATE_HZ))
        self._dry_at = 0.0

    async def start(self, frame: Any) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: Any) -> bool:
        now = time.perf_counter()
        self._dry_at = max(self._dry_at, now) + len(frame.audio) / 2 / frame.sample_rate
        await asyncio.sleep(max(0.0, self._dry_at - now - 0.04))
        return True


class Ear(FrameProcessor):
    """Records the service's output."""

    def __init__(self) -> None:
        super().__init__()
        self.errors: list[str] = []
        self.begin()

    def begin(self) -> None:
        self.began = time.perf_counter()
        self.heard: dict[str, Any] = {"first_ms": None, "seconds": 0.0, "words": []}
        self._context: str | None = None
        self._old = getattr(self, "_seen", set())
        self._seen: set[str] = set(self._old)

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, ErrorFrame):
            self.errors.append(frame.error)
        if isinstance(frame, TTSAudioRawFrame) and frame.context_id not in self._old:
            self._seen.add(frame.context_id)
            if self.heard["first_ms"] is None:
                self.heard["first_ms"] = 1000 * (time.perf_counter() - self.began)
            self.heard["seconds"] += len(frame.audio) / 2 / frame.sample_rate
        if isinstance(frame, TTSTextFrame) and frame.context_id not in self._old:
            self.heard["words"].append((frame.text, frame.pts and frame.pts / 1e9))
        await self.push_frame(frame, direction)


async def main(url: str, key: str, kind: str) -> None:
    logger.remove()
    service = SERVICES[kind]
    tts = service(
        api_key=key, url=url.replace("http", "ws", 1), settings=service.Settings(voice="zeli-voice-1")
    )
    ear, errors = Ear(), Ear()
    worker = PipelineWorker(
        Pipeline([errors, tts, ear, Speaker()]), params=PipelineParams(audio_out_sample_rate=RATE_HZ)
    )

    async def turn(text: str, cut_s: float | None = None) -> dict[str, Any]:
        ear.begin()
        await worker.queue_frames(
            [LLMFullResponseStartFrame(), LLMTextFrame(text), LLMFullResponseEndFrame()]
        )
        await asyncio.sleep(PLAYED_S if cut_s is None else cut_s)
        if cut_s is not None:
            await worker.queue_frame(InterruptionFrame())
        return ear.heard

    async def talk() -> dict[str, Any]:
        await asyncio.sleep(1.5)
        await turn(SHORT)
        usual, after = [], []
        for number in range(ROUNDS):
            usual += [await turn(SHORT) for _ in range(USUAL)]
            for _ in range(BARGE_INS):
                await turn(LONG, CUTS_S[number % len(CUTS_S)])
            after.append(await turn(SHORT))
        await worker.queue_frame(EndFrame())
        return {"usual": usual, "after": after, "errors": [*errors.errors, *ear.errors]}

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    talking = asyncio.create_task(talk())
    await asyncio.wait_for(runner.run(), 150)
    print(json.dumps(await talking))


asyncio.run(main(*sys.argv[1:]))
