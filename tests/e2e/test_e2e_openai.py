"""The official OpenAI SDK against /v1/audio/speech."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import KEY, Server
from openai import AuthenticationError, BadRequestError, OpenAI
from sound import assert_speech, decoded, samples

LONG = "The train to Manchester leaves at half past nine. Please stand back from the platform edge."
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


def test_every_speed_is_what_it_says(client: OpenAI) -> None:
    def seconds(speed: float) -> float:
        # OpenAI's interface has no seed, and the length of a reading varies by some per cent, so take a mean
        # of six.
        lengths = []
        for _ in range(6):
            answer = client.audio.speech.create(
                model="tts-1", voice="zeli-voice-1", input=LONG, response_format="pcm", speed=speed
            )
            audio = samples(answer.content)
            assert_speech(audio, 1.0, 60.0)
            lengths.append(len(audio) / 24_000)
        return sum(lengths) / len(lengths)

    plain = seconds(1.0)
    for speed in (0.25, 0.5, 0.7, 1.2, 1.5, 2.0, 4.0):
        assert seconds(speed) == pytest.approx(plain / speed, rel=0.05), speed


def test_models_are_listed_and_found(client: OpenAI) -> None:
    listed = [model.id for model in client.models.list()]
    assert "tts-1" in listed and "zeli-1" in listed
    assert client.models.retrieve("zeli-1").owned_by == "zelitrio"


def test_errors_are_the_ones_the_sdk_raises(client: OpenAI, server: Server) -> None:
    with pytest.raises(BadRequestError):
        client.audio.speech.create(model="tts-1", voice="alloy", input="")
    with (
        OpenAI(api_key="wrong", base_url=f"{server.url}/v1", max_retries=0) as wrong,
        pytest.raises(AuthenticationError),
    ):
        wrong.audio.speech.create(model="tts-1", voice="alloy", input=TEXT)
