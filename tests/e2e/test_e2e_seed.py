"""The example of the protocol's document, unchanged but for host and key."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import websocket
from conftest import KEY, Server
from sound import assert_speech, decoded


def test_the_documented_example_writes_an_mp3_of_speech(server: Server, tmp_path: Path) -> None:
    url = f"{server.ws_url}/v1/text-to-speech/zeli-voice-1/stream-input?output_format=mp3_44100_128"
    ws = websocket.create_connection(url)
    ws.send(
        json.dumps(
            {
                "text": " ",
                "voice_settings": {"stability": 0.5, "style": 0.3},
                "generation_config": {"chunk_length_schedule": [120, 160, 250, 290]},
                "authorization": f"Bearer {KEY}",
            }
        )
    )
    for part in ["Hello there. ", "This streams as I type. "]:
        ws.send(json.dumps({"text": part}))
    ws.send(json.dumps({"text": ""}))
    frames = []
    path = tmp_path / "out.mp3"
    with path.open("wb") as file:
        while True:
            message = json.loads(ws.recv())
            frames.append(message)
            if message.get("audio"):
                file.write(base64.b64decode(message["audio"]))
            if message.get("isFinal"):
                break
    assert ws.recv() == ""  # the server closes at once
    ws.shutdown()
    assert_speech(decoded(path.read_bytes(), container="mp3"), 1.5, 5.0)
    keys = {"audio", "isFinal", "normalizedAlignment", "alignment"}
    assert all(set(frame) == keys for frame in frames)
    assert all(frame["alignment"] is frame["normalizedAlignment"] is None for frame in frames)
    assert [frame["isFinal"] for frame in frames] == [None] * (len(frames) - 1) + [True]
    assert frames[-1]["audio"] is None


def test_a_wrong_key_is_reported_in_a_frame_and_closed_with_1008(server: Server) -> None:
    ws = websocket.create_connection(f"{server.ws_url}/v1/text-to-speech/zeli-voice-1/stream-input")
    ws.send(json.dumps({"text": " ", "authorization": "Bearer sk-zeli-wrong"}))
    message = json.loads(ws.recv())
    assert (message["error"], message["code"]) == ("invalid_api_key", 1008)
    code, frame = ws.recv_data_frame(control_frame=True)
    assert (code, int.from_bytes(frame.data[:2], "big")) == (websocket.ABNF.OPCODE_CLOSE, 1008)
    ws.shutdown()
