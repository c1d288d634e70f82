"""Real public voices through the real server (extra `voices`)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import websocket
from numpy.typing import NDArray
from real_packages import MARKS
from real_server import KEY, Server, open_socket, started

pytestmark = MARKS

RATE_HZ = 24_000
JOE, KOKORO = "en_US-joe-medium", "af_one"
TEXT = "We will meet you there again."
STEADY = {"stability": 1.0}
LATEST_END_MS = {JOE: 60.0, KOKORO: 90.0}

Frame = dict[str, Any]


@pytest.fixture(scope="module")
def home(joe: Path, kokoro: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a Piper voice and some of Kokoro's."""
    folder = tmp_path_factory.mktemp("home")
    (folder / "joe").symlink_to(joe)
    (folder / "kokoro").symlink_to(kokoro)
    return folder


@pytest.fixture(scope="module")
def server(home: Path) -> Iterator[Server]:
    # There is room for one of the two: each unloads the other.
    flags = ("--device", "cpu", "--max-voice-memory-mb", "100")
    with started("--voices", str(home), *flags) as server:
        yield server


@pytest.fixture(scope="module", params=[JOE, KOKORO])
def voice(request: pytest.FixtureRequest) -> str:
    """Run all tests with one voice, then all with the other."""
    return str(request.param)


@pytest.fixture(scope="module")
def http(server: Server) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, headers={"xi-api-key": KEY}, timeout=120) as client:
        yield client


def speak(
    http: httpx.Client, voice: str, text: str = TEXT, path: str = "", **body: Any
) -> NDArray[np.float32]:
    answer = http.post(
        f"/v1/text-to-speech/{voice}{path}",
        params={"output_format": "pcm_24000", "enable_ssml_parsing": "true"},
        json={"text": text, "seed": 7, "voice_settings": STEADY, **body},
    )
    return heard(answer.raise_for_status().content)


def heard(pcm: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pcm, "<i2").astype(np.float32) / 32768


def assert_same(found: NDArray[np.float32], expected: NDArray[np.float32]) -> None:
    """Within a step of 16 bits: windows fall as the machine's load lets them, and sums round otherwise."""
    np.testing.assert_allclose(found, expected, atol=1.01 / 32768)


def edges_ms(audio: NDArray[np.float32]) -> tuple[float, float]:
    """Begin and end of the sound."""
    loud = np.flatnonzero(np.abs(audio) > 0.03 * np.abs(audio).max())
    return float(loud[0] * 1000 / RATE_HZ), float(loud[-1] * 1000 / RATE_HZ)


def connected(
    server: Server, voice: str, kind: str, **query: str
) -> AbstractContextManager[websocket.WebSocket]:
    query = {"output_format": "pcm_24000", "seed": "7", **query}
    return open_socket(server, f"/v1/text-to-speech/{voice}/{kind}", timeout_s=60, **query)


def send(socket: websocket.WebSocket, *messages: Frame) -> None:
    for message in messages:
        socket.send(json.dumps(message))


def until_final(socket: websocket.WebSocket) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or frames[-1].get("isFinal") is not True:
        frames.append(json.loads(socket.recv()))
        assert "error" not in frames[-1]
    return frames


def audio_of(frames: list[Frame]) -> bytes:
    return b"".join(base64.b64decode(frame["audio"]) for frame in frames if frame.get("audio"))


def test_both_families_are_offered_with_their_description(http: httpx.Client) -> None:
    found = {one["voice_id"]: one["labels"] for one in http.get("/v1/voices").json()["voices"]}
    assert found[JOE]["family"] == "piper" and found[JOE]["sample_rate_hz"] == "22050"
    assert found[KOKORO]["family"] == "kokoro" and found[KOKORO]["language"] == "en-US"
    models = {one["model_id"] for one in http.get("/v1/models").json()}
    assert any("piper" in model for model in models) and any("kokoro" in model for model in models)


