"""The official JavaScript packages of ElevenLabs and OpenAI, unmodified, in Node."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import KEY, Server
from sound import assert_speech, decoded, samples

pytestmark = pytest.mark.javascript
FOLDER = Path(__file__).parent / "javascript"
TEXTS = ("Knock knock, my old friend. ", "Who is there, at this hour?")


@pytest.fixture(scope="module", autouse=True)
def packages() -> None:
    for what, is_there in (("node", shutil.which("node")), ("packages", (FOLDER / "node_modules").is_dir())):
        if not is_there:
            pytest.fail(f"{what}: not installed; `just test-javascript` installs the packages with npm")


def call(server: Server, name: str, key: str = KEY) -> dict[str, Any]:
    """Run one call; return its value or its error."""
    command = ["node", str(FOLDER / "calls.mjs"), name, server.url, key]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    answer: dict[str, Any] = json.loads(run.stdout)
    return answer


def value(server: Server, name: str) -> Any:
    answer = call(server, name)
    assert "value" in answer, answer
    return answer["value"]


def pcm(*parts: str) -> Any:
    return samples(b"".join(map(base64.b64decode, parts)))


@pytest.mark.parametrize("name", ["dialogue", "dialogue stream"])
def test_a_dialogue_is_spoken(server: Server, name: str) -> None:
    told = value(server, name)
    assert_speech(pcm(told["audio"]), 2.0, 8.0)
    assert told["parts"] > 1


def test_the_times_of_a_dialogue_pass_the_strict_reader(server: Server) -> None:
    told = value(server, "dialogue times")
    audio = pcm(told["audioBase64"])
    assert_speech(audio, 2.0, 8.0)
    assert "".join(told["alignment"]["characters"]) == "".join(TEXTS)
    segments = told["voiceSegments"]
    assert [one["voiceId"] for one in segments] == ["zeli-voice-1", "zeli-voice-2"]
    assert segments[-1]["endTimeSeconds"] == pytest.approx(len(audio) / 24_000, abs=0.05)


def test_the_lines_of_a_dialogue_spell_it_once(server: Server) -> None:
    lines = value(server, "dialogue stream times")
    assert_speech(pcm(*(line["audioBase64"] for line in lines)), 2.0, 8.0)
    timed = [line for line in lines if line.get("alignment")]
    assert "".join(char for line in timed for char in line["alignment"]["characters"]) == "".join(TEXTS)
    inputs = [one["dialogueInputIndex"] for line in lines for one in line["voiceSegments"]]
    assert set(inputs) == {0, 1} and all(before <= after for before, after in pairwise(inputs))


def test_speech_streams(server: Server) -> None:
    told = value(server, "speech")
    assert_speech(decoded(base64.b64decode(told["audio"])), 1.0, 5.0)
    assert told["parts"] > 1
    lines = value(server, "speech stream times")
    assert_speech(pcm(*(line["audioBase64"] for line in lines)), 1.0, 5.0)


def test_metadata_passes_the_strict_reader(server: Server) -> None:
    told = value(server, "look-ups")
    assert "zeli-1" in told["models"] and "zeli-voice-1" in told["voices"]
    assert told["found"] >= 2 and told["user"]


def test_openai_speaks_in_every_format(server: Server) -> None:
    for name, text in value(server, "openai speech").items():
        data = base64.b64decode(text)
        assert_speech(samples(data) if name == "pcm" else decoded(data), 1.0, 5.0)


def test_openai_streams(server: Server) -> None:
    told = value(server, "openai stream")
    assert_speech(pcm(told["audio"]), 1.0, 5.0)
    assert told["parts"] > 1


def test_openai_gets_a_whole_file_with_its_length(server: Server) -> None:
    told = value(server, "openai whole")
    data = base64.b64decode(told["audio"])
    assert told["length"] == len(data) == int.from_bytes(data[4:8], "little") + 8
    assert_speech(decoded(data), 1.0, 5.0)


def test_openai_lists_models(server: Server) -> None:
    told = value(server, "openai models")
    assert {"tts-1", "zeli-1"} <= set(told["models"]) and told["one"]["id"] == "tts-1"


@pytest.mark.parametrize(
    ("name", "error"), [("dialogue", "ElevenLabsError"), ("openai stream", "AuthenticationError")]
)
def test_a_wrong_key_is_the_error_that_each_knows(server: Server, name: str, error: str) -> None:
    assert call(server, name, key="wrong") == {"error": error, "status": 401}
