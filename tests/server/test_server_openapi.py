"""The OpenAPI document is true: its routes are the routes, and answers look as it says."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import orjson
import trio
from running import KEY, VOICE, running

from zelitrio.server.app import Operations
from zelitrio.server.dictionaries import DictionaryEndpoints
from zelitrio.server.metadata import Metadata
from zelitrio.server.openai_speech import OpenAISpeech
from zelitrio.server.openapi import openapi_document
from zelitrio.server.synthesis import Synthesis

TEXT = "A short text. "
REALTIME = ("stream-input", "multi-stream-input")


def served() -> set[tuple[str, str, str]]:
    rooms = (Synthesis, OpenAISpeech, Metadata, DictionaryEndpoints, Operations)
    routes = [route for room in rooms for route in room(None).routes()]
    return {
        (route.path, method, route.endpoint.__name__)
        for route in routes
        for method in route.methods - {"HEAD"}
        if not route.path.endswith(REALTIME)
    }


def test_every_route_is_described_and_every_description_served():
    document = openapi_document()
    described = {
        (path, method.upper(), operation["operationId"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert described == served()


def test_every_reference_leads_somewhere():
    text = orjson.dumps(openapi_document()).decode()
    names = set(re.findall(r'"#/components/schemas/(\w+)"', text))
    assert names == set(openapi_document()["components"]["schemas"])


def check(schema, value, where="answer"):
    """As much of JSON schema as the document uses."""
    if "$ref" in schema:
        schema = openapi_document()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        for choice in schema["anyOf"]:
            try:
                return check(choice, value, where)
            except AssertionError:
                continue
        raise AssertionError(f"{where}: {value!r} fits none of {schema}")
    if "enum" in schema:
        assert value in schema["enum"], where
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
    if isinstance(value, dict) and "properties" in schema:
        assert set(schema["required"]) <= set(value), where
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
        {},
    ]
    seen: set[tuple[str, int]] = set()
    async with running(keys=[KEY]) as server, server.http() as http:
        for path, methods in openapi_document()["paths"].items():
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
                            for name in described.get("headers", ()):
                                assert name in answer.headers, f"{url}: {name}"
                            if kind == "application/json":
                                value = orjson.loads(answer.content.splitlines()[0])
                                check(described["content"][kind]["schema"], value, url)
    assert ("stream", 200) in seen and ("stream", 422) in seen and ("create_speech", 200) in seen


async def test_the_page_is_whole_and_takes_nothing_from_elsewhere():
    async with running() as server, server.http() as http:
        page = (await http.get("/docs")).text
        assert (await http.get("/openapi.json")).json() == openapi_document()

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
    assert all(link.startswith("#") or link == "openapi.json" for link in reader.links)
    for path in openapi_document()["paths"]:
        assert path.replace("{", "{") in page
