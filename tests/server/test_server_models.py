"""Lists of models and voices, read by both official clients at one path."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import elevenlabs
import httpx
import openai
import pytest
from elevenlabs.client import AsyncElevenLabs
from running import KEY, VOICE, running
from scripted_engine import ScriptedCatalogue, ScriptedEngine, ScriptedVoice

from zelitrio.server.models import OPENAI_MODELS

VOICES = (
    ScriptedVoice("zeli-voice-1", labels={"language": "en"}),
    ScriptedVoice("zeli-voice-2", labels={"language": "en"}),
    ScriptedVoice("af_heart", "Heart", labels={"language": "en-us", "family": "kokoro"}),
    ScriptedVoice("ff_siwis", "Siwis", labels={"language": "fr-fr", "family": "kokoro"}),
    ScriptedVoice("thorsten", "Thorsten", labels={"language": "de_DE", "family": "piper"}),
)
OPEN = ("/v1/models", "/v1/models/tts-1", "/v1/audio/models", "/v1/audio/voices")


def engine() -> ScriptedEngine:
    return ScriptedEngine(catalogue=ScriptedCatalogue({voice.voice_id: voice for voice in VOICES}))


def openai_of(server, key: str = KEY) -> openai.AsyncOpenAI:
    http = httpx.AsyncClient(trust_env=False)
    return openai.AsyncOpenAI(api_key=key, base_url=f"{server.url}/v1", http_client=http, max_retries=0)


@asynccontextmanager
async def elevenlabs_of(server, key: str = KEY) -> AsyncIterator[AsyncElevenLabs]:
    async with httpx.AsyncClient(trust_env=False) as http:
        yield AsyncElevenLabs(base_url=server.url, api_key=key, httpx_client=http)


async def test_both_official_packages_read_the_models_of_one_path():
    async with running(engine(), keys=[KEY]) as server, openai_of(server) as client:
        ids = [model.id async for model in client.models.list()]
        assert ids == ["zeli-1", "kokoro", "piper", *OPENAI_MODELS]
        for one in ids:
            assert (await client.models.retrieve(one)).id == one
        async with elevenlabs_of(server) as client:
            models = await client.models.list()
        assert [model.model_id for model in models] == ["zeli-1", "kokoro", "piper"]
        languages = {model.model_id: [one.language_id for one in model.languages] for model in models}
        assert languages == {"zeli-1": ["en"], "kokoro": ["en", "fr"], "piper": ["de"]}


async def test_errors_have_the_shape_that_each_package_raises():
    async with running(keys=[KEY]) as server:
        async with openai_of(server, "wrong") as client:
            with pytest.raises(openai.AuthenticationError):
                await client.models.list()
        async with openai_of(server) as client:
            with pytest.raises(openai.NotFoundError) as caught:
                await client.models.retrieve("gpt-5")
            assert (caught.value.code, caught.value.param) == ("model_not_found", "model")
        async with elevenlabs_of(server, "wrong") as client:
            with pytest.raises(elevenlabs.core.ApiError) as told:
                await client.models.list()
        assert told.value.status_code == 401 and told.value.body["detail"]["status"] == "invalid_api_key"


async def test_the_response_shape_can_be_requested_and_varies_in_caches():
    async with running() as server, server.http() as http:
        for headers in ({}, {"xi-api-key": "any"}, {"x-fern-sdk-name": "elevenlabs"}):
            plain = await http.get("/v1/models", headers=headers)
            assert isinstance(plain.json(), list if headers else dict)
            assert "xi-api-key" in plain.headers["vary"]
            asked = await http.get("/v1/models?format=openai", headers=headers)
            assert asked.json()["object"] == "list"
            listed = await http.get("/v1/models?format=elevenlabs", headers=headers)
            assert listed.json()[0]["model_id"] == "zeli-1"
        assert (await http.get("/v1/models?format=other")).status_code == 400


async def test_voices_for_openai_clients_have_an_id_and_a_name():
    async with running(engine()) as server, server.http() as http:
        voices = (await http.get("/v1/audio/voices")).json()["voices"]
        assert [(voice["id"], voice["name"]) for voice in voices] == [
            (voice.voice_id, voice.name) for voice in VOICES
        ]
        legacy = (await http.get("/v1/audio/voices?legacy=true")).json()["voices"]
        assert legacy == [voice.voice_id for voice in VOICES]


@pytest.mark.parametrize("path", OPEN)
async def test_lists_need_a_key_unless_the_setting_opens_them(path):
    async with running(keys=[KEY]) as server, server.http() as http:
        refused = await http.get(path)
        assert refused.status_code == 401 and refused.json()["error"]["message"]
        assert (await http.get(path, headers={"authorization": f"Bearer {KEY}"})).status_code == 200
    async with running(keys=[KEY], open_lists=True) as server, server.http() as http:
        assert (await http.get(path)).status_code == 200
        assert (await http.get(path, headers={"authorization": "Bearer"})).status_code == 200
        assert (await http.get(path, headers={"authorization": "Bearer wrong"})).status_code == 401


async def test_open_lists_do_not_open_other_endpoints():
    async with running(keys=[KEY], open_lists=True) as server, server.http() as http:
        for path in (
            "/v1/voices",
            "/v2/voices",
            "/v1/user",
            f"/v1/voices/{VOICE}",
            "/v1/usage/character-stats",
        ):
            assert (await http.get(path)).status_code == 401
        assert (await http.get("/v1/models", headers={"x-fern-sdk-name": "elevenlabs"})).status_code == 401
        assert (await http.post("/v1/audio/speech", json={"input": "Hi"})).status_code == 401
