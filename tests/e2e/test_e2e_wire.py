"""The messages of Pipecat and LiveKit against the real server.

Recorded from pipecat-ai 1.14.0 and livekit-plugins-elevenlabs 1.8.9.  Each test asserts what that client
needs to end a turn, to be interrupted, and to time its words.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import websocket
from conftest import VOICE, Server
from real_server import open_socket
from sound import assert_speech, decoded, samples

Frame = dict[str, Any]
MULTI = f"/v1/text-to-speech/{VOICE}/multi-stream-input"
SETTINGS = {"stability": 0.5, "similarity_boost": 0.75}


@contextmanager
def pipecat(server: Server) -> Iterator[websocket.WebSocket]:
    with open_socket(
        server, MULTI, model_id="eleven_turbo_v2_5", output_format="pcm_24000", auto_mode="true"
    ) as ws:
        yield ws


@contextmanager
def livekit(server: Server) -> Iterator[websocket.WebSocket]:
    with open_socket(
        server,
        MULTI,
        model_id="eleven_turbo_v2_5",
        output_format="mp3_22050_32",
        enable_ssml_parsing="false",
        enable_logging="true",
        inactivity_timeout="180",
        apply_text_normalization="auto",
        sync_alignment="true",
        auto_mode="true",
    ) as ws:
        yield ws


def send(ws: websocket.WebSocket, *messages: Frame) -> None:
    for message in messages:
        ws.send(json.dumps(message))


def until_final(ws: websocket.WebSocket, context: str) -> list[Frame]:
    """All frames up to the context's final one."""
    frames: list[Frame] = []
    while not frames or frames[-1]["isFinal"] is not True or frames[-1]["contextId"] != context:
        frames.append(json.loads(ws.recv()))
        assert "error" not in frames[-1]
    return frames


def until_audio(ws: websocket.WebSocket, context: str) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or not frames[-1].get("audio") or frames[-1]["contextId"] != context:
        frames.append(json.loads(ws.recv()))
    return frames


def audio_of(frames: list[Frame], context: str) -> bytes:
    parts = [frame["audio"] for frame in frames if frame["contextId"] == context and frame["audio"]]
    return b"".join(base64.b64decode(part) for part in parts)


def words_of(frames: list[Frame]) -> tuple[list[tuple[str, float]], float]:
    """Words and their starts as Pipecat reads them: a space ends a word, and the clock adds up durations."""
    clock = 0.0
    words: list[tuple[str, float]] = []
    word, began = "", 0.0
    for alignment in filter(None, (frame["alignment"] for frame in frames)):
        starts = alignment["charStartTimesMs"]
        for char, start in zip(alignment["chars"], starts, strict=True):
            if char != " ":
                began = began if word else clock + start / 1000
                word += char
            elif word:
                words.append((word, began))
                word = ""
        clock += (starts[-1] + alignment["charDurationsMs"][-1]) / 1000
    assert not word, f"{word!r} is never told"
    return words, clock


def pipecat_turn(context: str, *sentences: str) -> list[Frame]:
    opening = {"text": " ", "context_id": context, "voice_settings": SETTINGS}
    return [opening, *({"text": sentence, "context_id": context} for sentence in sentences)]


def pipecat_end(context: str) -> list[Frame]:
    return [{"context_id": context, "flush": True}, {"context_id": context, "close_context": True}]


def test_pipecat_speaks_turn_after_turn_with_times_for_every_word(server: Server) -> None:
    with pipecat(server) as ws:
        send(ws, {"text": ""})  # the keep-alive of a socket before its first text
        sentences = ("Hello there.", "It is ten past nine, and 25 people wait.")
        for context in ("first", "second"):
            send(ws, *pipecat_turn(context, *sentences), {"text": "", "context_id": context})
            send(ws, *pipecat_end(context))
            frames = until_final(ws, context)
            assert sum(frame["isFinal"] is True for frame in frames) == 1
            audio = samples(audio_of(frames, context))
            assert_speech(audio, 2.0, 8.0)
            words, clock = words_of(frames)
            assert [word for word, _ in words] == " ".join(sentences).split()
            starts = [start for _, start in words]
            assert starts == sorted(set(starts))
            # Pipecat's clock agrees with the length of the audio.
            assert clock == pytest.approx(len(audio) / 24_000, abs=0.03)


