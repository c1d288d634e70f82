"""HTTP on the real server: synthesis in all its shapes, metadata, errors, and clients that leave."""

from __future__ import annotations

import base64

import httpx
import numpy as np
import orjson
import pytest
import trio
from running import KEY, VOICE, read_all, running, until
from scripted_engine import ScriptedEngine, pcm_of

from zelitrio.errors import UtteranceError

TEXT = "It costs 20 dollars, my friend. And then, after all that, it was over!"
BASE = f"/v1/text-to-speech/{VOICE}"
PCM = {"output_format": "pcm_24000"}


def heard(data: bytes) -> np.ndarray:
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768


def said(engine: ScriptedEngine) -> np.ndarray:
    return np.concatenate([pcm_of(text) for text in engine.fed()])


async def post_raw(server, target: str, text: str, header: str = "") -> trio.abc.Stream:
    """Open a request on its own stream; httpx leaves generators open if a test leaves it early."""
    body = orjson.dumps({"text": text})
    stream = await server.connect()
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\n{header}Content-Length: {len(body)}\r\n\r\n"
    await stream.send_all(head.encode() + body)
    return stream


async def test_convert_gives_all_audio_in_one_body_with_its_headers():
    async with running() as server, server.http() as http:
        answer = await http.post(BASE, json={"text": TEXT}, params=PCM)
    assert answer.status_code == 200 and answer.headers["content-type"] == "audio/pcm"
    np.testing.assert_allclose(heard(answer.content), said(server.engine), atol=1e-4)
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["character-cost"] == str(len(TEXT))
    assert answer.headers["current-concurrent-requests"] == "1"
    assert int(answer.headers["maximum-concurrent-requests"]) > 0
    assert float(answer.headers["tts-latency-ms"]) >= 0
    assert "first-audio;dur=" in answer.headers["server-timing"] and answer.headers["request-id"]


@pytest.mark.parametrize(
    ("name", "content_type", "magic"),
    [
        ("mp3_44100_128", "audio/mpeg", b"\xff"),
        ("wav_16000", "audio/wav", b"RIFF"),
        ("opus_48000_32", "audio/opus", b"OggS"),
        ("ulaw_8000", "audio/basic", b""),
    ],
)
async def test_each_kind_of_format_has_its_content_type(name, content_type, magic):
    async with running() as server, server.http() as http:
        answer = await http.post(BASE, json={"text": TEXT}, params={"output_format": name})
    assert answer.headers["content-type"] == content_type and answer.content.startswith(magic)


async def test_stream_sends_audio_while_it_is_made():
    engine = ScriptedEngine(step_s=0.1)
    async with running(engine) as server, server.http() as http:
        started, times, data = trio.current_time(), [], b""
        async with http.stream("POST", f"{BASE}/stream", json={"text": TEXT}, params=PCM) as answer:
            async for piece in answer.aiter_raw():
                times.append(trio.current_time() - started)
                data += piece
    assert times[0] < 0.1 and len(times) > 5 and times[-1] - times[0] > 0.5
    np.testing.assert_allclose(heard(data), said(engine), atol=1e-4)


@pytest.mark.parametrize("output_format", ["pcm_24000", "mp3_44100_128"])
async def test_stream_with_timestamps_gives_lines_that_spell_the_text_once(output_format):
    async with running() as server, server.http() as http:
        answer = await http.post(
            f"{BASE}/stream/with-timestamps", json={"text": TEXT}, params={"output_format": output_format}
        )
    assert answer.content.endswith(b"\n")
    lines = [orjson.loads(line) for line in answer.content.splitlines()]
    assert len(lines) > 2 and all(
        set(line) == {"audio_base64", "alignment", "normalized_alignment"} for line in lines
    )
    told = [line["alignment"] for line in lines if line["alignment"]]
    starts = [start for one in told for start in one["character_start_times_seconds"]]
    assert "".join(char for one in told for char in one["characters"]) == TEXT
    assert starts == sorted(starts)
    spoken = "".join(
        char
        for line in lines
        if line["normalized_alignment"]
        for char in line["normalized_alignment"]["characters"]
    )
    assert "twenty" in spoken


