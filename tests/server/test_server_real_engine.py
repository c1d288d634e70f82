"""The whole path with the real engine and a tiny voice: the protocol holds for real audio."""

from __future__ import annotations

import base64

import numpy as np
import orjson
import pytest
import trio
from running import hear, pcm_in, running, say, until
from tiny_hum import hum_voice
from tiny_voice import tiny_catalogue

from zelitrio.engine import open_engine
from zelitrio.settings import EngineSettings
from zelitrio.voices import Catalogue

VOICE = "tiny-0"
TEXT = "It costs twenty dollars, my friend. And then, after all that, it was over."


@pytest.fixture
async def engine():
    async with open_engine(tiny_catalogue(), EngineSettings(device="cpu", cpu_threads=1)) as opened:
        yield opened


async def test_socket_and_http_give_the_same_speech_for_the_same_seed(engine):
    async with running(engine) as server, server.http() as http:
        async with server.socket(voice=VOICE, seed="7") as socket:
            await say(socket, text=TEXT, flush=True)
            await say(socket, text="")
            by_socket = pcm_in(await hear(socket))
        body = {"text": TEXT, "seed": 7}
        answer = await http.post(f"/v1/text-to-speech/{VOICE}?output_format=pcm_24000", json=body)
        again = await http.post(f"/v1/text-to-speech/{VOICE}?output_format=pcm_24000", json=body)
    assert answer.content == again.content and len(answer.content) > 24_000
    assert len(by_socket) and np.abs(by_socket).max() > 0.01


async def test_voices_of_two_families_and_rates_come_in_the_rate_that_is_asked_for():
    catalogue = Catalogue([*tiny_catalogue(), hum_voice()])
    settings = EngineSettings(device="cpu", cpu_threads=1)
    lengths_s: dict[str, list[float]] = {"hum": [], VOICE: []}
    async with open_engine(catalogue, settings) as engine, running(engine) as server:

        async def listen(voice: str, rate_hz: int) -> None:
            async with server.socket(voice=voice, seed="7", output_format=f"pcm_{rate_hz}") as socket:
                await say(socket, text=TEXT, flush=True)
                await say(socket, text="")
                heard = pcm_in(await hear(socket))
            assert np.abs(heard).max() > 0.001
            lengths_s[voice].append(len(heard) / rate_hz)

        async with trio.open_nursery() as nursery:
            for voice in lengths_s:
                for rate_hz in (22_050, 24_000, 16_000):
                    nursery.start_soon(listen, voice, rate_hz)
    for lengths in lengths_s.values():
        assert len(lengths) == 3
        assert max(lengths) - min(lengths) < 0.02


async def test_times_over_http_stay_within_the_audio_and_follow_the_text(engine):
    async with running(engine) as server, server.http() as http:
        answer = await http.post(
            f"/v1/text-to-speech/{VOICE}/stream/with-timestamps?output_format=pcm_24000", json={"text": TEXT}
        )
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    told = [line["alignment"] for line in lines if line["alignment"]]
    starts = [start for one in told for start in one["character_start_times_seconds"]]
    ends = [end for one in told for end in one["character_end_times_seconds"]]
    audio_s = sum(len(base64.b64decode(line["audio_base64"])) for line in lines) / 2 / 24_000
    assert "".join(char for one in told for char in one["characters"]) == TEXT
    assert starts == sorted(starts) and ends[-1] <= audio_s + 0.001 and ends[-1] > 0.5 * audio_s


async def test_eight_contexts_speak_at_once_and_a_cancel_frees_its_lane_at_once(engine):
    async with running(engine, session=None) as server:
        async with (
            server.socket("multi-stream-input", voice=VOICE, auto_mode="true") as one,
            server.socket("multi-stream-input", voice=VOICE, auto_mode="true") as two,
            trio.open_nursery() as nursery,
        ):
            frames: list[dict] = []

            async def listen(socket) -> None:
                while True:
                    frames.append(orjson.loads(await socket.get_message()))

            for socket in (one, two):
                nursery.start_soon(listen, socket)
                for number in range(4):
                    await say(socket, text=TEXT * 40, context_id=f"c{number}")
            await until(lambda: engine.statistics().streams == 8 and len(frames) > 16, 10)
            await say(one, context_id="c0", close_context=True)
            await until(lambda: any(frame.get("isFinal") for frame in frames), 2)
            assert engine.statistics().streams == 7
            nursery.cancel_scope.cancel()
        await until(lambda: engine.statistics().streams == 0)
