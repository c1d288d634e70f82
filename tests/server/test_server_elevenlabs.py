"""The official ElevenLabs package, unmodified, against this server: HTTP in both kinds, realtime over TLS."""

from __future__ import annotations

import base64
import ssl

import elevenlabs
import httpx
import pytest
import trio
import trustme
from elevenlabs.client import AsyncElevenLabs, ElevenLabs
from elevenlabs.core import ApiError
from running import KEY, VOICE, running
from scripted_engine import ScriptedEngine, pcm_of

TEXT = "It costs 20 dollars, my friend. And then it was over!"


def said(engine: ScriptedEngine) -> int:
    return sum(2 * len(pcm_of(text)) for text in engine.fed())


def async_client(server, key: str = KEY) -> AsyncElevenLabs:
    return AsyncElevenLabs(api_key=key, base_url=server.url, httpx_client=httpx.AsyncClient(trust_env=False))


async def test_the_async_client_converts_and_streams():
    async with running(keys=[KEY]) as server:
        client = async_client(server)
        for call in (client.text_to_speech.convert, client.text_to_speech.stream):
            before = said(server.engine)
            pieces = [piece async for piece in call(VOICE, text=TEXT, output_format="pcm_24000")]
            assert len(b"".join(pieces)) == said(server.engine) - before
        await client._client_wrapper.httpx_client.httpx_client.aclose()


async def test_the_async_client_gets_times():
    async with running(keys=[KEY]) as server:
        client = async_client(server)
        whole = await client.text_to_speech.convert_with_timestamps(
            VOICE, text=TEXT, output_format="pcm_24000"
        )
        assert "".join(whole.alignment.characters) == TEXT
        told, audio = "", b""
        async for line in client.text_to_speech.stream_with_timestamps(
            VOICE, text=TEXT, output_format="pcm_24000"
        ):
            audio += base64.b64decode(line.audio_base_64)
            told += "".join(line.alignment.characters) if line.alignment else ""
        assert told == TEXT and audio == base64.b64decode(whole.audio_base_64)
        await client._client_wrapper.httpx_client.httpx_client.aclose()


async def test_the_async_client_reads_the_metadata():
    async with running(keys=[KEY]) as server:
        client = async_client(server)
        assert (await client.voices.get_all()).voices[0].voice_id == VOICE
        assert (await client.voices.search()).total_count == 2
        assert (await client.voices.get(VOICE)).name
        assert (await client.voices.settings.get(VOICE)).speed == 1.0
        assert (await client.models.list())[0].can_do_text_to_speech
        assert (await client.user.get()).subscription.status == "active"
        with pytest.raises(ApiError) as caught:
            await client.voices.get("nobody")
        assert caught.value.status_code == 404
        await client._client_wrapper.httpx_client.httpx_client.aclose()


@pytest.fixture
def certificates(tmp_path, monkeypatch):
    authority = trustme.CA()
    issued = authority.issue_cert("localhost", "127.0.0.1")
    cert, key, ca = (tmp_path / name for name in ("cert.pem", "key.pem", "ca.pem"))
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    authority.cert_pem.write_to_path(ca)
    monkeypatch.setenv("SSL_CERT_FILE", str(ca))
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    context = ssl.create_default_context(cafile=str(ca))
    return {"tls_cert": cert, "tls_key": key, "tls": context}


# The package reads an attribute that websockets no longer likes.
@pytest.mark.filterwarnings("ignore:ConnectionClosed.* is deprecated:DeprecationWarning")
async def test_the_sync_client_speaks_in_real_time_over_tls(certificates):
    engine = ScriptedEngine(step_s=0.01)
    settings = elevenlabs.VoiceSettings(stability=0.5)

    def speak(url: str, key: str, voice: str = VOICE) -> bytes:
        def words():
            yield from ("It costs ", "20 dollars, ", "my friend. ", "And then it was over!")

        http = httpx.Client(trust_env=True)
        try:
            client = ElevenLabs(api_key=key, base_url=url, httpx_client=http)
            return b"".join(
                client.text_to_speech.convert_realtime(
                    voice, text=words(), output_format="pcm_24000", voice_settings=settings
                )
            )
        finally:
            http.close()

    async with running(engine, keys=[KEY], **certificates) as server:
        url = server.url.replace("127.0.0.1", "localhost")
        with trio.fail_after(20):
            audio = await trio.to_thread.run_sync(speak, url, KEY)
            assert len(audio) == said(engine)
            for key, voice in (("wrong", VOICE), (KEY, "nobody")):
                with pytest.raises(ApiError) as caught:
                    await trio.to_thread.run_sync(speak, url, key, voice)
                assert caught.value.status_code == 1008