def test_pipecat_barges_in_and_hears_the_next_turn_alone(server: Server) -> None:
    with pipecat(server) as ws:
        long = [f"This is sentence number {number}, and nobody wants to hear it." for number in range(9)]
        send(ws, *pipecat_turn("long", *long))
        until_audio(ws, "long")
        send(ws, {"context_id": "long", "close_context": True})
        send(ws, *pipecat_turn("next", "And now this."), *pipecat_end("next"))
        frames = until_final(ws, "next")
        order = [frame["contextId"] for frame in frames if frame["isFinal"]]
        assert order == ["long", "next"]
        cut = next(at for at, frame in enumerate(frames) if frame["isFinal"])
        assert all(frame["contextId"] == "next" for frame in frames[cut + 1 :])
        assert len(audio_of(frames, "long")) / 48_000 < 3.0  # audio already on its way, not nine sentences
        assert_speech(samples(audio_of(frames, "next")), 0.6, 3.0)


def test_pipecat_shuts_down_within_its_two_seconds(server: Server) -> None:
    with pipecat(server) as ws:
        send(ws, *pipecat_turn("open", "This is being spoken."))
        until_audio(ws, "open")
        began = time.monotonic()
        send(ws, {"close_socket": True})
        while ws.recv():
            pass
        assert time.monotonic() - began < 2.0


def livekit_turn(context: str, *sentences: str) -> list[Frame]:
    return [
        {"text": " ", "voice_settings": {}, "context_id": context},
        *({"text": f"{sentence} ", "context_id": context, "flush": True} for sentence in sentences),
    ]


def livekit_end(context: str) -> list[Frame]:
    return [
        {"text": "", "context_id": context, "flush": True},
        {"context_id": context, "close_context": True},
    ]


def test_livekit_speaks_every_turn_as_one_mp3_stream(server: Server) -> None:
    with livekit(server) as ws:
        for context in ("a", "b"):
            send(ws, *livekit_turn(context, "Hello there, you.", "Room 21 is free."), *livekit_end(context))
            frames = until_final(ws, context)
            assert sum(frame["isFinal"] is True for frame in frames) == 1
            assert_speech(decoded(audio_of(frames, context), container="mp3"), 1.5, 6.0)
            spoken = [frame["normalizedAlignment"] for frame in frames if frame["normalizedAlignment"]]
            told = "".join(char for alignment in spoken for char in alignment["chars"])
            assert "  " not in told
            assert told.split() == "hello there, you. room twenty one is free.".split()


def test_livekit_is_interrupted_and_the_next_turn_does_not_wait(server: Server) -> None:
    with livekit(server) as ws:
        send(ws, *livekit_turn("old", "This goes on for quite a while.", "And on, and on, and on it goes."))
        until_audio(ws, "old")
        send(ws, {"context_id": "old", "close_context": True})
        send(ws, *livekit_turn("new", "Something else."), *livekit_end("new"))
        frames = until_audio(ws, "new")
        # The old turn was flushed, so it is finished; but waiting contexts go first.
        frames += until_final(ws, "new")
        if not any(frame["isFinal"] and frame["contextId"] == "old" for frame in frames):
            frames += until_final(ws, "old")
        assert_speech(decoded(audio_of(frames, "new"), container="mp3"), 0.5, 3.0)


def test_a_wrong_key_reaches_both_as_1008(server: Server) -> None:
    url = f"{server.ws_url}/v1/text-to-speech/{VOICE}/multi-stream-input?output_format=pcm_24000"
    ws = websocket.create_connection(url, header={"xi-api-key": "wrong"}, timeout=20)
    send(ws, pipecat_turn("x")[0])  # the socket may be closed before later messages
    assert json.loads(ws.recv())["error"] == "invalid_api_key"
    code, frame = ws.recv_data_frame(control_frame=True)
    assert (code, int.from_bytes(frame.data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1008)
    ws.shutdown()
