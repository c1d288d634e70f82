"""Text-to-dialogue with the built-in voices: the official Python SDK, and the messages of Pipecat and
LiveKit.

Recorded from pipecat-ai 1.14.0 (`ElevenLabsDialogueTTSService`) and livekit-plugins-elevenlabs 1.8.9 with
`eleven_v4_turbo`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest
import websocket
from conftest import KEY, Server
from elevenlabs import DialogueInput, ElevenLabs
from real_server import open_socket
from sound import assert_speech, decoded, samples

ONE, TWO = "zeli-voice-1", "zeli-voice-2"
TEXTS = ("Knock knock, my old friend. ", "Who is there, at this hour?")
INPUTS = [DialogueInput(text=text, voice_id=voice) for text, voice in zip(TEXTS, (ONE, TWO), strict=True)]
Frame = dict[str, Any]


@pytest.fixture
def client(server: Server) -> Iterator[ElevenLabs]:
    with httpx.Client(timeout=60) as connections:
        yield ElevenLabs(api_key=KEY, base_url=server.url, httpx_client=connections)


@pytest.mark.parametrize("is_streamed", [False, True])
def test_the_sdk_speaks_a_dialogue(client: ElevenLabs, is_streamed: bool) -> None:
    speak = client.text_to_dialogue.stream if is_streamed else client.text_to_dialogue.convert
    parts = list(speak(inputs=INPUTS, output_format="mp3_44100_128", model_id="eleven_v4"))
    assert_speech(decoded(b"".join(parts)), 2.0, 8.0)


def test_the_sdk_reads_times_and_segments(client: ElevenLabs) -> None:
    told = client.text_to_dialogue.convert_with_timestamps(inputs=INPUTS, output_format="pcm_24000")
    audio = samples(base64.b64decode(told.audio_base_64))
    assert_speech(audio, 2.0, 8.0)
    assert told.alignment is not None and "".join(told.alignment.characters) == "".join(TEXTS)
    assert [segment.voice_id for segment in told.voice_segments] == [ONE, TWO]
    assert told.voice_segments[-1].end_time_seconds == pytest.approx(len(audio) / 24_000, abs=0.05)


def test_the_sdk_reads_each_line_of_a_stream(client: ElevenLabs) -> None:
    lines = list(client.text_to_dialogue.stream_with_timestamps(inputs=INPUTS, output_format="pcm_24000"))
    assert len(lines) > 2
    assert_speech(samples(b"".join(base64.b64decode(line.audio_base_64) for line in lines)), 2.0, 8.0)
    told = [line.alignment.characters for line in lines if line.alignment]
    assert "".join(char for chars in told for char in chars) == "".join(TEXTS)


def connected(server: Server, **query: str) -> AbstractContextManager[websocket.WebSocket]:
    query = {"model_id": "eleven_v4_turbo", "sync_alignment": "true", **query}
    return open_socket(server, "/v1/text-to-dialogue/multi-stream-input", **query)


def send(ws: websocket.WebSocket, *messages: Frame) -> None:
    for message in messages:
        ws.send(json.dumps(message))


def until_final(ws: websocket.WebSocket, context: str) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or not frames[-1].get("is_final") or frames[-1]["context_id"] != context:
        frames.append(json.loads(ws.recv()))
        assert "error" not in frames[-1]
    return frames


def audio_of(frames: list[Frame], context: str) -> bytes:
    mine = [frame for frame in frames if frame["context_id"] == context and frame.get("audio")]
    return b"".join(base64.b64decode(frame["audio"]) for frame in mine)


def spelled(frames: list[Frame], context: str) -> str:
    mine = [frame for frame in frames if frame["context_id"] == context and frame.get("alignment")]
    return "".join(char for frame in mine for char in frame["alignment"]["chars"])


def line(text: str, **more: Any) -> Frame:
    return {"inputs": [{"text": text, "voice_id": ONE, **more}]}


def pipecat_turn(context: str, *sentences: str) -> list[Frame]:
    said = [line(f"{text} ", new_turn=not number) for number, text in enumerate(sentences)]
    return [{"context_id": context, **one} for one in ({"voices": [ONE]}, *said)]


def pipecat_end(context: str) -> list[Frame]:
    return [{"context_id": context, "flush": True}, {"context_id": context, "close_context": True}]


def test_pipecat_speaks_turns_and_barges_in_beside_its_keep_alive_context(server: Server) -> None:
    keep = {"context_id": "pipecat-keepalive", "voices": [ONE]}
    with connected(server, output_format="pcm_24000") as ws:
        send(ws, keep)
        sentences = ("Hello there.", "It is ten past nine, and 25 people wait.")
        for context in ("first", "second"):
            send(ws, *pipecat_turn(context, *sentences), *pipecat_end(context))
            frames = until_final(ws, context)
            audio = samples(audio_of(frames, context))
            assert_speech(audio, 2.0, 8.0)
            assert spelled(frames, context).split() == " ".join(sentences).split()
            # Its clock adds up the ends of the timings.
            told = [frame["alignment"] for frame in frames if frame.get("alignment")]
            clock_ms = sum(one["char_start_times_ms"][-1] + one["char_durations_ms"][-1] for one in told)
            assert clock_ms / 1000 == pytest.approx(len(audio) / 24_000, abs=0.03)
        send(ws, {"context_id": "pipecat-keepalive", "keep_alive": True})
        for number in range(8):
            send(ws, *pipecat_turn(f"cut-{number}", "This sentence is interrupted while it is spoken."))
            while not audio_of([json.loads(ws.recv())], f"cut-{number}"):
                pass
            send(ws, {"context_id": f"cut-{number}", "close_context": True})
        send(ws, *pipecat_turn("last", "And now this."), *pipecat_end("last"))
        frames = until_final(ws, "last")
        assert_speech(samples(audio_of(frames, "last")), 0.6, 3.0)
        send(ws, {"close_socket": True})
        while ws.recv():
            pass


def test_livekit_speaks_every_turn_as_one_mp3_stream(server: Server) -> None:
    query = {"enable_logging": "true", "apply_text_normalization": "auto", "output_format": "mp3_22050_32"}
    with connected(server, **query) as ws:
        for context in ("0a1b2c3d4e5f", "f5e4d3c2b1a0"):
            named = {"context_id": context}
            said = [line(f"{text} ") | {"flush": True} for text in ("Hello there, you.", "Room 21 is free.")]
            end = [line("") | {"flush": True}, {"close_context": True}]
            send(ws, *(named | one for one in ({"voices": [ONE]}, *said, *end)))
            frames = until_final(ws, context)
            assert_speech(decoded(audio_of(frames, context), container="mp3"), 1.5, 6.0)
            assert spelled(frames, context) == "Hello there, you. Room 21 is free. "
            assert sum("is_final_audio_for_turn" in frame for frame in frames) == 2
