"""Pronunciation dictionaries that the first message of a context names, on every socket."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from running import KEY, VOICE, hear, running, say

PATHS = {
    "single": f"/v1/text-to-speech/{VOICE}/stream-input",
    "multi": f"/v1/text-to-speech/{VOICE}/multi-stream-input",
    "dialogue": "/v1/text-to-dialogue/stream-input",
    "multi dialogue": "/v1/text-to-dialogue/multi-stream-input",
}
HEADERS = [("xi-api-key", KEY)]
RULE = {"type": "alias", "string_to_replace": "ZQL"}


async def keep_two_versions(server: Any) -> list[dict[str, str]]:
    """Store two versions of a dictionary and return their locators: ZQL is "zebra", then "queue"."""
    base = "/v1/pronunciation-dictionaries"
    async with server.http(headers={"xi-api-key": KEY}) as http:
        answer = await http.post(
            f"{base}/add-from-rules", json={"name": "Ours", "rules": [{**RULE, "alias": "zebra"}]}
        )
        first = answer.json()
        changed = {"rules": [{**RULE, "alias": "queue"}]}
        answer = await http.post(f"{base}/{first['id']}/add-rules", json=changed)
    versions = (first["version_id"], answer.json()["version_id"])
    return [{"pronunciation_dictionary_id": first["id"], "version_id": version} for version in versions]


def messages(kind: str, context: str, locators: list[dict[str, str]]) -> list[dict[str, Any]]:
    """One context that says "ZQL", as LiveKit opens and ends it."""
    named = {"context_id": context} if kind.startswith("multi") else {}
    chosen = {"pronunciation_dictionary_locators": locators} if locators else {}
    if kind.endswith("dialogue"):
        text = {"inputs": [{"text": "ZQL. ", "voice_id": VOICE}], "flush": True}
        end = {"close_context": True} if named else {"close_socket": True}
        return [{"voices": [VOICE], **chosen, **named}, text | named, end | named]
    end = {"close_context": True} if named else {"text": ""}
    return [{"text": " ", **chosen, **named}, {"text": "ZQL. ", "flush": True} | named, end | named]


async def until_final(socket: Any) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = []
    while not frames or not (frames[-1].get("isFinal") or frames[-1].get("is_final")):
        frames.append(orjson.loads(await socket.get_message()))
    return frames


@pytest.mark.parametrize("kind", PATHS)
async def test_each_context_uses_its_own_dictionaries(kind, tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server:
        old, new = await keep_two_versions(server)
        contexts = {"old": [old], "new": [new]}
        if kind.startswith("multi"):
            contexts |= {"none": [], "old again": [old], "both": [new, old]}
        heard = {}
        for context, locators in contexts.items():
            async with server.socket_at(PATHS[kind], HEADERS) as socket:
                server.engine.words.clear()
                for message in messages(kind, context, locators):
                    await say(socket, **message)
                assert not [frame for frame in await until_final(socket) if "error" in frame]
                heard[context] = list(server.engine.words)
    assert heard.pop("old") == ["zebra"] and heard.pop("new") == ["queue"]
    if heard:
        assert heard.pop("old again") == ["zebra"] and "zebra" not in heard.pop("none")
        # The first dictionary that contains a word counts, as at ElevenLabs.
        assert heard.pop("both") == ["queue"]


@pytest.mark.parametrize("kind", ["multi", "multi dialogue"])
async def test_contexts_of_one_socket_do_not_share_a_dictionary(kind, tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server:
        old, new = await keep_two_versions(server)
        heard = []
        async with server.socket_at(PATHS[kind], HEADERS) as socket:
            for number, locators in enumerate(([old], [], [new], [old])):
                server.engine.words.clear()
                for message in messages(kind, f"turn-{number}", locators):
                    await say(socket, **message)
                await until_final(socket)
                heard.append(list(server.engine.words))
    assert [heard[0], heard[2], heard[3]] == [["zebra"], ["queue"], ["zebra"]]
    assert not {"zebra", "queue"} & set(heard[1])


async def test_every_turn_of_a_dialogue_is_read_with_its_dictionary(tmp_path):
    async with running(keys=[KEY], state_dir=tmp_path) as server:
        old, _ = await keep_two_versions(server)
        async with server.socket_at(PATHS["dialogue"], HEADERS) as socket:
            lines = [{"text": "ZQL. ", "voice_id": one} for one in (VOICE, "zeli-voice-2", VOICE)]
            voices = [VOICE, "zeli-voice-2"]
            await say(socket, voices=voices, pronunciation_dictionary_locators=[old], inputs=lines)
            await say(socket, close_socket=True)
            await hear(socket)
        assert server.engine.words == ["zebra"] * 3


@pytest.mark.parametrize("kind", PATHS)
async def test_an_unknown_locator_is_named_and_costs_only_its_context(kind, tmp_path):
    wrong = [{"pronunciation_dictionary_id": "nobody", "version_id": "1"}]
    state = {"keys": [KEY], "state_dir": tmp_path}
    async with running(**state) as server, server.socket_at(PATHS[kind], HEADERS) as socket:
        await say(socket, **messages(kind, "wrong", wrong)[0])
        if kind.startswith("multi"):
            refused = await until_final(socket)
            for message in messages(kind, "right", []):
                await say(socket, **message)
            assert any(frame.get("audio") for frame in await until_final(socket))
        else:
            refused = await hear(socket)
            assert socket.closed.code == 1008
    error = refused[0]
    assert error["error"] == "pronunciation_dictionary_not_found" and "nobody" in error["message"]
    assert "wrong" in (error.get("context_id"), error.get("contextId")) or not kind.startswith("multi")
