"""Telephone platforms: recorded requests of Vapi and jambonz, and the decoded audio."""

from __future__ import annotations

import hashlib
import hmac
import io
import time
from contextlib import asynccontextmanager
from typing import Any

import av
import numpy as np
import orjson
import pytest
import trio
from running import KEY, VOICE, running, until
from scripted_engine import RATE_HZ, ScriptedCatalogue, ScriptedEngine, ScriptedVoice, pcm_of, tone
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection

TEXT = "Hello there, this is for the telephone."
VAPI, JAMBONZ, SOCKET = "/v1/vapi/voice-request", "/v1/jambonz/speech", "/v1/jambonz/stream"


def vapi(**fields: Any) -> dict[str, Any]:
    return {"message": {"type": "voice-request", "text": TEXT, "sampleRate": 24_000, "call": {}, **fields}}


def resembles(heard: np.ndarray, rate_hz: int, said: str = TEXT) -> bool:
    """Whether samples are the scripted tone of a text: length, pitch and level."""
    expected = pcm_of(said)
    if abs(len(heard) / rate_hz - len(expected) / RATE_HZ) > 0.12:
        return False

    def loudest_hz(samples: np.ndarray, rate: int) -> float:
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return float(np.argmax(spectrum) * rate / len(samples))

    same_pitch = abs(loudest_hz(heard, rate_hz) - loudest_hz(expected, RATE_HZ)) < 5
    return same_pitch and abs(np.sqrt(np.mean(heard**2)) / np.sqrt(np.mean(expected**2)) - 1) < 0.1


def linear(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<i2").astype(np.float64) / 32768


def decoded(data: bytes, **how: Any) -> tuple[np.ndarray, int]:
    with av.open(io.BytesIO(data), **how) as container:
        frames = list(container.decode(container.streams.audio[0]))
        resampler = av.AudioResampler(format="flt", layout="mono")
        blocks = [one.to_ndarray().ravel() for frame in frames for one in resampler.resample(frame)]
        return np.concatenate(blocks), frames[0].sample_rate


@pytest.mark.parametrize("rate_hz", [8000, 11_025, 16_000, 24_000, 44_100, 48_000])
async def test_vapi_gets_bare_samples_at_its_rate(rate_hz: int) -> None:
    async with running(keys=[KEY]) as server, server.http(headers={"X-Vapi-Secret": KEY}) as http:
        answer = await http.post(VAPI, json=vapi(sampleRate=rate_hz))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "audio/raw"
    assert resembles(linear(answer.content), rate_hz)


async def test_ulaw_and_linear_at_8_khz_are_the_same_sound() -> None:
    async with running() as server, server.http() as http:
        bare = linear((await http.post(VAPI, json=vapi(sampleRate=8000))).content)
        url = f"/v1/text-to-speech/{VOICE}?output_format=ulaw_8000"
        companded = (await http.post(url, json={"text": TEXT})).content
        url = f"{JAMBONZ}?output_format=ulaw_8000&voice={VOICE}"
        for_jambonz = (await http.post(url, json={"text": TEXT})).content
    assert for_jambonz == companded
    assert len(companded) == len(bare)
    heard, rate_hz = decoded(companded, format="mulaw", options={"sample_rate": "8000"})
    assert rate_hz == 8000
    assert resembles(heard, 8000)
    # The signal-to-noise ratio of G.711 is about 38 dB.
    noise = heard - bare
    assert 10 * np.log10(np.mean(bare**2) / np.mean(noise**2)) > 33


@pytest.mark.parametrize(
    ("query", "content_type", "rate_hz"),
    [
        ("", "audio/mpeg", 24_000),
        ("?output_format=wav_8000", "audio/wav", 8000),
        ("?output_format=wav_24000", "audio/wav", 24_000),
        ("?output_format=pcm_8000", "audio/l16;rate=8000", 8000),
    ],
)
async def test_jambonz_gets_content_types_that_it_knows(query: str, content_type: str, rate_hz: int) -> None:
    body = {"language": "en-US", "voice": VOICE, "type": "text", "text": TEXT}
    async with running(keys=[KEY]) as server, server.http(headers={"authorization": f"Bearer {KEY}"}) as http:
        answer = await http.post(JAMBONZ + query, json=body)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == content_type
    if content_type.startswith("audio/l16"):
        heard, found_hz = linear(answer.content), rate_hz
    else:
        heard, found_hz = decoded(answer.content)
    assert found_hz == rate_hz
    assert resembles(heard, rate_hz)


async def test_ssml_of_jambonz_is_read() -> None:
    text = '<speak>Hello <break time="1s"/> there.</speak>'
    url = f"{JAMBONZ}?output_format=pcm_24000"
    async with running() as server, server.http() as http:
        answer = await http.post(url, json={"type": "ssml", "text": text, "voice": VOICE})
    assert len(linear(answer.content)) == len(tone("", words=2))


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        (VAPI, {}, 422),
        (VAPI, {"message": {"type": "status-update"}}, 422),
        (VAPI, vapi(text=""), 422),
        (VAPI, vapi(sampleRate=100), 422),
        (VAPI, vapi(assistant={"voice": {"voiceId": "nobody"}}), 404),
        (f"{VAPI}?voice=nobody", vapi(), 404),
        (JAMBONZ, {}, 422),
        (JAMBONZ, {"text": "a", "type": "x"}, 422),
        (JAMBONZ, {"text": "a", "voice": "nobody"}, 404),
        (JAMBONZ, {"text": "a", "language": "xx"}, 404),
        (f"{JAMBONZ}?output_format=mp9", {"text": "a"}, 400),
    ],
)
async def test_bad_input_is_a_typed_error(path: str, body: dict[str, Any], status: int) -> None:
    async with running() as server, server.http() as http:
        answer = await http.post(path, json=body)
    assert answer.status_code == status
    assert answer.json()["detail"]


