"""Pronunciation dictionaries over HTTP and sockets; the official SDK reads the list."""

from __future__ import annotations

import json

import elevenlabs
import pytest
from running import KEY, VOICE, hear, running

from zelitrio.text import Dictionaries, load_dictionary, load_front_end

SPEECH = f"/v1/text-to-speech/{VOICE}"


@pytest.fixture
def dictionaries(tmp_path):
    (tmp_path / "brands.txt").write_text("zelitrio\tZ EH1 L\n")
    return Dictionaries(load_front_end(), [load_dictionary(tmp_path / "brands.txt")])


async def test_dictionaries_are_listed_for_the_official_client(dictionaries):
    async with running(keys=[KEY], dictionaries=dictionaries) as server, server.http() as http:
        assert (await http.get("/v1/pronunciation-dictionaries")).status_code == 401
        http.headers["xi-api-key"] = KEY
        listed = (await http.get("/v1/pronunciation-dictionaries")).json()
        elevenlabs.GetPronunciationDictionariesMetadataResponseModel.model_validate(listed)
        one = (await http.get("/v1/pronunciation-dictionaries/brands")).json()
        elevenlabs.GetPronunciationDictionaryWithRulesResponseModel.model_validate(one)
        assert one["rules"][0]["phoneme"] == "Z EH1 L"
        assert {name: value for name, value in one.items() if name != "rules"} == (
            listed["pronunciation_dictionaries"][0]
        )
        missing = await http.get("/v1/pronunciation-dictionaries/nobody")
        assert missing.status_code == 404
        assert missing.json()["detail"]["code"] == "pronunciation_dictionary_not_found"


async def test_a_server_without_dictionaries_returns_an_empty_list():
    async with running() as server, server.http() as http:
        listed = (await http.get("/v1/pronunciation-dictionaries")).json()
        assert listed["pronunciation_dictionaries"] == []


async def test_a_request_names_a_dictionary_by_id_and_version(dictionaries):
    async with running(dictionaries=dictionaries) as server, server.http() as http:
        version = dictionaries.find("brands").version_id
        for locator, status in (
            ({"pronunciation_dictionary_id": "brands"}, 200),
            ({"pronunciation_dictionary_id": "brands", "version_id": version}, 200),
            ({"pronunciation_dictionary_id": "brands", "version_id": "old"}, 404),
            ({"pronunciation_dictionary_id": "nobody", "version_id": None}, 404),
            ({"version_id": "x"}, 422),
        ):
            body = {"text": "Zelitrio.", "pronunciation_dictionary_locators": [locator]}
            answer = await http.post(SPEECH, json=body)
            assert answer.status_code == status, locator


@pytest.mark.parametrize("path", ["stream-input", "multi-stream-input"])
async def test_an_unknown_dictionary_is_an_error_on_a_socket(dictionaries, path):
    async with running(dictionaries=dictionaries) as server, server.socket(path) as socket:
        locators = [{"pronunciation_dictionary_id": "nobody", "version_id": "1"}]
        opening = {"text": " ", "pronunciation_dictionary_locators": locators}
        await socket.send_message(json.dumps(opening))
        if path == "multi-stream-input":
            await socket.send_message(json.dumps({"close_socket": True}))
        frames = await hear(socket)
        assert frames[0]["error"] == "pronunciation_dictionary_not_found"
        assert socket.closed.code == (1008 if path == "stream-input" else 1000)
