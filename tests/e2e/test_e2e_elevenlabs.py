"""The official Python SDK, unmodified: realtime over TLS, HTTP plain and async."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest
from conftest import KEY, VOICE, Server
from elevenlabs import AsyncElevenLabs, ElevenLabs, VoiceSettings
from elevenlabs.core import ApiError
from sound import assert_speech, decoded, samples

# The SDK uses a name that its websockets library has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:ConnectionClosed.code is deprecated:DeprecationWarning")
TEXT = "Hello from the official client. It is twenty past seven."


@contextmanager
def sdk(url: str, key: str = KEY) -> Iterator[ElevenLabs]:
    # The SDK does not close its connections, so the test passes its own client.
    with httpx.Client(timeout=60) as connections:
        yield ElevenLabs(api_key=key, base_url=url, httpx_client=connections)


@pytest.fixture
def client(server: Server) -> Iterator[ElevenLabs]:
    with sdk(server.url) as client:
        yield client


def test_realtime_speaks_while_the_text_is_written(
    tls_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert tls_server.certificate_authority
    monkeypatch.setenv("SSL_CERT_FILE", tls_server.certificate_authority)

    def words() -> Iterator[str]:
        yield from ("This is ", "spoken as ", "it is ", "written, ", "word by word. ", "And it ends here.")

    with sdk(tls_server.url) as client:
        audio = client.text_to_speech.convert_realtime(
            voice_id=VOICE,
            text=words(),
            model_id="eleven_flash_v2_5",
            output_format="pcm_24000",
            voice_settings=VoiceSettings(stability=1.0),
        )
        assert_speech(samples(b"".join(audio)), 2.0, 8.0)


def test_realtime_reports_a_wrong_key(tls_server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    assert tls_server.certificate_authority
    monkeypatch.setenv("SSL_CERT_FILE", tls_server.certificate_authority)
    with sdk(tls_server.url, key="wrong") as client, pytest.raises(ApiError) as caught:
        list(
            client.text_to_speech.convert_realtime(
                voice_id=VOICE,
                text=iter(["Hello. "]),
                model_id="eleven_flash_v2_5",
                voice_settings=VoiceSettings(stability=1.0),
            )
        )
    assert caught.value.status_code == 1008


def test_convert_gives_an_mp3(client: ElevenLabs) -> None:
    audio = b"".join(client.text_to_speech.convert(VOICE, text=TEXT))
    assert_speech(decoded(audio, container="mp3"), 2.0, 8.0)


@pytest.mark.parametrize("output_format", ["mp3_22050_32", "opus_48000_64", "wav_16000", "ulaw_8000"])
def test_stream_gives_every_kind_of_format(client: ElevenLabs, output_format: str) -> None:
    stream = client.text_to_speech.stream(VOICE, text=TEXT, output_format=output_format)
    audio = b"".join(stream)
    container = {"ulaw_8000": "mulaw"}.get(output_format)
    if container:
        assert 2.0 <= len(audio) / 8000 <= 8.0
    else:
        assert_speech(decoded(audio), 2.0, 8.0)


def test_speed_is_audible(client: ElevenLabs) -> None:
    lengths = []
    for speed in (0.7, 1.0, 1.2):
        settings = VoiceSettings(speed=speed, stability=1.0)
        pcm = b"".join(
            client.text_to_speech.convert(
                VOICE, text=TEXT, voice_settings=settings, output_format="pcm_16000", seed=1
            )
        )
        lengths.append(len(pcm))
    assert lengths[0] / lengths[1] == pytest.approx(1 / 0.7, rel=0.03)
    assert lengths[2] / lengths[1] == pytest.approx(1 / 1.2, rel=0.03)


def test_timestamps_spell_the_text_once_and_end_with_the_audio(client: ElevenLabs) -> None:
    whole = client.text_to_speech.convert_with_timestamps(VOICE, text=TEXT, output_format="pcm_24000")
    assert whole.alignment is not None
    assert "".join(whole.alignment.characters) == TEXT
    ends = whole.alignment.character_end_times_seconds
    length_s = len(base64.b64decode(whole.audio_base_64)) / 2 / 24_000
    assert ends == sorted(ends)
    assert 0.0 <= length_s - ends[-1] < 0.3

    spelled, audio, last = "", b"", 0.0
    for line in client.text_to_speech.stream_with_timestamps(VOICE, text=TEXT, output_format="pcm_24000"):
        audio += base64.b64decode(line.audio_base_64)
        if line.alignment is not None:
            spelled += "".join(line.alignment.characters)
            starts = line.alignment.character_start_times_seconds
            assert starts[0] >= last - 0.001
            last = starts[-1]
    assert spelled == TEXT
    assert_speech(samples(audio), 2.0, 8.0)


def test_metadata_can_be_read(client: ElevenLabs) -> None:
    voices = client.voices.get_all().voices
    assert [voice.voice_id for voice in voices][:1] == [VOICE]
    assert client.voices.search().total_count == len(voices)
    assert client.voices.get(VOICE).name
    assert client.voices.settings.get(VOICE).stability == 0.5
    assert client.models.list()[0].can_do_text_to_speech
    assert client.user.get().subscription.tier


def test_errors_arrive_as_the_sdk_knows_them(client: ElevenLabs, server: Server) -> None:
    with pytest.raises(ApiError) as caught:
        b"".join(client.text_to_speech.convert("nobody", text=TEXT))
    assert caught.value.status_code == 404
    with pytest.raises(ApiError) as caught:
        b"".join(client.text_to_speech.convert(VOICE, text=""))
    assert caught.value.status_code == 422
    with sdk(server.url, key="no") as stranger, pytest.raises(ApiError) as caught:
        b"".join(stranger.text_to_speech.convert(VOICE, text=TEXT))
    assert caught.value.status_code == 401


def test_the_async_client_streams(server: Server) -> None:
    async def speak() -> bytes:
        async with httpx.AsyncClient(timeout=60) as connections:
            client = AsyncElevenLabs(api_key=KEY, base_url=server.url, httpx_client=connections)
            return b"".join([part async for part in client.text_to_speech.stream(VOICE, text=TEXT)])

    assert_speech(decoded(asyncio.run(speak()), container="mp3"), 2.0, 8.0)