def test_times_of_characters_are_those_of_the_sound(http: httpx.Client, voice: str) -> None:
    answer = http.post(
        f"/v1/text-to-speech/{voice}/with-timestamps",
        params={"output_format": "pcm_24000"},
        json={"text": TEXT, "seed": 7, "voice_settings": STEADY},
    ).raise_for_status()
    told = answer.json()["alignment"]
    starts, ends = (told[f"character_{edge}_times_seconds"] for edge in ("start", "end"))
    assert "".join(told["characters"]) == TEXT
    assert starts == sorted(starts)
    begins, stops = edges_ms(heard(base64.b64decode(answer.json()["audio_base64"])))
    assert abs(1000 * starts[0] - begins) <= LATEST_END_MS[voice]
    last = max(at for at, char in enumerate(TEXT) if char.isalpha())
    assert abs(1000 * ends[last] - stops) <= LATEST_END_MS[voice]


def test_a_socket_gives_the_sound_of_http_with_times_as_it_comes(
    server: Server, http: httpx.Client, voice: str
) -> None:
    whole = speak(http, voice)
    assert_same(speak(http, voice, path="/stream"), whole)
    with connected(server, voice, "stream-input", sync_alignment="true") as socket:
        send(socket, {"text": " ", "voice_settings": STEADY}, {"text": TEXT[:20]}, {"text": TEXT[20:]})
        send(socket, {"text": ""})
        frames = until_final(socket)
    assert_same(heard(audio_of(frames)), whole)
    told = [frame["alignment"]["chars"] for frame in frames if frame["alignment"]]
    assert "".join(char for chars in told for char in chars).rstrip() == TEXT


def test_an_interrupted_stream_stops_and_reports_the_heard_text(server: Server, voice: str) -> None:
    text = f"{TEXT} {TEXT} {TEXT} "
    with connected(server, voice, "multi-stream-input") as socket:
        opening = {"text": " ", "context_id": "a", "voice_settings": STEADY}
        send(socket, opening, {"text": text, "context_id": "a", "flush": True})
        first = json.loads(socket.recv())
        while not first.get("audio"):
            first = json.loads(socket.recv())
        send(socket, {"context_id": "a", "cancel": True})
        sent = time.monotonic()
        last = until_final(socket)[-1]
        assert time.monotonic() - sent < 5
        assert last["text_spoken"] + last["text_remaining"] == text
        assert last["text_remaining"]
        # Its lane is free at once for the next turn.
        send(socket, {"text": " ", "context_id": "b"}, {"text": "Yes. ", "context_id": "b", "flush": True})
        send(socket, {"context_id": "b", "close_context": True})
        frames = until_final(socket)
    assert {frame["contextId"] for frame in frames} == {"b"}
    assert np.abs(heard(audio_of(frames))).max() > 0.05


def test_speed_divides_the_length(http: httpx.Client, voice: str) -> None:
    text = "The quick brown fox jumps over the hill, and comes to us again."
    slow, fast = (
        np.diff(edges_ms(speak(http, voice, text, voice_settings={**STEADY, "speed": speed})))[0]
        for speed in (0.8, 1.2)
    )
    # 3 % of either length, and a cell of the measure at either end.
    assert abs(slow * 0.8 - fast * 1.2) <= 0.06 * slow * 0.8 + 50


def test_a_seed_repeats_a_sound(http: httpx.Client, voice: str) -> None:
    free = {"voice_settings": {"stability": 0.2}}
    first, again, other = (speak(http, voice, "Come in.", **{**free, "seed": seed}) for seed in (7, 7, 8))
    assert_same(first, again)
    # Kokoro draws nothing: its sound is the same whatever the seed.
    assert np.array_equal(first, other) == (voice == KOKORO)


