"""The OpenAPI document agrees with the routes and with real answers."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import orjson
import pytest
import trio
from running import KEY, VOICE, running
from scripted_engine import ScriptedEngine

from zelitrio.server.app import Operations
from zelitrio.server.dialogue import Dialogue
from zelitrio.server.dictionaries import DictionaryEndpoints
from zelitrio.server.history import HistoryEndpoints
from zelitrio.server.metadata import Metadata
from zelitrio.server.models import ModelLists
from zelitrio.server.normalising import Normalising
from zelitrio.server.openai_speech import OpenAISpeech
from zelitrio.server.openapi import openapi_document
from zelitrio.server.openapi_schemas import schema_like
from zelitrio.server.synthesis import Synthesis
from zelitrio.server.telephony import Telephony
from zelitrio.server.voices import Voices
from zelitrio.settings import MAX_SEED

TEXT = "A short text. "
ROOMS = (
    Synthesis,
    Dialogue,
    OpenAISpeech,
    Voices,
    ModelLists,
    Metadata,
    DictionaryEndpoints,
    HistoryEndpoints,
    Normalising,
    Telephony,
    Operations,
)
ROUTES = [route for room in ROOMS for route in room(None).routes()]
DOCUMENT = openapi_document(ROUTES, ScriptedEngine().catalogue)


def test_every_operation_has_a_name_a_summary_and_an_answer():
    operations = [operation for methods in DOCUMENT["paths"].values() for operation in methods.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) > 15
    for operation in operations:
        assert operation["summary"] and operation["responses"]["200"]["content"]


def test_every_reference_can_be_resolved():
    text = orjson.dumps(DOCUMENT).decode()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names == set(DOCUMENT["components"]["schemas"])


def test_a_shape_says_the_type_of_every_value_of_its_example():
    example = {"a": [{"b": 1}], "c": 0.5, "d": "", "e": True, "f": None, "g": []}
    assert schema_like(example) == {
        "type": "object",
        "properties": {
            "a": {
                "type": "array",
                "items": {"type": "object", "properties": {"b": {"type": "integer"}}, "required": ["b"]},
            },
            "c": {"type": "number"},
            "d": {"type": "string"},
            "e": {"type": "boolean"},
            "f": {"type": ["string", "number", "null"]},
            "g": {"type": "array", "items": {}},
        },
        "required": ["a", "c", "d", "e", "f", "g"],
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"text": " \n\u2003"}, 422),
        ({"text": "a", "enable_ssml_parsing": None, "apply_text_normalization": None, "seed": None}, 200),
        ({"text": "a", "voice_settings": {"speed": None, "use_speaker_boost": None}}, 200),
        ({"text": "a", "voice_settings": {"speed": "fast"}}, 422),
        ({"text": "a", "seed": MAX_SEED}, 200),
        ({"text": "a", "seed": MAX_SEED + 1}, 422),
        ({"text": "a", "seed": -1}, 422),
        ({"text": "a", "pronunciation_dictionary_locators": [{"version_id": None}]}, 422),
        ({"text": "a", "pronunciation_dictionary_locators": None}, 200),
        ({"text": "a", "apply_text_normalization": "maybe"}, 422),
    ],
)
async def test_the_described_body_takes_what_the_server_takes_and_no_more(body, status):
    try:
        check(DOCUMENT["components"]["schemas"]["SpeechRequest"], body)
        is_described = True
    except AssertionError:
        is_described = False
    async with running() as server, server.http() as http:
        answer = await http.post(f"/v1/text-to-speech/{VOICE}", json=body)
    assert answer.status_code == status
    assert is_described == (status == 200)


async def test_streamed_times_are_declared_as_lines_of_json():
    async with running() as server, server.http() as http:
        url = f"/v1/text-to-speech/{VOICE}/stream/with-timestamps"
        answer = await http.post(url, json={"text": TEXT * 3})
    assert answer.headers["content-type"] == "application/x-ndjson"
    lines = answer.content.splitlines()
    for line in lines:
        check(DOCUMENT["components"]["schemas"]["TimedAudio"], orjson.loads(line))


def check(schema, value, where="answer"):
    """Check a value by the parts of JSON schema that the document uses."""
    if "$ref" in schema:
        schema = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            try:
                return check(choice, value, where)
            except AssertionError:
                continue
        raise AssertionError(f"{where}: {value!r} fits none of {schema}")
    if "enum" in schema:
        assert value in schema["enum"], f"{where}: {value!r}"
        return None
    kinds = schema.get("type", [])
    types = {
        "string": str,
        "integer": int,
        "number": (int, float),
        "boolean": bool,
        "array": list,
        "object": dict,
        "null": type(None),
    }
    allowed = [kinds] if isinstance(kinds, str) else kinds
    assert not allowed or any(isinstance(value, types[kind]) for kind in allowed), f"{where}: {value!r}"
    if isinstance(value, str):
        assert re.search(schema.get("pattern", ""), value), where
    if isinstance(value, int | float) and not isinstance(value, bool):
        assert schema.get("minimum", value) <= value <= schema.get("maximum", value), where
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema.get("required", ())) <= set(value), where
        for name, inner in schema["properties"].items():
            if name in value:
                check(inner, value[name], f"{where}.{name}")
    if isinstance(value, list) and "items" in schema:
        for one in value:
            check(schema["items"], one, f"{where}[]")
    return None


async def test_every_operation_answers_with_a_status_a_type_and_a_shape_it_describes():
    bodies = [
        {"text": TEXT},
        {"text": ""},
        {"input": TEXT, "voice": VOICE},
        {"input": TEXT, "voice": VOICE, "stream_format": "sse"},
        {"input": TEXT, "voice": "nobody"},
        {"inputs": [{"text": TEXT, "voice_id": VOICE}]},
        {},
    ]
    seen: set[tuple[str, int]] = set()
    async with running(keys=[KEY]) as server, server.http() as http:
        for path, methods in DOCUMENT["paths"].items():
            for method, operation in methods.items():
                for key in (KEY, "wrong"):
                    for voice in (VOICE, "nobody"):
                        for body in bodies if "requestBody" in operation else [None]:
                            url = path.replace("{voice_id}", voice).replace("{kind}", "tts_websocket")
                            with trio.fail_after(5):
                                answer = await http.request(
                                    method, url, json=body, headers={"xi-api-key": key}
                                )
                            described = operation["responses"].get(str(answer.status_code))
                            assert described, f"{method} {url}: {answer.status_code} is not described"
                            seen.add((operation["operationId"], answer.status_code))
                            kind = answer.headers["content-type"].partition(";")[0]
                            assert kind in described["content"], f"{url}: {kind}"
                            for name, header in described.get("headers", {}).items():
                                assert name in answer.headers or header.get("required") is False, name
                            if kind == "application/json":
                                value = orjson.loads(answer.content.splitlines()[0])
                                check(described["content"][kind]["schema"], value, url)
    assert ("stream", 200) in seen and ("stream", 422) in seen and ("create_speech", 200) in seen


def test_the_language_code_is_described():
    schemas = DOCUMENT["components"]["schemas"]
    told = {
        name: body["properties"].get("language_code")
        for name, body in schemas.items()
        if "properties" in body
    }
    told = {name: field["description"] for name, field in told.items() if field}
    assert {"SpeechRequest", "DialogueRequest"} <= told.keys()
    assert all("does not speak it refuses" in description for description in told.values())


async def test_the_page_is_complete_and_loads_nothing_from_other_servers():
    async with running() as server, server.http() as http:
        page = (await http.get("/docs")).text
        described = (await http.get("/openapi.json")).json()
        assert described == DOCUMENT | {"servers": [{"url": server.url}]}

    class Reader(HTMLParser):
        open_tags: list[str]
        anchors: set[str]
        links: set[str]

        def __init__(self):
            super().__init__()
            self.open_tags, self.anchors, self.links = [], set(), set()

        def handle_starttag(self, tag, attrs):
            assert tag not in ("script", "link", "img", "iframe")
            values = dict(attrs)
            assert "src" not in values
            if "id" in values:
                self.anchors.add(values["id"])
            if tag == "a":
                self.links.add(values["href"])
            if tag not in ("meta", "br"):
                self.open_tags.append(tag)

        def handle_endtag(self, tag):
            assert self.open_tags.pop() == tag

    reader = Reader()
    reader.feed(page)
    assert not reader.open_tags
    assert {link for link in reader.links if link.startswith("#")} <= {f"#{name}" for name in reader.anchors}
    assert all(link.startswith("#") or link == "/openapi.json" for link in reader.links)
    for path in DOCUMENT["paths"]:
        assert path.replace("{", "{") in page