async def test_with_timestamps_is_one_object_with_the_same_audio():
    async with running() as server, server.http() as http:
        whole = (await http.post(f"{BASE}/with-timestamps", json={"text": TEXT}, params=PCM)).json()
        plain = await http.post(BASE, json={"text": TEXT}, params=PCM)
    assert base64.b64decode(whole["audio_base64"]) == plain.content
    assert "".join(whole["alignment"]["characters"]) == TEXT
    ends = whole["alignment"]["character_end_times_seconds"]
    assert ends[-1] <= len(plain.content) / 2 / 24000 + 0.001


async def test_a_text_without_words_is_answered_with_silence():
    async with running() as server, server.http() as http:
        answer = await http.post(BASE, json={"text": "..."}, params=PCM)
    assert answer.status_code == 200 and len(answer.content) and not heard(answer.content).any()


@pytest.mark.parametrize("path", ["", "/stream", "/with-timestamps", "/stream/with-timestamps"])
async def test_errors_have_the_vendors_shapes_on_all_four_endpoints(path):
    async with running(keys=[KEY]) as server, server.http() as http:
        missing = await http.post(BASE + path, json={"text": TEXT})
        assert missing.status_code == 401 and missing.json()["detail"]["type"] == "authentication_error"
        http.headers["xi-api-key"] = "wrong"
        detail = (await http.post(BASE + path, json={"text": TEXT})).json()["detail"]
        assert detail["status"] == "invalid_api_key" and detail["code"] == "unauthorized"
        http.headers["xi-api-key"] = KEY
        unknown = await http.post(f"/v1/text-to-speech/nobody{path}", json={"text": TEXT})
        assert unknown.status_code == 404 and unknown.json()["detail"]["status"] == "voice_not_found"
        assert unknown.json()["detail"]["request_id"] == unknown.headers["request-id"]
        wrong = await http.post(BASE + path, json={"text": TEXT}, params={"output_format": "mp3_1"})
        assert wrong.status_code == 400 and "mp3_44100_128" in wrong.json()["detail"]["message"]
        for body in ({}, {"text": ""}, {"text": 5}, [], {"text": TEXT, "voice_settings": {"speed": "fast"}}):
            answer = await http.post(BASE + path, json=body)
            assert answer.status_code == 422
            assert {"type", "loc", "msg"} <= set(answer.json()["detail"][0])
        assert (await http.post(BASE + path, content=b"{")).status_code == 422


async def test_unknown_fields_are_ignored_and_numbers_clamped():
    async with running() as server, server.http() as http:
        body = {
            "text": TEXT,
            "model_id": "anything",
            "new_thing": [1],
            "voice_settings": {"speed": 9, "style": -1},
        }
        assert (
            await http.post(BASE, json=body, params={"optimize_streaming_latency": "3"})
        ).status_code == 200


async def test_a_large_body_is_refused_with_413_before_it_is_read():
    async with running() as server, server.http() as http:
        answer = await http.post(BASE, content=b"x" * (10 << 20))
        assert answer.status_code == 413 and answer.json()["detail"]["code"] == "payload_too_large"

        async def pieces():
            for _ in range(160):
                yield b"x" * 65536

        answer = await http.post(BASE, content=pieces())
        assert answer.status_code == 413


async def test_a_text_too_long_for_one_body_is_refused_and_streamed():
    async with running() as server, server.http() as http:
        for path in ("", "/with-timestamps"):
            answer = await http.post(BASE + path, json={"text": "word " * 10_000})
            assert answer.status_code == 422 and answer.json()["detail"][0]["type"] == "string_too_long"
        async with await post_raw(server, f"{BASE}/stream", "word " * 10_000) as stream:
            assert b"200" in await stream.receive_some()


