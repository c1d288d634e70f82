"""`POST /v1/text/normalise`: how a text is read, word by word."""

from __future__ import annotations

import pytest
from running import KEY, running

from zelitrio.text import Dictionaries, load_dictionary, load_front_end

PATH = "/v1/text/normalise"


async def test_each_word_has_its_characters_rule_phones_and_break():
    text = "Dr. Lee paid $5, right?"
    async with running() as server, server.http() as http:
        answer = (await http.post(PATH, json={"text": text})).json()
    assert answer["text"] == text
    assert answer["normalized_text"] == "doctor lee paid five dollars, right?"
    words = {word["spoken"]: word for word in answer["words"]}
    assert words["dollars"] == {
        "spoken": "dollars",
        "start": 13,
        "end": 15,
        "rule": "sign_first",
        "phones": ["D", "AA1", "L", "ER0", "Z"],
        "break": "comma",
        "pause_seconds": None,
    }
    assert words["lee"]["rule"] is None and words["right"]["break"] == "question"


@pytest.mark.parametrize(
    ("extra", "said", "pause_s"),
    [
        ({}, "at three quarters", None),
        ({"apply_text_normalization": "off"}, "at three slash four", None),
        ({"enable_ssml_parsing": True}, "at three quarters", 1.0),
    ],
)
async def test_normalise_uses_the_fields_of_a_speech_request(extra, said, pause_s):
    async with running() as server, server.http() as http:
        body = {"text": 'At 3/4 <break time="1s"/>', **extra}
        words = (await http.post(PATH, json=body)).json()["words"]
    assert " ".join(word["spoken"] for word in words) == said
    assert words[-1]["pause_seconds"] == pause_s


async def test_normalise_uses_the_servers_dictionaries(tmp_path):
    (tmp_path / "brands.txt").write_text("W3C -> web consortium\nzelitrio\tZ EH1 L\n")
    dictionaries = Dictionaries(load_front_end(), [load_dictionary(tmp_path / "brands.txt")])
    async with running(dictionaries=dictionaries) as server, server.http() as http:
        locators = [{"pronunciation_dictionary_id": "brands"}]
        body = {"text": "The W3C, zelitrio.", "pronunciation_dictionary_locators": locators}
        words = (await http.post(PATH, json=body)).json()["words"]
        rules = (await http.get("/v1/pronunciation-dictionaries/brands")).json()["rules"]
    assert [(word["spoken"], word["rule"]) for word in words[1:3]] == [
        ("web", "alias"),
        ("consortium", "alias"),
    ]
    assert words[3]["phones"] == ["Z", "EH1", "L"]
    assert [rule["type"] for rule in rules] == ["phoneme", "alias"]
    assert rules[1]["string_to_replace"] == "W3C" and rules[1]["alias"] == "web consortium"


async def test_normalise_needs_the_key_and_bounds_the_text():
    async with running(keys=[KEY]) as server, server.http() as http:
        assert (await http.post(PATH, json={"text": "Hi."})).status_code == 401
        http.headers["xi-api-key"] = KEY
        assert (await http.post(PATH, json={"text": "a" * 40_001})).status_code == 422
        assert (await http.post(PATH, json={"text": ""})).status_code == 422
        assert (await http.get(PATH)).status_code == 405
