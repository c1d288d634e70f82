"""Voices by search, filters and pages, through ElevenLabs' package."""

from __future__ import annotations

import httpx
import pytest
from elevenlabs.client import AsyncElevenLabs
from running import KEY, running
from scripted_engine import ScriptedCatalogue, ScriptedEngine, ScriptedVoice


def voice(number: int) -> ScriptedVoice:
    labels = {
        "gender": "female" if number % 2 else "male",
        "language": "en-gb" if number % 3 else "de",
        "accent": "british" if number % 3 else "german",
        "use_case": "narration" if number == 5 else "chat",
    }
    category = "public" if number == 7 else "premade"
    return ScriptedVoice(f"voice-{number:02}", f"Name {40 - number}", f"Number {number}.", category, labels)


VOICES = {one.voice_id: one for one in map(voice, range(25))}


def engine() -> ScriptedEngine:
    return ScriptedEngine(catalogue=ScriptedCatalogue(VOICES))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"search": "number 12"}, [12]),
        ({"search": "VOICE-03"}, [3]),
        ({"search": "female german"}, [3, 9, 15, 21]),
        ({"search": "nobody"}, []),
        ({"category": "public"}, [7]),
        ({"gender": "female", "language": "de"}, [3, 9, 15, 21]),
        ({"language": ["de", "en"], "voice_ids": ["voice-01", "voice-03", "gone"]}, [1, 3]),
        ({"language": "en-US", "search": "narration"}, [5]),
        ({"use_cases": ["narration"]}, [5]),
        ({"accent": "german", "gender": "male"}, [0, 6, 12, 18, 24]),
        ({"voice_type": "community"}, []),
        ({"voice_type": "default", "search": "voice-02"}, [2]),
        ({"sort": "name", "voice_ids": ["voice-01", "voice-02", "voice-03"]}, [3, 2, 1]),
        (
            {"sort": "name", "sort_direction": "desc", "voice_ids": ["voice-01", "voice-02", "voice-03"]},
            [1, 2, 3],
        ),
    ],
)
async def test_a_search_finds_what_it_names(query, expected):
    async with running(engine(), keys=[KEY]) as server, httpx.AsyncClient(trust_env=False) as http:
        client = AsyncElevenLabs(base_url=server.url, api_key=KEY, httpx_client=http)
        found = await client.voices.search(**query, page_size=100)
        assert [one.voice_id for one in found.voices] == [f"voice-{number:02}" for number in expected]
        assert found.total_count == len(expected) and not found.has_more
        async with server.http(headers={"xi-api-key": KEY}) as http:
            plain = (await http.get("/v1/voices", params=query)).json()["voices"]
        assert [one["voice_id"] for one in plain] == [one.voice_id for one in found.voices]


@pytest.mark.parametrize("size", [None, 1, 10, 24, 25, 100])
async def test_pages_together_are_all_voices_each_once(size):
    async with running(engine(), keys=[KEY]) as server, httpx.AsyncClient(trust_env=False) as http:
        client = AsyncElevenLabs(base_url=server.url, api_key=KEY, httpx_client=http)
        seen: list[str] = []
        token = None
        while True:
            page = await client.voices.search(page_size=size, next_page_token=token)
            assert 1 <= len(page.voices) <= (size or 10) and page.total_count == 25
            seen += [one.voice_id for one in page.voices]
            token = page.next_page_token
            assert page.has_more == (token is not None)
            if not page.has_more:
                break
        assert seen == list(VOICES)
        assert len((await client.voices.get_all()).voices) == 25


@pytest.mark.parametrize(
    "query",
    [
        {"page_size": "0"},
        {"page_size": "101"},
        {"page_size": "many"},
        {"next_page_token": "ä"},
        {"next_page_token": "x"},
        {"sort": "age"},
        {"sort_direction": "up"},
        {"voice_type": "mine"},
        {"voice_ids": ["x"] * 101},
    ],
)
async def test_a_wrong_parameter_is_named(query):
    async with running() as server, server.http() as http:
        answer = await http.get("/v2/voices", params=query)
        assert answer.status_code == 400
        assert answer.json()["detail"]["param"] == next(iter(query))
