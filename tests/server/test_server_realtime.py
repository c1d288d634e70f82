"""Realtime sockets on the real server: messages, deadlines, and peers that misbehave."""

from __future__ import annotations

import base64
import logging
import struct

import numpy as np
import orjson
import pytest
import trio
from running import KEY, VOICE, hear, pcm_in, read_all, running, say, until
from scripted_engine import ScriptedEngine, pcm_of
from trio_websocket import ConnectionClosed
from wsproto.frame_protocol import FrameProtocol

from zelitrio.session.codec_threads import CodecThreads
from zelitrio.settings import SessionSettings

TEXT = "Hello there, this is a sentence to be spoken. "
PATH = f"/v1/text-to-speech/{VOICE}/stream-input"
UPGRADE = (
    "Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


async def speak_once(server, **query):
    async with server.socket(**query) as socket:
        await say(socket, text=TEXT)
        await say(socket, text="")
        frames = await hear(socket)
    return frames, socket.closed


async def test_a_text_is_spoken_and_the_socket_closes_with_1000():
    async with running() as server:
        frames, closed = await speak_once(server)
        np.testing.assert_allclose(pcm_in(frames), pcm_of(TEXT), atol=1e-4)
        assert frames[-1]["isFinal"] and closed.code == 1000 and server.engine.lanes == []


async def test_many_sockets_at_once_get_only_their_own_audio():
    texts = [f"This is number {number} speaking for itself. " for number in range(20)]
    heard: dict[str, np.ndarray] = {}

    async def one(server, text):
        async with server.socket() as socket:
            await say(socket, text=text)
            await say(socket, text="")
            heard[text] = pcm_in(await hear(socket))

    async with running(ScriptedEngine(step_s=0.002)) as server, trio.open_nursery() as nursery:
        for text in texts:
            nursery.start_soon(one, server, text)
    for text in texts:
        np.testing.assert_allclose(heard[text], pcm_of(text), atol=1e-4)


@pytest.mark.parametrize(
    "headers", [[("xi-api-key", KEY)], [("authorization", f"Bearer {KEY}")], [("authorization", KEY)]]
)
async def test_the_key_may_come_in_a_header(headers):
    async with running(keys=[KEY]) as server, server.socket(headers=headers) as socket:
        await say(socket, text=TEXT)
        await say(socket, text="")
        assert (await hear(socket))[-1]["isFinal"]


async def test_a_wrong_or_missing_key_gets_an_error_frame_and_1008():
    async with running(keys=[KEY]) as server:
        for headers in ([("xi-api-key", "wrong")], []):
            async with server.socket(headers=headers) as socket:
                await say(socket, text=" ")
                frames = await hear(socket)
            assert frames[0]["error"] in ("invalid_api_key", "missing_api_key") and socket.closed.code == 1008


async def test_a_single_use_token_opens_one_socket_once():
    async with running(keys=[KEY]) as server, server.http(headers={"xi-api-key": KEY}) as http:
        token = (await http.post("/v1/single-use-token/tts_websocket")).json()["token"]
        frames, closed = await speak_once(server, single_use_token=token)
        assert closed.code == 1000 and frames[-1]["isFinal"]
        frames, closed = await speak_once(server, single_use_token=token)
        assert closed.code == 1008 and frames[0]["error"] == "invalid_api_key"


@pytest.mark.parametrize(
    ("query", "status"), [({"output_format": "mp3_1"}, 400), ({"sync_alignment": "perhaps"}, 400)]
)
async def test_a_wrong_url_is_refused_before_the_upgrade(query, status):
    from trio_websocket import ConnectionRejected

    async with running() as server:
        with pytest.raises((ConnectionRejected, BaseExceptionGroup)) as caught:
            async with server.socket(**query):
                pass
        error = caught.value
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        assert error.status_code == status
        assert next(iter(query)) in orjson.loads(error.body)["detail"]["message"]


async def test_a_broken_upgrade_is_closed():
    async with running(head_timeout_s=0.3) as server:
        async with await server.connect() as stream:
            await stream.send_all(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n\r\n".encode())
            with trio.fail_after(2):
                answer = await read_all(stream)
        assert answer.startswith(b"HTTP/1.1 400 ")


async def test_a_message_too_large_closes_with_1009():
    async with running(max_message_bytes=4096) as server, server.socket() as socket:
        await socket.send_message("x" * (4 << 20))
        await hear(socket)
        assert socket.closed.code == 1009


@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_message_is_measured_in_bytes(pieces):
    text = "声" * 1000  # 3,000 bytes
    for limit, code in ((2500, 1009), (4000, None)):
        async with running(max_message_bytes=limit) as server, await server.connect() as stream:
            await stream.send_all(
                f"GET /v1/text-to-speech/{VOICE}/stream-input HTTP/1.1\r\nHost: localhost\r\n".encode()
                + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            data = orjson.dumps({"text": text + " "})
            size = -(-len(data) // pieces)
            for start in range(0, len(data), size):
                part = data[start : start + size]
                first = (0x81 if start + size >= len(data) else 0x01) if not start else 0x00
                first = 0x80 if start and start + size >= len(data) else first
                await stream.send_all(struct.pack("!BBHI", first, 0x80 | 126, len(part), 0) + part)
            await stream.send_all(b"\x88\x80\0\0\0\0")
            with trio.fail_after(5):
                answer = await read_all(stream)
            assert (struct.pack("!H", 1009) in answer) == (code == 1009)


async def test_a_client_that_vanishes_frees_its_lane():
    async with running(ScriptedEngine(step_s=0.05)) as server:
        stream = await upgraded(server)
        await stream.send_all(client_frame(orjson.dumps({"text": TEXT * 20, "flush": True})))
        await until(lambda: server.engine.lanes)
        await trio.aclose_forcefully(stream)
        await until(lambda: not server.engine.lanes)


async def test_a_stalled_reader_is_dropped_and_affects_no_other_client():
    engine = ScriptedEngine(block_ms=1000)
    async with running(engine, write_timeout_s=0.5) as server:
        stalled = await upgraded(server, "pcm_48000")
        await stalled.send_all(client_frame(orjson.dumps({"text": TEXT * 1000, "flush": True})))
        await until(lambda: engine.lanes)
        with trio.fail_after(2):
            _, closed = await speak_once(server)
        assert closed.code == 1000
        await until(lambda: not engine.lanes, 5)
        await stalled.aclose()


async def test_a_stalled_reader_does_not_delay_cancelling_the_server():
    engine = ScriptedEngine(block_ms=1000)
    async with running(engine, write_timeout_s=600) as server:
        stalled = await upgraded(server, "pcm_48000")
        await stalled.send_all(client_frame(orjson.dumps({"text": TEXT * 1000, "flush": True})))
        await until(lambda: engine.lanes)
        await trio.sleep(0.3)
        with trio.fail_after(1):
            server.scope.cancel()
            await server.ended.wait()
        await stalled.aclose()
        assert engine.lanes == []


async def test_a_peer_that_answers_no_ping_is_dropped():
    async with running(ping_s=0.1) as server, await upgraded(server) as stream:
        with trio.fail_after(2):
            await read_all(stream)


async def test_a_peer_that_answers_pings_may_stay():
    async with running(ping_s=0.5) as server, server.socket("multi-stream-input") as socket:
        await trio.sleep(1.2)
        await say(socket, text=TEXT, flush=True, context_id="x")
        assert orjson.loads(await socket.get_message())["audio"]


async def test_a_drain_lets_sockets_finish_and_closes_idle_ones_with_1012():
    async with running(ScriptedEngine(step_s=0.1)) as server:
        async with server.socket() as idle, server.socket() as speaking:
            await say(idle, text=" ")
            await say(speaking, text=TEXT * 3, flush=True)
            await speaking.get_message()
            server.drain.set()
            await hear(idle)
            assert idle.closed.code == 1012 and idle.closed.reason == "service restart"
            async with server.http() as http:
                assert (await http.get("/ready")).status_code == 503
                assert (await http.get("/live")).status_code == 200
                refused = await http.post(f"/v1/text-to-speech/{VOICE}", json={"text": TEXT})
                assert refused.status_code == 503 and refused.headers["retry-after"] == "5"
                assert refused.json()["detail"]["code"] == "service_restart"
            frames = await hear(speaking)
            assert frames and speaking.closed.code == 1012
        with trio.fail_after(5):
            await server.ended.wait()


async def test_a_drain_ends_after_its_time_and_says_so():
    async with running(ScriptedEngine(step_s=10), drain_s=0.2) as server, server.socket() as socket:
        await say(socket, text=TEXT * 5, flush=True)
        await socket.get_message()
        server.drain.set()
        with trio.fail_after(2):
            await server.ended.wait()
        with pytest.raises(ConnectionClosed):
            await socket.get_message()
        assert socket.closed.code == 1012 and socket.closed.reason == "service restart"


async def test_a_lost_engine_is_reported_and_ends_the_server_with_its_error():
    from zelitrio.errors import EngineError

    engine = ScriptedEngine(step_s=0.05)
    with pytest.raises(BaseExceptionGroup) as caught:
        async with running(engine) as server, server.socket() as socket:
            await say(socket, text=TEXT * 5, flush=True)
            await socket.get_message()
            engine.break_down()
            frames = await hear(socket)
            assert frames[-1]["error"] == "something_went_wrong" and socket.closed.code == 1011
            await trio.sleep(5)
    assert caught.group_contains(EngineError)


async def test_a_context_id_may_be_long_but_must_be_valid():
    async with running() as server, server.socket("multi-stream-input") as socket:
        await say(socket, text=TEXT, context_id="x" * 10_000, flush=True)
        await say(socket, text=TEXT, context_id={"not": "a string"})
        frames = []
        while not frames or "error" not in frames[-1]:
            frames.append(orjson.loads(await socket.get_message()))
        await say(socket, text=TEXT, context_id="y", flush=True)
        while True:
            frame = orjson.loads(await socket.get_message())
            if frame.get("contextId") == "y" and frame.get("audio"):
                break


async def test_a_silent_peer_is_closed(caplog):
    caplog.set_level(logging.ERROR)
    async with running(keys=[KEY], session=SessionSettings(auth_timeout_s=0.2)) as server:
        async with server.socket() as socket:
            frames = await hear(socket)
        assert frames[0]["error"] == "missing_api_key" and socket.closed.code == 1008


# A WebSocket client that sends exactly the given bytes.


async def upgraded(server, output_format: str = "pcm_24000") -> trio.SocketStream:
    stream = await server.connect()
    await stream.send_all(f"GET {PATH}?output_format={output_format} HTTP/1.1\r\n{UPGRADE}\r\n".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += await stream.receive_some(1024)
    assert b"101" in answer.partition(b"\r\n")[0]
    return stream


def client_frame(payload: bytes) -> bytes:
    size = bytes([0x80 | 126]) + len(payload).to_bytes(2, "big")
    if len(payload) < 126:
        size = bytes([0x80 | len(payload)])
    elif len(payload) > 65535:
        size = bytes([0x80 | 127]) + len(payload).to_bytes(8, "big")
    return b"\x81" + size + b"\0\0\0\0" + payload


async def test_a_peer_that_is_refused_while_sending_can_read_the_reason():
    upgrade = f"GET {PATH} HTTP/1.1\r\n{UPGRADE}xi-api-key: wrong\r\n\r\n"
    message = FrameProtocol(client=True, extensions=[]).send_data('{"text": "Hello "}', fin=True)
    async with running(keys=[KEY]) as server, await server.connect() as stream:
        await stream.send_all(upgrade.encode())
        for _ in range(4):
            await trio.sleep(0.1)  # the first is answered with a close, the others come after it
            await stream.send_all(message)
        with trio.fail_after(4):
            answer = await read_all(stream)
    assert b"invalid_api_key" in answer and answer.endswith(b"Invalid API key")


async def test_encoding_in_threads_gives_the_same_bytes(monkeypatch):
    def audio(frames):
        return b"".join(base64.b64decode(frame["audio"]) for frame in frames if frame["audio"])

    heard = []
    for threads in (None, CodecThreads(2)):
        monkeypatch.setattr("zelitrio.server.state.encoding_threads", lambda threads=threads: threads)
        async with running(ScriptedEngine(block_ms=400)) as server:
            frames, _ = await speak_once(server, output_format="mp3_44100_128")
        heard.append(audio(frames))
    assert heard[0] == heard[1] and len(heard[0]) > 4000
