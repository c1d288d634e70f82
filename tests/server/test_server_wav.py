"""WAV files from every endpoint: true sizes if the length is known, otherwise none."""

from __future__ import annotations

import base64
import io
import struct
import wave
from typing import Any

import av
import pytest
from running import VOICE, running

TEXT = "Hello there, this is a sentence. "
INPUTS = {"inputs": [{"text": TEXT, "voice_id": VOICE}, {"text": TEXT, "voice_id": "zeli-voice-2"}]}
OPENAI = {"input": TEXT, "voice": "alloy", "response_format": "wav"}
WAV = "output_format=wav_24000"
SPEECH, DIALOGUE = f"/v1/text-to-speech/{VOICE}", "/v1/text-to-dialogue"
UNKNOWN = 0xFFFFFFFF

WHOLE: dict[str, dict[str, Any]] = {
    f"{SPEECH}?{WAV}": {"text": TEXT},
    f"{SPEECH}/with-timestamps?{WAV}": {"text": TEXT},
    f"{DIALOGUE}?{WAV}": INPUTS,
    f"{DIALOGUE}/with-timestamps?{WAV}": INPUTS,
    "/v1/audio/speech": OPENAI | {"stream": False},
    f"/v1/jambonz/speech?{WAV}": {"text": TEXT, "voice": VOICE, "type": "text"},
}
STREAMED: dict[str, dict[str, Any]] = {
    f"{SPEECH}/stream?{WAV}": {"text": TEXT},
    f"{DIALOGUE}/stream?{WAV}": INPUTS,
    "/v1/audio/speech": OPENAI,
    "/v1/audio/speech?": OPENAI | {"stream": True},
}


def sizes_of(data: bytes) -> tuple[int, int]:
    return struct.unpack_from("<I", data, 4) + struct.unpack_from("<I", data, 40)


def check_players(data: bytes) -> None:
    """Check that players read it, whatever the header says."""
    with wave.open(io.BytesIO(data)) as opened:
        assert opened.readframes(opened.getnframes()) == data[44:]
    with av.open(io.BytesIO(data)) as file:
        assert sum(frame.samples for frame in file.decode(audio=0)) == (len(data) - 44) // 2 > 0


@pytest.mark.parametrize("target", WHOLE)
async def test_a_whole_wav_has_the_true_sizes_and_a_length(target):
    async with running() as server, server.http() as http:
        answer = await http.post(target, json=WHOLE[target])
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-length"] == str(len(answer.content))
    is_json = answer.headers["content-type"].startswith("application/json")
    data = base64.b64decode(answer.json()["audio_base64"]) if is_json else answer.content
    assert sizes_of(data) == (len(data) - 8, len(data) - 44)
    check_players(data)


@pytest.mark.parametrize("target", STREAMED)
async def test_a_streamed_wav_states_no_length(target):
    async with running() as server, server.http() as http:
        answer = await http.post(target, json=STREAMED[target])
    assert answer.status_code == 200, answer.text
    assert "content-length" not in answer.headers
    assert sizes_of(answer.content) == (UNKNOWN, UNKNOWN)
    check_players(answer.content)