@pytest.mark.parametrize("path", [VAPI, JAMBONZ])
async def test_a_key_is_needed_and_checked(path: str) -> None:
    body = vapi() if path == VAPI else {"text": "Hi."}
    async with running(keys=[KEY]) as server, server.http() as http:
        assert (await http.post(path, json=body)).status_code == 401
        wrong = {"authorization": "Bearer sk-other", "x-vapi-secret": "sk-other"}
        assert (await http.post(path, json=body, headers=wrong)).status_code == 401
        right = {"authorization": f"Bearer {KEY}"}
        assert (await http.post(path, json=body, headers=right)).status_code == 200


async def test_a_signed_request_needs_no_key() -> None:
    body = orjson.dumps(vapi())

    def headers(secret: str, sent: bytes = body) -> dict[str, str]:
        timestamp = str(round(time.time()))
        digest = hmac.new(secret.encode(), timestamp.encode() + b"." + sent, hashlib.sha256).hexdigest()
        return {"x-signature": digest, "x-timestamp": timestamp}

    async with running(keys=[KEY], vapi_hmac_secret="shared") as server, server.http() as http:
        assert (await http.post(VAPI, content=body, headers=headers("shared"))).status_code == 200
        assert (await http.post(VAPI, content=body, headers=headers("other"))).status_code == 401
        assert (await http.post(VAPI, content=body, headers=headers("shared", b"{}"))).status_code == 401
        assert (await http.post(VAPI, content=body)).status_code == 401
    async with running(keys=[KEY]) as server, server.http() as http:
        assert (await http.post(VAPI, content=body, headers=headers("shared"))).status_code == 401


async def test_a_voice_is_chosen_by_the_url_then_the_assistant_then_the_language() -> None:
    voices = {name: ScriptedVoice(name) for name in (VOICE, "b")}
    voices["de"] = ScriptedVoice("de", labels={"language": "de"})
    engine = ScriptedEngine(catalogue=ScriptedCatalogue(voices))
    async with running(engine) as server, server.http() as http:
        await http.post(f"{VAPI}?voice=de", json=vapi(assistant={"voice": {"voiceId": "b"}}))
        await http.post(VAPI, json=vapi(assistant={"voice": {"voiceId": "b"}}))
        await http.post(VAPI, json=vapi())
        await http.post(JAMBONZ, json={"text": "Hallo.", "language": "de-DE"})
    assert [one[1].voice_id for one in engine.log if one[0] == "open"] == ["de", "b", VOICE, "de"]


@asynccontextmanager
async def call(server: Any, query: str = "", key: str = KEY):
    headers = [("authorization", f"Bearer {key}")]
    async with server.socket_at(f"{SOCKET}{query}", headers) as socket:
        yield socket


async def tell(socket: WebSocketConnection, kind: str, **fields: Any) -> None:
    await socket.send_message(orjson.dumps({"type": kind, **fields}).decode())


async def listen(socket: WebSocketConnection, samples: int) -> bytes:
    """Receive audio until it has the expected length."""
    heard = b""
    with trio.fail_after(5):
        while len(heard) < 2 * samples:
            message = await socket.get_message()
            assert isinstance(message, bytes), message
            heard += message
    return heard


