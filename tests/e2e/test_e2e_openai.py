"""The official OpenAI SDK against /v1/audio/speech."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import KEY, Server
from openai import AuthenticationError, BadRequestError, OpenAI
from sound import assert_speech, decoded, samples

TEXT = "Hello from another client."


@pytest.fixture
def client(server: Server) -> Iterator[OpenAI]:
    with OpenAI(api_key=KEY, base_url=f"{server.url}/v1", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("response_format", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_every_response_format_is_speech(client: OpenAI, response_format: str) -> None:
    answer = client.audio.speech.create(
        model="tts-1",
        voice="alloy",
        input=TEXT,
        response_format=response_format,  # type: ignore[arg-type]
    )
    audio = samples(answer.content) if response_format == "pcm" else decoded(answer.content)
    assert_speech(audio, 0.8, 4.0)


def test_audio_streams(client: OpenAI) -> None:
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="zeli-voice-2", input=TEXT, response_format="pcm"
    ) as answer:
        parts = list(answer.iter_bytes(4096))
    assert len(parts) > 3
    assert_speech(samples(b"".join(parts)), 0.8, 4.0)


def test_errors_are_the_ones_the_sdk_raises(client: OpenAI, server: Server) -> None:
    with pytest.raises(BadRequestError):
        client.audio.speech.create(model="tts-1", voice="alloy", input="")
    with (
        OpenAI(api_key="wrong", base_url=f"{server.url}/v1", max_retries=0) as wrong,
        pytest.raises(AuthenticationError),
    ):
        wrong.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
