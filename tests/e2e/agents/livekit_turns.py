"""LiveKit's ElevenLabs plugin, unmodified: turns, barge-ins, a turn after them, and a text over HTTP.

    python livekit_turns.py http://127.0.0.1:8020 KEY eleven_v4_turbo

Writes one JSON object.  It runs in its own environment, without this package.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import aiohttp
from livekit.plugins import elevenlabs
from turn_plan import BARGE_INS, CUTS_S, LONG, ROUNDS, SHORT, USUAL


class Agent:
    """Speaks, and records the audio."""

    def __init__(self, tts: elevenlabs.TTS) -> None:
        self._tts = tts
        self.errors: list[str] = []
        tts.on("error", lambda event: self.errors.append(repr(event.error)))

    async def turn(self, text: str, cut_s: float | None = None) -> dict[str, Any]:
        """One turn; its listener interrupts after `cut_s`."""
        heard: dict[str, Any] = {"first_ms": None, "seconds": 0.0, "words": []}
        began = time.perf_counter()
        stream = self._tts.stream()
        stream.push_text(text)
        stream.end_input()

        async def listen() -> None:
            async for event in stream:
                if heard["first_ms"] is None:
                    heard["first_ms"] = 1000 * (time.perf_counter() - began)
                heard["seconds"] += event.frame.samples_per_channel / event.frame.sample_rate
                for word in event.frame.userdata.get("lk.timed_transcripts", []):
                    heard["words"].append((str(word), word.start_time))

        listening = asyncio.create_task(listen())
        done, _ = await asyncio.wait([listening], timeout=20 if cut_s is None else cut_s)
        if not done:
            listening.cancel()
            if cut_s is None:
                self.errors.append(f"{text!r} did not end")
        await asyncio.gather(listening, return_exceptions=True)
        await stream.aclose()
        return heard

    async def whole(self, text: str) -> dict[str, Any]:
        """A text over HTTP."""
        began, first_ms, seconds = time.perf_counter(), None, 0.0
        async for event in self._tts.synthesize(text):
            first_ms = first_ms or 1000 * (time.perf_counter() - began)
            seconds += event.frame.samples_per_channel / event.frame.sample_rate
        return {"first_ms": first_ms, "seconds": seconds}


async def main(url: str, key: str, model: str) -> None:
    async with aiohttp.ClientSession() as http:
        tts = elevenlabs.TTS(
            model=model, voice_id="zeli-voice-1", base_url=f"{url}/v1", api_key=key, http_session=http
        )
        agent = Agent(tts)
        await agent.turn(SHORT)  # connects
        usual, after = [], []
        for number in range(ROUNDS):
            for _ in range(USUAL):
                usual.append(await agent.turn(SHORT))
                await asyncio.sleep(0.3)
            for _ in range(BARGE_INS):
                await agent.turn(LONG, CUTS_S[number % len(CUTS_S)])
            after.append(await agent.turn(SHORT))
            await asyncio.sleep(1)
        whole = await agent.whole(SHORT)
        await tts.aclose()
    print(json.dumps({"usual": usual, "after": after, "whole": whole, "errors": agent.errors}))


asyncio.run(main(*sys.argv[1:]))