async def test_a_player_that_reads_in_real_time_does_not_count_as_stalled():
    engine = ScriptedEngine(block_ms=1000)
    body = orjson.dumps({"text": TEXT * 200})
    target = f"{BASE}/stream?output_format=pcm_48000"
    head = f"POST {target} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
    async with running(engine, write_timeout_s=0.6) as server:
        with trio.socket.socket() as player:
            player.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_RCVBUF, 8192)
            await player.connect(("127.0.0.1", server.port))
            await player.send(head.encode() + body)
            for _ in range(40):  # 80 kB a second, and never 64 KiB within the deadline
                assert await player.recv(4096)
                await trio.sleep(0.05)
            assert engine.lanes


async def test_a_missing_body_times_out():
    async with (
        running(head_timeout_s=0.2, write_timeout_s=0.2) as server,
        await server.connect() as stream,
    ):
        await stream.send_all(f"POST {BASE} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode())
        with trio.fail_after(3):
            assert b"408" in (await read_all(stream)).partition(b"\r\n")[0]


async def test_a_client_that_leaves_frees_its_lane():
    engine = ScriptedEngine(step_s=0.1)
    async with running(engine) as server:
        for path in ("/stream", ""):
            async with await post_raw(server, f"{BASE}{path}?output_format=pcm_24000", TEXT * 20) as stream:
                if path:
                    assert b"200" in await stream.receive_some()
                await until(lambda: len(engine.lanes) == 1)
            await until(lambda: not engine.lanes)


async def test_a_stalled_reader_frees_its_lane_and_does_not_delay_shutdown():
    engine = ScriptedEngine(block_ms=1000)
    target = f"{BASE}/stream?output_format=pcm_48000"
    async with (
        running(engine, write_timeout_s=0.3) as server,
        await post_raw(server, target, TEXT * 1000),
    ):
        await until(lambda: engine.lanes)
        await until(lambda: not engine.lanes, 5)
    async with (
        running(engine, write_timeout_s=600) as server,
        await post_raw(server, target, TEXT * 1000),
    ):
        await until(lambda: engine.lanes)
        await trio.sleep(0.3)
        with trio.fail_after(1):
            server.scope.cancel()
            await server.ended.wait()
    assert engine.lanes == []


async def test_the_loop_stays_free_after_a_streaming_client_left():
    # Under hypercorn a send after the client has left returns at once and is not a checkpoint.
    engine = ScriptedEngine()
    async with running(engine) as server:
        for _ in range(3):
            async with await post_raw(server, f"{BASE}/stream?output_format=pcm_24000", TEXT * 100) as stream:
                await stream.receive_some()
            gaps = []
            for _ in range(20):
                before = trio.current_time()
                await trio.sleep(0.01)
                gaps.append(trio.current_time() - before)
            assert max(gaps) < 0.5
            await until(lambda: not engine.lanes)


async def test_a_full_engine_answers_429_with_retry_after():
    async with running(ScriptedEngine(max_streams=0)) as server, server.http() as http:
        answer = await http.post(f"{BASE}/stream", json={"text": TEXT})
    assert answer.status_code == 429 and answer.headers["retry-after"] == "1"
    assert answer.json()["detail"]["code"] == "system_busy"


async def test_a_failure_before_the_first_audio_is_500_and_after_it_cuts_the_connection():
    engine = ScriptedEngine(failures={"over": UtteranceError("at /secret/place")})
    async with running(engine) as server, server.http() as http:
        answer = await http.post(BASE, json={"text": TEXT})
        assert answer.status_code == 500 and "secret" not in answer.text
        with pytest.raises(httpx.RemoteProtocolError):
            await http.post(f"{BASE}/stream", json={"text": TEXT}, params=PCM)
    assert engine.lanes == []


async def test_a_connection_serves_many_requests():
    async with running() as server, server.http(limits=httpx.Limits(max_connections=1)) as http:
        for _ in range(5):
            assert (await http.post(f"{BASE}/stream", json={"text": TEXT})).status_code == 200
        assert server.engine.lanes == []


async def test_a_drain_lets_an_answer_under_way_finish():
    engine = ScriptedEngine(step_s=0.05)
    async with (
        running(engine) as server,
        await post_raw(server, f"{BASE}/stream?output_format=pcm_24000", TEXT) as stream,
    ):
        answer = bytes(await stream.receive_some())
        server.drain.set()
        with trio.fail_after(5):
            answer += await read_all(stream)
            await server.ended.wait()
    assert answer.endswith(b"\r\n0\r\n\r\n") and len(answer) > 2 * len(said(engine))


@pytest.mark.parametrize("path", ["", "/stream", "/stream/with-timestamps", "?output_format=wrong"])
async def test_a_connection_asked_to_close_is_closed_after_the_answer(path):
    async with (
        running() as server,
        await post_raw(server, BASE + path, TEXT, "Connection: close\r\n") as stream,
    ):
        with trio.fail_after(1):
            assert b"HTTP/1.1" in await read_all(stream)


async def test_metadata_answers_in_the_vendors_shapes():
    async with running() as server, server.http() as http:
        voices = (await http.get("/v1/voices")).json()["voices"]
        assert {"voice_id", "name", "category"} <= set(voices[0])
        page = (await http.get("/v2/voices")).json()
        assert page["voices"] == voices and page["has_more"] is False and page["total_count"] == len(voices)
        assert (await http.get(f"/v1/voices/{VOICE}")).json()["voice_id"] == VOICE
        assert (await http.get("/v1/voices/nobody")).status_code == 404
        settings = (await http.get(f"/v1/voices/{VOICE}/settings")).json()
        assert settings == (await http.get("/v1/voices/settings/default")).json() and settings["speed"] == 1.0
        models = (await http.get("/v1/models", headers={"xi-api-key": ""})).json()
        assert isinstance(models, list) and models[0]["can_do_text_to_speech"]
        assert not any(model["model_id"].startswith(("eleven_v3", "eleven_v4")) for model in models)
        user = (await http.get("/v1/user")).json()
        assert user["subscription"] == (await http.get("/v1/user/subscription")).json()
        token = await http.post("/v1/single-use-token/tts_websocket")
        assert token.json()["token"]
        assert (await http.post("/v1/single-use-token/other")).status_code == 404


async def test_unknown_paths_and_methods_are_reported_in_the_vendors_shape():
    async with running() as server, server.http() as http:
        assert (await http.get("/nowhere")).json()["detail"]["code"] == "not_found"
        assert (await http.get(BASE)).status_code == 405
        assert (await http.get(f"{BASE}/stream-input")).status_code == 426


async def test_live_ready_and_metrics_answer_without_a_key():
    async with running(keys=[KEY]) as server, server.http() as http:
        assert (await http.get("/live")).status_code == 200
        assert (await http.get("/ready")).status_code == 200
        await http.post(BASE, json={"text": TEXT}, headers={"xi-api-key": KEY})
        text = (await http.get("/metrics")).text
    for name in (
        "zelitrio_streams_active 0.0",
        "zelitrio_first_audio_seconds_count 1.0",
        "zelitrio_audio_seconds_sum",
        "zelitrio_audio_sent_seconds_total",
        "zelitrio_load 0.0",
        "zelitrio_sockets_open 0.0",
        'zelitrio_streams_total{reason="done"} 1.0',
        'zelitrio_http_requests_total{endpoint="convert",status="200"} 1.0',
    ):
        assert name in text, name


async def test_two_servers_have_separate_metrics():
    async with running() as one, running() as two, one.http() as http, two.http() as other:
        await http.post(BASE, json={"text": TEXT})
        assert "zelitrio_first_audio_seconds_count 0.0" in (await other.get("/metrics")).text
