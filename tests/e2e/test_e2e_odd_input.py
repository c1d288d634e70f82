"""Any input gets speech or a typed error in bounded time, and other clients are not affected."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest
import trio
from conftest import KEY, VOICE, Server
from trio_websocket import ConnectionClosed, WebSocketConnection, wrap_client_stream

from zelitrio.client import open_client
from zelitrio.settings import VoiceSettings

BOUND_S = 30
ODD_TEXTS = {
    "NUL": "Hello\x00there, \x00\x00 you.",
    "emoji": "Well done \U0001f389\U0001f469\u200d\U0001f680 \u2764\ufe0f!",
    "right to left": "He said \u05e9\u05dc\u05d5\u05dd and \u0645\u0631\u062d\u0628\u0627 to us.",
    "CJK": "The sign said \u4f60\u597d\u4e16\u754c and \u3053\u3093\u306b\u3061\u306f.",
    "no spaces": "abcdefghij" * 300,
    "only punctuation": "...?! -- ,,, ;;; ()[]{} ***",
    "only emoji": "\U0001f389\U0001f389",
    "combining marks": "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324 waits" * 20,
    "surrogate": "broken \\ud800 half",
    "markup": '<speak>1 < 2 && 3 > 2</speak> {"a": [1]}',
    "newlines": "\n\n\r\n One.\r\n\tTwo.\n\n" * 10,
    "long number": "9" * 400,
}


async def spoken(server: Server, text: str, output_format: str = "pcm_16000") -> bytes:
    settings = VoiceSettings(stability=1.0)
    async with open_client(
        server.url, api_key=KEY, voice_id=VOICE, output_format=output_format, settings=settings, seed=7
    ) as client:
        await client.send_text(text)
        await client.end()
        return b"".join([part.audio async for part in client])


@asynccontextmanager
async def raw_socket(server: Server, voice: str = VOICE) -> AsyncIterator[WebSocketConnection]:
    """A socket for messages that no real client sends.

    The test closes the stream, because trio-websocket leaves it open if the server closes first.
    """
    host, port = server.url.removeprefix("http://").split(":")
    target = f"/v1/text-to-speech/{voice}/stream-input"
    async with await trio.open_tcp_stream(host, int(port)) as stream, trio.open_nursery() as nursery:
        headers = [(b"xi-api-key", KEY.encode())]
        yield await wrap_client_stream(nursery, stream, host, target, extra_headers=headers)
        nursery.cancel_scope.cancel()


async def speaks_on(server: Server) -> bytes:
    return await spoken(server, "Somebody else is speaking all the while, and must not notice.")


@pytest.mark.parametrize("name", ODD_TEXTS)
async def test_an_odd_text_is_spoken_or_skipped_and_another_stream_sounds_the_same(
    server: Server, name: str
) -> None:
    alone = await speaks_on(server)
    heard: list[bytes] = []
    with trio.fail_after(BOUND_S):
        async with trio.open_nursery() as nursery:

            async def other() -> None:
                heard.append(await speaks_on(server))

            nursery.start_soon(other)
            audio = await spoken(server, ODD_TEXTS[name])
    assert len(audio) > 0  # also for a text without words, because clients fail on a turn without audio
    assert len(heard[0]) == len(alone)
    # Another batch may change the last bits of a sample, out of 32768.
    np.testing.assert_allclose(np.frombuffer(heard[0], "<i2"), np.frombuffer(alone, "<i2"), atol=8)


ODD_MESSAGES = {
    "not JSON": "hello",
    "binary": b"\x00\x01",
    "a list": "[]",
    "NaN": '{"text": " ", "voice_settings": {"stability": NaN}}',
    "60,000 deep": "[" * 60_000,
    "wrong type of text": '{"text": 5}',
    "wrong type of settings": '{"text": " ", "voice_settings": []}',
    "wrong type of a setting": '{"text": " ", "voice_settings": {"speed": "fast"}}',
    "wrong type of schedule": '{"text": " ", "generation_config": {"chunk_length_schedule": "all"}}',
}


@pytest.mark.parametrize("name", ODD_MESSAGES)
async def test_an_odd_message_gets_an_error_frame_and_a_close_code(server: Server, name: str) -> None:
    with trio.fail_after(BOUND_S):
        async with raw_socket(server) as ws:
            await ws.send_message(ODD_MESSAGES[name])
            frame = json.loads(await ws.get_message())
            assert frame["error"] == "invalid_input_message"
            assert frame["message"]
            with pytest.raises(ConnectionClosed) as caught:
                await ws.get_message()
    assert caught.value.reason is not None
    assert caught.value.reason.code == frame["code"] == 1008


async def test_a_message_of_4_mib_is_1009(server: Server) -> None:
    with trio.fail_after(BOUND_S):
        async with raw_socket(server) as ws:
            with pytest.raises(ConnectionClosed) as caught:
                await ws.send_message('{"text": "' + "a" * (4 << 20) + '"}')
                await ws.get_message()
    assert caught.value.reason is not None
    assert caught.value.reason.code == 1009


async def test_an_unknown_voice_is_reported_after_the_first_message(server: Server) -> None:
    with trio.fail_after(BOUND_S):
        async with raw_socket(server, voice="nobody") as ws:
            await ws.send_message('{"text": " "}')
            assert json.loads(await ws.get_message())["error"] == "voice_id_does_not_exist"


async def test_three_hundred_flushes_give_the_speech_once(server: Server) -> None:
    once = await spoken(server, "Said once.")
    with trio.fail_after(BOUND_S):
        async with open_client(
            server.url,
            api_key=KEY,
            voice_id=VOICE,
            output_format="pcm_16000",
            settings=VoiceSettings(stability=1.0),
            seed=7,
        ) as client:
            await client.send_text("Said once.")
            for _ in range(300):
                await client.flush()
            await client.end()
            audio = b"".join([part.audio async for part in client])
    assert len(audio) == len(once)


def test_a_client_that_vanishes_frees_its_lane(server: Server) -> None:
    port = int(server.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as raw:
        raw.sendall(
            f"GET /v1/text-to-speech/{VOICE}/stream-input HTTP/1.1\r\nHost: localhost\r\n"
            f"xi-api-key: {KEY}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
        )
        assert raw.recv(4096).startswith(b"HTTP/1.1 101")
        raw.sendall(_masked(json.dumps({"text": "A long story. " * 200, "flush": True}).encode()))
        assert raw.recv(1)  # it speaks
        assert _streams_active(server) == 1
        # A reset without close frame or FIN, as after a killed process or a pulled cable.
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    for _ in range(200):
        if _streams_active(server) == 0:
            return
    pytest.fail("the lane of a client that is gone was not freed")


def _masked(payload: bytes) -> bytes:
    return b"\x81\xfe" + struct.pack(">H", len(payload)) + bytes(4) + payload


def _streams_active(server: Server) -> float:
    with httpx.Client(trust_env=False) as client:
        metrics = client.get(f"{server.url}/metrics").text
    (line,) = [line for line in metrics.splitlines() if line.startswith("zelitrio_streams_active")]
    return float(line.split()[-1])
