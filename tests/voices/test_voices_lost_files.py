"""Voice folders lose files while a server offers them: only that voice fails, and the log names the file."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from real_server import KEY, Server, open_socket, started
from test_voices_public import write_piper

from zelitrio.voices import Origin, convert

NAMES = ("one", "two", "three", "poor", "gone", "cut", "other")
HEADERS = {"xi-api-key": KEY}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some small Piper voices; `poor` has no symbols for words."""
    source, home = write_piper(tmp_path_factory.mktemp("source")), tmp_path_factory.mktemp("home")
    side = source.with_name(f"{source.name}.json")
    for name in NAMES:
        folder = tmp_path_factory.mktemp(name)
        shutil.copy(source, folder / f"{name}.onnx")
        content = json.loads(side.read_text())
        if name == "poor":
            known = content["phoneme_id_map"]
            content["phoneme_id_map"] = {symbol: known[symbol] for symbol in "^_$"}
        (folder / f"{name}.onnx.json").write_text(json.dumps(content))
        convert(folder, home / name, Origin(source="a test"))
    return home


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    # There is room for one or two of the voices.
    with started("--voices", str(home), "--device", "cpu", "--max-voice-memory-mb", "1") as server:
        yield server


def said_over_a_socket(server: Server, voice: str, text: str = "Hello there. ") -> str:
    """The error's code, or how the speech ended."""
    path = f"/v1/text-to-speech/{voice}/stream-input"
    with open_socket(server, path, output_format="pcm_16000", timeout_s=60) as socket:
        for fields in ({"text": " "}, {"text": text, "flush": True}, {"text": ""}):
            socket.send(json.dumps(fields))
        heard = 0
        while True:
            message = json.loads(socket.recv())
            if "error" in message:
                return str(message["error"])
            heard += len(message.get("audio") or "")
            if message.get("isFinal"):
                return "heard" if heard else "silent"


def status_over_http(server: Server, voice: str) -> int:
    answer = httpx.post(
        f"{server.url}/v1/text-to-speech/{voice}", headers=HEADERS, json={"text": "Hello."}, timeout=60
    )
    return answer.status_code


def logged(server: Server, *words: str) -> bool:
    """Whether a line of the log has all of some words; waits for it."""
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if any(all(word in line for word in words) for line in server.log):
            return True
        time.sleep(0.05)
    return False


def test_more_voices_than_fit_are_spoken_at_the_same_time(server: Server) -> None:
    found: list[str] = []
    threads = [
        threading.Thread(target=lambda name=name: found.append(said_over_a_socket(server, name)))
        for name in ("one", "two", "three", "zeli-voice-1") * 2
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(found) == len(threads)
    assert set(found) <= {"heard", "system_busy"}
    assert found.count("heard") >= 1
    for name in ("one", "two", "three"):
        assert said_over_a_socket(server, name) == "heard"


@pytest.mark.parametrize("text", ["Hello there. ", "Hello. ", "One, two, three. ", "☃ "])
def test_a_voice_without_symbols_for_words_keeps_the_server_alive(server: Server, text: str) -> None:
    assert said_over_a_socket(server, "poor", text) in ("heard", "silent")
    assert status_over_http(server, "poor") == 200
    assert said_over_a_socket(server, "one") == "heard"


def _cut(folder: Path) -> None:
    weights = folder / "weights.safetensors"
    (folder / "new").write_bytes(weights.read_bytes()[:1000])
    (folder / "new").replace(weights)


def _replace(folder: Path) -> None:
    shutil.copy(folder.parent / "one" / "voice.json", folder / "new")
    (folder / "new").replace(folder / "weights.safetensors")


@pytest.mark.parametrize(("voice", "spoil"), [("gone", shutil.rmtree), ("cut", _cut), ("other", _replace)])
def test_a_voice_whose_files_are_lost_fails_alone_and_the_log_names_the_file(
    server: Server, home: Path, voice: str, spoil: Callable[[Path], None]
) -> None:
    spoil(home / voice)
    for _ in range(2):
        assert said_over_a_socket(server, voice) == "something_went_wrong"
    assert logged(server, "speech_failed", f"{voice}/weights.safetensors", "VoiceError")
    assert status_over_http(server, voice) == 500
    for other in ("one", "zeli-voice-1"):
        assert said_over_a_socket(server, other) == "heard"
    assert httpx.get(f"{server.url}/ready").status_code == 200
    assert voice in [found["voice_id"] for found in _voices(server)]


def _voices(server: Server) -> list[dict[str, str]]:
    found: list[dict[str, str]] = httpx.get(f"{server.url}/v1/voices", headers=HEADERS).json()["voices"]
    return found