@pytest.mark.parametrize("rate_hz", [8000, 16_000, 24_000])
async def test_a_call_begins_with_the_greeting_then_speaks_each_reply(rate_hz: int) -> None:
    async with running(keys=[KEY]) as server, call(server, f"?voice={VOICE}&sampleRate={rate_hz}") as socket:
        assert orjson.loads(await socket.get_message()) == {
            "type": "connect",
            "data": {"sample_rate": rate_hz, "base64_encoding": False},
        }
        for reply in (TEXT, "The second reply of this call.", "Three."):
            for at in range(0, len(reply), 5):
                await tell(socket, "stream", text=reply[at : at + 5])
            await tell(socket, "flush")
            heard = linear(await listen(socket, round(len(pcm_of(reply)) * rate_hz / RATE_HZ) - 100))
            assert resembles(heard, rate_hz, reply), reply
        await tell(socket, "stop")
        with trio.fail_after(5), pytest.raises(ConnectionClosed) as closed:
            while True:
                await socket.get_message()
        assert closed.value.reason.code == 1000
        assert not server.engine.lanes


async def test_a_reply_starts_before_its_flush() -> None:
    async with running() as server, call(server) as socket:
        await socket.get_message()
        await tell(socket, "stream", text="A sentence that is complete. And")
        with trio.fail_after(5):
            assert isinstance(await socket.get_message(), bytes)


async def test_a_wrong_message_is_answered_and_the_call_goes_on() -> None:
    async with running() as server, call(server) as socket:
        await socket.get_message()
        for wrong in ("rubbish", "[]", '{"type": "stream", "text": 7}'):
            await socket.send_message(wrong)
            told = orjson.loads(await socket.get_message())
            assert told["type"] == "error" and told["code"] == "invalid_input_message"
        await tell(socket, "stream", text=TEXT)
        await tell(socket, "flush")
        await listen(socket, len(pcm_of(TEXT)) - 100)


async def test_a_call_that_ends_in_mid_speech_frees_its_lane() -> None:
    engine = ScriptedEngine(step_s=0.05)
    for ending in ("stop", "close"):
        async with running(engine) as server, call(server) as socket:
            await tell(socket, "stream", text=TEXT * 20)
            await until(lambda: len(engine.lanes) == 1)
            if ending == "stop":
                await tell(socket, "stop")
            else:
                await socket.aclose()
            await until(lambda: not engine.lanes)


@pytest.mark.parametrize(
    ("query", "key", "status"),
    [("", "sk-other", 401), ("?voice=nobody", KEY, 404), ("?sampleRate=1", KEY, 400)],
)
async def test_a_wrong_call_is_refused_before_the_upgrade(query: str, key: str, status: int) -> None:
    async with running(keys=[KEY]) as server:
        with pytest.RaisesGroup(ConnectionRejected, flatten_subgroups=True, allow_unwrapped=True) as refused:
            async with call(server, query, key):
                pass
    error = refused.value
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert error.status_code == status


async def test_a_request_without_an_upgrade_is_refused() -> None:
    async with running() as server, server.http() as http:
        assert (await http.get(SOCKET)).status_code == 426


async def test_a_drain_ends_a_call_after_its_speech() -> None:
    engine = ScriptedEngine(step_s=0.02)
    async with running(engine) as server, call(server) as socket:
        await socket.get_message()
        await tell(socket, "stream", text=TEXT)
        heard = await socket.get_message()
        server.drain.set()
        with trio.fail_after(5), pytest.raises(ConnectionClosed) as closed:
            while True:
                heard += await socket.get_message()
        assert closed.value.reason.code == 1012
    assert resembles(linear(heard), RATE_HZ)


async def test_usage_of_telephones_is_counted_by_key() -> None:
    async with running(keys=[KEY]) as server:
        async with call(server) as socket:
            await socket.get_message()
            await tell(socket, "stream", text="Hello.")
            await tell(socket, "flush")
            await socket.get_message()
        async with server.http(headers={"x-vapi-secret": KEY}) as http:
            await http.post(VAPI, json=vapi(text="Hello there."))
            counted = (await http.get("/metrics")).text
    assert 'zelitrio_replies_total{door="telephony"' in counted
    [used] = [line for line in counted.splitlines() if line.startswith("zelitrio_characters_total{")]
    assert used.startswith('zelitrio_characters_total{key="key-') and used.endswith(" 18.0")
