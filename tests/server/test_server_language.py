"""The language of a request, at every endpoint, and reports about unspoken text."""

from __future__ import annotations

import orjson
import pytest
from running import hear, running, say
from wyoming.audio import AudioStop
from wyoming.event import Event
from wyoming_door import events_until, wyoming

ONE = "zeli-voice-1"
TEXT = "Das ist GUT"
"""This test's German is read as written, and its English in small letters."""


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (f"/v1/text-to-speech/{ONE}", {"text": TEXT}),
        (f"/v1/text-to-speech/{ONE}/stream/with-timestamps", {"text": TEXT}),
        ("/v1/text-to-dialogue", {"inputs": [{"text": TEXT, "voice_id": ONE}]}),
    ],
)
async def test_http_reads_in_the_requested_language(path: str, body: dict) -> None:
    async with running() as server, server.http() as http:
        assert (await http.post(path, json={**body, "language_code": "de"})).status_code == 200
        assert server.engine.words == ["Das", "ist", "GUT"]
        assert (await http.post(path, json={**body, "language_code": "en-GB"})).status_code == 200
        assert server.engine.words[3:] == ["das", "ist", "gut"]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("fr", "expected one of en, de, ja, found 'fr'"),
        ("ja", "ja is read by the extra japanese: pip install"),
    ],
)
async def test_a_language_that_the_voice_cannot_read_is_refused_in_one_line(code: str, said: str) -> None:
    async with running() as server, server.http() as http:
        answer = await http.post(f"/v1/text-to-speech/{ONE}", json={"text": TEXT, "language_code": code})
        assert answer.status_code == 400
        detail = answer.json()["detail"]
        assert detail["code"] == "unsupported_language"
        assert f"voice {ONE}: " in detail["message"] and said in detail["message"]
        async with server.socket(language_code=code) as socket:
            await say(socket, text="Hello ")
            (frame,) = await hear(socket)
        assert frame["error"] == "unsupported_language" and said in frame["message"]
        assert socket.closed.code == 1008
        assert server.engine.words == []


@pytest.mark.parametrize("path", ["stream-input", "multi-stream-input"])
async def test_a_socket_reads_in_the_language_of_its_query(path: str) -> None:
    async with running() as server, server.socket(path, language_code="de") as socket:
        await say(socket, text=" ")
        await say(socket, text=TEXT, flush=True)
        await say(socket, **({"close_socket": True} if path.startswith("multi") else {"text": ""}))
        await hear(socket)
        assert server.engine.words == ["Das", "ist", "GUT"]


async def test_home_assistant_may_name_a_language_that_the_voice_does_not_speak() -> None:
    async with wyoming() as door:
        for language, words in (("de", ["Das", "ist", "GUT"]), ("xx", ["das", "ist", "gut"])):
            before = len(door.server.engine.words)

            async def talk(client, language=language):
                # Its own class omits the language if a name is given; other clients send both.
                voice = {"name": ONE, "language": language}
                await client.write_event(Event("synthesize", {"text": TEXT, "voice": voice}))
                return await events_until(client, AudioStop)

            await door.with_client(talk)
            assert door.server.engine.words[before:] == words


async def test_a_client_may_request_reports_of_skipped_text_and_the_language() -> None:
    async with running() as server, server.socket("multi-stream-input") as socket:
        text = "Das ist nicht mein Haus, und ich habe es mit der Familie auf dem Land 漢字 nicht. "
        await say(socket, text=text, context_id="a", flush=True)
        await say(socket, context_id="a", close_context=True, report=True)
        await say(socket, text="Plain words. ", context_id="b", flush=True)
        await say(socket, context_id="b", close_context=True, report=True)
        finals = {}
        while len(finals) < 2:
            frame = orjson.loads(await socket.get_message())
            finals |= {frame["contextId"]: frame} if frame.get("isFinal") else {}
    assert (finals["a"]["text_skipped"], finals["a"]["text_language"]) == ("漢字", "de")
    assert "text_spoken" in finals["b"] and not {"text_skipped", "text_language"} & finals["b"].keys()


async def test_a_text_can_be_read_without_speaking_it_as_a_voice_reads_it() -> None:
    async with running() as server, server.http() as http:
        path = f"/v1/text/normalise?voice_id={ONE}"
        told = (await http.post(path, json={"text": "Groß ist GUT", "language_code": "de"})).json()
        assert [word["spoken"] for word in told["words"]] == ["ist", "GUT"]
        assert told["skipped"] == [{"text": "Groß", "start": 0}]
        assert (await http.post("/v1/text/normalise?voice_id=none", json={"text": "a"})).status_code == 404
