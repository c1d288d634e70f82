"""OpenAI's endpoint, used by the official package."""

from __future__ import annotations

import base64

import httpx
import openai
import orjson
import pytest
from running import KEY, VOICE, running
from scripted_engine import ScriptedEngine, pcm_of

from zelitrio.server.synthesis import MAX_WHOLE_CHARS

TEXT = "Hello there, this is a sentence. "


def client_of(server, key: str = KEY) -> openai.AsyncOpenAI:
    http = httpx.AsyncClient(trust_env=False)
    return openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/v1", http_client=http, max_retries=0)


async def test_the_official_package_gets_speech_in_every_format():
    async with running(keys=[KEY]) as server, client_of(server) as client:
        for name, magic in {"mp3": b"\xff", "opus": b"OggS", "wav": b"RIFF", "pcm": b"", "aac": b""}.items():
            answer = await client.audio.speech.create(
                model="tts-1", voice="alloy", input=TEXT, response_format=name
            )
            data = await answer.aread()
            assert data.startswith(magic) and len(data) > 500, name


async def test_a_whole_answer_is_bounded():
    async with running() as server, server.http() as http:
        body = {"input": "word " * (MAX_WHOLE_CHARS // 5 + 1), "stream": False}
        answer = await http.post("/v1/audio/speech", json=body)
    assert answer.status_code == 400 and answer.json()["error"]["param"] == "input"


async def test_the_official_package_streams():
    async with running(keys=[KEY]) as server, client_of(server) as client:
        async with client.audio.speech.with_streaming_response.create(
            model="tts-1", voice=VOICE, input=TEXT, response_format="pcm"
        ) as answer:
            data = b"".join([piece async for piece in answer.iter_bytes()])
        assert len(data) == 2 * len(pcm_of(server.engine.fed()[0]))


async def test_speed_is_heard_and_clamped():
    async with running(keys=[KEY]) as server, client_of(server) as client:
        lengths = []
        for speed in (1.0, 0.25, 0.5, 0.7, 1.2, 2.0, 4.0, 9.0):
            answer = await client.audio.speech.create(
                model="tts-1", voice="nova", input=TEXT, response_format="pcm", speed=speed
            )
            lengths.append(len(await answer.aread()))
            assert answer.response.headers.get("x-clamped-settings") == ("speed=4" if speed == 9 else None)
    for speed, length in zip((0.25, 0.5, 0.7, 1.2, 2.0, 4.0, 4.0), lengths[1:], strict=True):
        assert length == pytest.approx(lengths[0] / speed, rel=0.01), speed


async def test_a_request_without_a_voice_is_spoken_by_the_first():
    async with running() as server, server.http() as http:
        bodies = []
        for voice in ({}, {"voice": None}, {"voice": ""}, {"voice": {"id": VOICE}}, {"voice": VOICE.upper()}):
            answer = await http.post(
                "/v1/audio/speech", json={"input": TEXT, "response_format": "pcm", **voice}
            )
            assert answer.status_code == 200, voice
            bodies.append(answer.content)
        assert len(set(bodies)) == 1


async def test_events_carry_the_same_audio_and_say_done():
    async with running(keys=[KEY]) as server, client_of(server) as client:
        body = {"model": "m", "voice": "alloy", "input": TEXT, "response_format": "pcm"}
        whole = await (await client.audio.speech.create(**body)).aread()
        async with client.audio.speech.with_streaming_response.create(**body, stream_format="sse") as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            lines = [line async for line in answer.iter_lines() if line]
    events = [orjson.loads(line.removeprefix("data: ")) for line in lines]
    deltas = [event for event in events if event["type"] == "speech.audio.delta"]
    assert b"".join(base64.b64decode(event["audio"]) for event in deltas) == whole
    assert events[-1]["type"] == "speech.audio.done" and events[-1]["usage"]["total_tokens"] > 0


async def test_errors_are_raised_as_the_packages_own():
    async with running(ScriptedEngine(max_streams=0), keys=[KEY]) as server:
        async with client_of(server, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.audio.speech.create(model="m", voice="alloy", input=TEXT)
        async with client_of(server) as client:
            with pytest.raises(openai.BadRequestError, match="voice"):
                await client.audio.speech.create(model="m", voice="nobody", input=TEXT)
            with pytest.raises(openai.BadRequestError) as caught:
                await client.audio.speech.create(model="m", voice="alloy", input="")
            assert caught.value.param == "input"
            with pytest.raises(openai.RateLimitError):
                await client.audio.speech.create(model="m", voice="alloy", input=TEXT)
