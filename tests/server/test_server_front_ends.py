"""Requests of OpenAI-compatible front ends, byte by byte as they send them.

The bodies and headers are those of Open WebUI 0.12, SillyTavern, LibreChat and AnythingLLM.
"""

from __future__ import annotations

from io import BytesIO

import av
import orjson
import pytest
from running import KEY, running

from zelitrio.server.openai_speech import OPENAI_VOICES

TEXT = "The weather is fine today, and it will stay so."
AIOHTTP = "accept: */*\r\naccept-encoding: gzip, deflate, br\r\nuser-agent: Python/3.11 aiohttp/3.13.2\r\n"
BEARER = f"authorization: Bearer {KEY}\r\n"
OPEN_WEBUI_USER = (
    "x-openwebui-user-name: J%C3%B6rg\r\nx-openwebui-user-id: 5f3c\r\n"
    "x-openwebui-user-email: j@example.com\r\nx-openwebui-user-role: admin\r\n"
)
"""Sent where its setting says so."""


async def ask(server, method: str, target: str, headers: str = AIOHTTP, body: object = None):
    """Send one request as written; returns status, headers and the decoded body."""
    data = b"" if body is None else orjson.dumps(body)
    length = f"content-type: application/json\r\ncontent-length: {len(data)}\r\n" if data else ""
    line = f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1:{server.port}\r\n"
    async with await server.connect() as stream:
        await stream.send_all(f"{line}{headers}{length}connection: close\r\n\r\n".encode() + data)
        answer = b"".join([piece async for piece in stream])
    top, _, rest = answer.partition(b"\r\n\r\n")
    status, *lines = top.decode().split("\r\n")
    named = dict(line.lower().split(": ", 1) for line in lines)
    if named.get("transfer-encoding") == "chunked":
        rest = unchunked(rest)
    return int(status.split()[1]), named, rest


def unchunked(data: bytes) -> bytes:
    parts = []
    while True:
        size, _, data = data.partition(b"\r\n")
        if not int(size, 16):
            return b"".join(parts)
        parts.append(data[: int(size, 16)])
        data = data[int(size, 16) + 2 :]


def seconds_of(data: bytes) -> float:
    with av.open(BytesIO(data)) as opened:
        return sum(frame.samples for frame in opened.decode(audio=0)) / opened.streams.audio[0].rate


async def test_open_webui_lists_models_and_voices_without_a_key():
    async with running(keys=[KEY], open_lists=True) as server:
        status, _, body = await ask(server, "GET", "/v1/audio/models")
        assert status == 200 and {"id", "name"} <= orjson.loads(body)["models"][0].keys()
        status, _, body = await ask(server, "GET", "/v1/models")
        assert status == 200 and [model["id"] for model in orjson.loads(body)["data"]]
        status, _, body = await ask(server, "GET", "/v1/audio/voices")
        voices = {voice["id"]: voice["name"] for voice in orjson.loads(body)["voices"]}
        assert status == 200 and "zeli-voice-1" in voices
        # It caches by content and converts what is not mp3 by its type.
        for voice in voices:
            # The last two are parameters that its administrator adds.
            body = {"input": TEXT, "voice": voice, "model": "tts-1", "speed": 1.0, "lang_code": "a"}
            headers = AIOHTTP + BEARER + OPEN_WEBUI_USER
            status, headers, audio = await ask(server, "POST", "/v1/audio/speech", headers, body)
            assert status == 200 and headers["content-type"] == "audio/mpeg" and seconds_of(audio) > 0.8


async def test_open_webui_by_its_elevenlabs_engine():
    key = f"xi-api-key: {KEY}\r\ncontent-type: application/json\r\n"
    async with running(keys=[KEY]) as server:
        status, _, body = await ask(server, "GET", "/v1/voices", AIOHTTP + key)
        voices = {voice["voice_id"]: voice["name"] for voice in orjson.loads(body)["voices"]}
        assert status == 200 and voices
        status, _, body = await ask(server, "GET", "/v1/models", AIOHTTP + key)
        assert status == 200
        assert [model["model_id"] for model in orjson.loads(body) if model["can_do_text_to_speech"]]
        body = {
            "text": TEXT,
            "model_id": "tts-1",
            "voice_settings": {"stability": 0.5, "similarity_boost": 0.5},
        }
        headers = f"accept: audio/mpeg\r\nxi-api-key: {KEY}\r\n"
        status, told, audio = await ask(
            server, "POST", f"/v1/text-to-speech/{next(iter(voices))}", headers, body
        )
        assert status == 200 and told["content-type"] == "audio/mpeg" and seconds_of(audio) > 0.8


@pytest.mark.parametrize("speed", [0.25, 1, 4])
async def test_sillytavern_sends_its_slider_and_an_empty_key(speed):
    body = {"input": TEXT, "response_format": "mp3", "voice": "alloy", "speed": speed, "model": "tts-1"}
    async with running() as server:
        status, headers, audio = await ask(
            server, "POST", "/v1/audio/speech", "authorization: Bearer \r\n", body
        )
    assert status == 200 and headers["content-type"] == "audio/mpeg"
    assert seconds_of(audio) == pytest.approx(0.88 / speed, rel=0.3)


@pytest.mark.parametrize("target", ["/v1/audio/speech", "//v1/audio/speech", "/v1/audio/speech/"])
async def test_librechat_sends_a_backend_and_no_format(target):
    body = {"input": TEXT, "model": "tts-1", "voice": "alloy", "backend": "openai"}
    headers = f"accept: application/json, text/plain, */*\r\nuser-agent: axios/1.12.1\r\n{BEARER}"
    async with running(keys=[KEY]) as server:
        status, told, audio = await ask(server, "POST", target, headers, body)
    assert status == 200 and told["content-type"] == "audio/mpeg" and seconds_of(audio) > 0.8


async def test_anythingllm_speaks_with_every_voice_of_openai():
    headers = f"accept: application/json\r\nuser-agent: OpenAI/JS 4.95.1\r\nx-stainless-lang: js\r\n{BEARER}"
    async with running(keys=[KEY]) as server:
        for voice in OPENAI_VOICES:
            body = {"model": "tts-1", "voice": voice, "input": TEXT}
            status, told, audio = await ask(server, "POST", "/v1/audio/speech", headers, body)
            assert status == 200 and told["content-type"] == "audio/mpeg" and len(audio) > 1000


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
async def test_every_format_is_named_by_its_type(name):
    types = {"mp3": "mpeg"}
    async with running(keys=[KEY]) as server:
        body = {"model": "tts-1", "voice": "alloy", "input": TEXT, "response_format": name}
        status, told, _ = await ask(server, "POST", "/v1/audio/speech", BEARER, body)
    assert status == 200 and told["content-type"] == f"audio/{types.get(name, name)}"
