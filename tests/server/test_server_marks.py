"""`timestamps` over HTTP: words, phones and visemes beside the characters."""

from __future__ import annotations

import orjson
import pytest
from running import running
from scripted_engine import ScriptedEngine

VOICE = "zeli-voice-1"
TEXT = "Hello there, my friend. Good day!"
PCM = {"output_format": "pcm_24000"}
SPEECH, DIALOGUE = f"/v1/text-to-speech/{VOICE}", "/v1/text-to-dialogue"
BODIES = {SPEECH: {"text": TEXT}, DIALOGUE: {"inputs": [{"text": TEXT, "voice_id": VOICE}]}}


async def told(path, last, **more):
    async with running(ScriptedEngine()) as server, server.http() as http:
        answer = await http.post(f"{path}/{last}", params=PCM, json={**BODIES[path], **more})
    assert answer.status_code == 200, answer.text
    return [orjson.loads(line) for line in answer.text.splitlines()]


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("last", ["with-timestamps", "stream/with-timestamps"])
async def test_words_phones_and_visemes_come_once_and_in_order(path, last):
    lines = await told(path, last, timestamps=["word", "phone", "viseme"])
    assert all("words" in line for line in lines if line["alignment"])
    words = [word for line in lines for word in line.get("words", {}).get("words", [])]
    assert words == ["hello", "there", "my", "friend", "good", "day"]
    for kind in ("words", "phones", "visemes"):
        starts, ends = (
            [at for line in lines for at in line.get(kind, {}).get(f"{edge}_times_seconds", [])]
            for edge in ("start", "end")
        )
        assert starts and starts == sorted(starts)
        assert all(start <= end for start, end in zip(starts, ends, strict=True))
    chars = [char for line in lines if line["alignment"] for char in line["alignment"]["characters"]]
    begins = [
        at for line in lines if line["alignment"] for at in line["alignment"]["character_start_times_seconds"]
    ]
    starts = [at for line in lines for at in line.get("words", {}).get("start_times_seconds", [])]
    for word, start in zip(("Hello", "there", "my", "friend", "Good", "day"), starts, strict=True):
        assert begins["".join(chars).index(word)] == start


@pytest.mark.parametrize("path", BODIES)
async def test_only_requested_kinds_of_times_are_sent(path):
    assert {"words", "phones", "visemes"}.isdisjoint(*await told(path, "with-timestamps"))
    line = (await told(path, "with-timestamps", timestamps=["viseme"]))[0]
    assert "visemes" in line and "words" not in line and "phones" not in line


async def test_kinds_that_do_not_exist_are_refused():
    async with running(ScriptedEngine()) as server, server.http() as http:
        answer = await http.post(
            f"{SPEECH}/with-timestamps", json={"text": "Hello.", "timestamps": ["syllable"]}
        )
    assert answer.status_code == 422 and "timestamps" in answer.text