def test_a_break_is_silent_as_long_as_it_says(http: httpx.Client, voice: str) -> None:
    plain, paused = (speak(http, voice, text) for text in ("Hello there.", 'Hello <break time="1s"/> there.'))
    assert 800 <= (len(paused) - len(plain)) * 1000 / RATE_HZ <= 1300
    levels = np.abs(paused[: len(paused) // 240 * 240].reshape(-1, 240)).max(1) > 0.03 * np.abs(paused).max()
    first, last = np.flatnonzero(levels)[[0, -1]]
    silent = "".join(" x"[int(loud)] for loud in levels[first:last]).split("x")
    assert 700 <= 10 * max(map(len, silent)) <= 1300


def test_a_phoneme_tag_is_spoken_as_it_is_spelt(http: httpx.Client, voice: str) -> None:
    plain, told, same = (
        speak(http, voice, text)
        for text in (
            "A tomato.",
            'A <phoneme alphabet="ipa" ph="təˈmɑːtoʊ">tomato</phoneme>.',
            'A <phoneme alphabet="cmu-arpabet" ph="T AH0 M AA1 T OW2">tomato</phoneme>.',
        )
    )
    assert len(told) != len(plain) or not np.array_equal(told, plain)
    assert abs(len(told) - len(same)) < 0.15 * RATE_HZ
    assert np.abs(told).max() > 0.05


def test_previous_text_is_not_spoken(http: httpx.Client, voice: str) -> None:
    alone = speak(http, voice, "And then it was over.")
    after = speak(http, voice, "And then it was over.", previous_text="They waited all night.")
    assert abs(len(after) - len(alone)) < 0.25 * len(alone)


def test_a_mix_speaks_and_a_wrong_one_is_one_line(http: httpx.Client) -> None:
    mixed, one = speak(http, "af_one+am_two", "Come in."), speak(http, KOKORO, "Come in.")
    assert len(mixed) != len(one) or not np.array_equal(mixed, one)
    answer = http.post("/v1/text-to-speech/af_one+nobody", json={"text": TEXT})
    assert answer.status_code == 404
    assert "af_one+nobody" in answer.json()["detail"]["message"]


@pytest.mark.parametrize(
    ("name", "package", "text"),
    [("jf_three", "fugashi", "駅は、どこですか。"), ("zf_four", "rjieba", "请问，车站在哪里？")],
)
def test_japanese_and_mandarin_are_heard_with_times_of_their_characters(
    http: httpx.Client, name: str, package: str, text: str
) -> None:
    pytest.importorskip(package, reason="the extra that reads this language is not installed")
    answer = http.post(
        f"/v1/text-to-speech/{name}/with-timestamps",
        params={"output_format": "pcm_24000"},
        json={"text": text, "voice_settings": STEADY},
    ).raise_for_status()
    told = answer.json()["alignment"]
    assert "".join(told["characters"]) == text
    audio = heard(base64.b64decode(answer.json()["audio_base64"]))
    assert np.abs(audio).max() > 0.05
    starts = told["character_start_times_seconds"]
    assert starts == sorted(starts) and 0.5 < starts[-1] <= len(audio) / RATE_HZ


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1000
    raise AssertionError("no VmRSS")


def test_the_log_says_what_a_voice_takes_and_its_memory_comes_back(
    server: Server, http: httpx.Client
) -> None:
    speak(http, KOKORO, "Yes.")
    loaded = memory_mb(server.pid)
    speak(http, JOE, "Yes.")  # now there are 387 MB of weights, and no stream uses Kokoro's
    give_up = time.monotonic() + 20
    # Kokoro's 325 MB go, and 63 MB of joe's come.
    while memory_mb(server.pid) > loaded - 200 and time.monotonic() < give_up:
        time.sleep(0.1)
    assert memory_mb(server.pid) < loaded - 200
    said = " ".join(server.log)
    for line in ("weights on the device, 324.6 MB", "unloaded, 324.6 MB are free"):
        assert f"voice {KOKORO}: {line}" in said
    speak(http, KOKORO, "Yes.")  # Kokoro is loaded again
