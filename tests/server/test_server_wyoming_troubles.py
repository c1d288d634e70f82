"""The Wyoming server in trouble: failed texts, peers that leave, stall or send invalid data, drains, bugs."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from typing import Any

import pytest
import trio
from running import hear, pcm_in, read_all, say, until
from scripted_engine import ScriptedEngine, pcm_of
from wyoming.audio import AudioChunk
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeVoice,
)
from wyoming_door import WAIT_S, events_until, names, samples, wyoming

from zelitrio.errors import EngineError, UtteranceError
from zelitrio.protocol.wyoming import event_bytes
from zelitrio.server import wyoming as door


async def test_a_failed_text_without_streaming_gets_an_error_and_the_end() -> None:
    async def speak(client: AsyncTcpClient) -> tuple[Event | None, Event | None]:
        await client.write_event(Synthesize("Hello.", voice=SynthesizeVoice(name="nobody")).event())
        return await client.read_event(), await client.read_event()

    async with wyoming() as one:
        told, end = await one.with_client(speak)
    assert told is not None and Error.is_type(told.type)
    assert Error.from_event(told).code == "voice_not_found"
    assert end is None, "Home Assistant would wait for ever"


@pytest.mark.parametrize("fails", ["at the start", "in the middle"])
async def test_a_failed_stream_is_read_to_its_end_then_stopped(fails: str) -> None:
    engine = ScriptedEngine(failures={"boom": UtteranceError("broken")}, step_s=0.01)
    voice = SynthesizeVoice(name="nobody") if fails == "at the start" else None

    async def speak(client: AsyncTcpClient) -> list[Event]:
        await client.write_event(SynthesizeStart(voice=voice).event())
        await client.write_event(SynthesizeChunk("This goes well enough. Here is boom. ").event())
        events = await events_until(client, Error)
        for _ in range(20):  # Home Assistant keeps writing
            await client.write_event(SynthesizeChunk("More text. ").event())
            await asyncio.sleep(0.002)
        await client.write_event(SynthesizeStop().event())
        events += await events_until(client, SynthesizeStopped)
        assert await client.read_event() is None
        return events

    async with wyoming(engine) as one:
        events = await one.with_client(speak)
        async with one.server.http() as http:
            counted = (await http.get("/metrics")).text
    assert "audio-stop" not in names(events)
    code = "voice_not_found" if voice else "something_went_wrong"
    assert f'zelitrio_replies_total{{door="wyoming",outcome="{code}"}} 1.0' in counted
    assert not engine.lanes


async def test_a_refused_stream_says_that_the_server_is_busy() -> None:
    async def speak(client: AsyncTcpClient) -> str | None:
        await client.write_event(Synthesize("Hello there.").event())
        return Error.from_event((await events_until(client, Error))[-1]).code

    async with wyoming(ScriptedEngine(max_streams=0)) as one:
        assert await one.with_client(speak) == "system_busy"


async def test_a_client_that_leaves_in_mid_text_frees_its_lane() -> None:
    engine = ScriptedEngine(step_s=0.05)
    async with wyoming(engine) as one:
        stream = await one.connect()
        await stream.send_all(event_bytes("synthesize-start"))
        await stream.send_all(event_bytes("synthesize-chunk", {"text": "A long sentence is spoken. " * 20}))
        await until(lambda: len(engine.lanes) == 1)
        await stream.aclose()
        await until(lambda: not engine.lanes)
        await until(lambda: not one.server.engine.lanes)


async def test_a_client_that_leaves_in_mid_speech_frees_its_lane() -> None:
    engine = ScriptedEngine(step_s=0.02)
    async with wyoming(engine) as one:
        stream = await one.connect()
        await stream.send_all(event_bytes("synthesize", {"text": "A long sentence is spoken. " * 200}))
        await until(lambda: len(engine.lanes) == 1)
        await stream.receive_some()
        await stream.aclose()
        await until(lambda: not engine.lanes)


async def test_a_client_that_ends_its_side_after_its_text_gets_all_audio() -> None:
    text = "Everything of this is heard."
    async with wyoming(ScriptedEngine(step_s=0.01)) as one, await one.connect() as stream:
        await stream.send_all(event_bytes("synthesize", {"text": text}))
        await stream.send_eof()
        with trio.fail_after(WAIT_S):
            heard = await read_all(stream)
    assert heard.endswith(event_bytes("audio-stop"))
    assert len(heard) > 2 * len(pcm_of(text))


RUBBISH = {
    "not JSON": b"GET / HTTP/1.1\r\n\r\n",
    "a list": b"[]\n",
    "a line without an end": b"{" * 100_000,
    "a length that is too large": b'{"type": "synthesize", "data_length": 99999999}\n',
    "half an event": b'{"type": "synth',
    "half its data": b'{"type": "synthesize", "data_length": 50}\n{"text"',
    "a stream without an end": event_bytes("synthesize-start"),
    "more text than may wait": b"".join(event_bytes("synthesize", {"text": "a " * 2000}) for _ in range(300)),
    "more events than may wait": event_bytes("synthesize", {"text": ""}) * 20_000,
    "pings without reading": event_bytes("ping", {"text": "p" * 60_000}) * 100,
    "descriptions without reading": event_bytes("describe") * 2_000,
}


@pytest.mark.parametrize("name", RUBBISH)
async def test_invalid_data_and_stalls_end_only_their_connection(name: str, monkeypatch) -> None:
    monkeypatch.setattr(door, "STALL_S", 0.3)
    text = "The bystander hears every sample of this, whatever others do meanwhile. " * 3

    async def listen(server: Any) -> bytes:
        async with server.socket(seed="7") as bystander:
            await say(bystander, text=text, flush=True)
            await say(bystander, text="")
            return pcm_in(await hear(bystander)).tobytes()

    settings: dict[str, Any] = {"head_timeout_s": 0.2, "write_timeout_s": 0.2, "max_body_bytes": 100_000}
    async with wyoming(ScriptedEngine(step_s=0.01), **settings) as one:
        alone = await listen(one.server)
        heard: list[bytes] = []
        async with trio.open_nursery() as nursery:

            async def stand_by() -> None:
                heard.append(await listen(one.server))

            async def visit(ending: str) -> None:
                stream = await one.connect()
                with trio.move_on_after(0.5):
                    with suppress(trio.BrokenResourceError):
                        await stream.send_all(RUBBISH[name])
                if ending == "reset":
                    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                if ending == "stay":
                    with trio.fail_after(WAIT_S):
                        await read_all(stream)  # the server closes it
                await stream.aclose()

            nursery.start_soon(stand_by)
            for ending in ("close", "reset", "stay"):
                nursery.start_soon(visit, ending)
        assert heard == [alone]
        async with one.server.http() as http:
            await until_quiet(http)
            counted = (await http.get("/metrics")).text
        assert "zelitrio_connections_failed_total 0.0" in counted
        assert not one.server.engine.lanes


async def until_quiet(http: Any) -> None:
    """Wait until this client's connection is the only one."""
    with trio.fail_after(WAIT_S):
        while "zelitrio_connections_open 1.0" not in (await http.get("/metrics")).text:  # noqa: ASYNC110
            await trio.sleep(0.02)


async def test_a_reader_that_stalls_loses_its_connection_after_the_write_timeout() -> None:
    engine = ScriptedEngine()
    async with wyoming(engine, write_timeout_s=0.3) as one:
        stream = await one.connect()
        await stream.send_all(event_bytes("synthesize", {"text": "So many words are spoken here. " * 1000}))
        await until(lambda: bool(engine.lanes))
        await until(lambda: not engine.lanes, 10)
        await stream.aclose()


async def test_a_drain_speaks_received_text_and_refuses_new_text() -> None:
    engine = ScriptedEngine(step_s=0.02)

    async def speak(client: AsyncTcpClient) -> list[Event]:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk("This is being spoken while the server drains. ").event())
        events = await events_until(client, AudioChunk)
        trio.from_thread.run_sync(one.server.drain.set)
        return events + await events_until(client, SynthesizeStopped)

    async with wyoming(engine) as one:
        async with await one.connect() as idle:
            events = await one.with_client(speak)
            with trio.fail_after(WAIT_S):
                assert await read_all(idle) == b""
        with trio.fail_after(WAIT_S):
            await one.server.ended.wait()
    assert len(samples(events)) == len(pcm_of("This is being spoken while the server drains. "))


async def test_a_drain_that_takes_too_long_says_so() -> None:
    async with wyoming(ScriptedEngine(step_s=0.1), drain_s=0.2) as one, await one.connect() as stream:
        await stream.send_all(event_bytes("synthesize", {"text": "A long sentence is spoken. " * 20}))
        await stream.receive_some()
        one.server.drain.set()
        with trio.fail_after(WAIT_S):
            heard = await read_all(stream)
            await one.server.ended.wait()
        assert b"service_restart" in heard


async def test_a_broken_engine_is_reported() -> None:
    engine = ScriptedEngine(step_s=0.1)
    heard = b""
    with pytest.RaisesGroup(EngineError, flatten_subgroups=True):
        async with wyoming(engine) as one, await one.connect() as stream:
            await stream.send_all(event_bytes("synthesize", {"text": "A long sentence is spoken. " * 20}))
            await stream.receive_some()
            engine.break_down()
            with trio.fail_after(WAIT_S):
                heard = await read_all(stream)
                await trio.sleep_forever()  # ends with the server
    assert b"something_went_wrong" in heard


@pytest.mark.parametrize("name", ["choose", "start", "send", "finish"])
async def test_a_bug_ends_one_connection(name: str, monkeypatch) -> None:
    def broken(*args: object, **named: object) -> None:
        raise RuntimeError("injected")

    monkeypatch.setattr(door._Wire, name, broken)
    async with wyoming() as one:
        async with await one.connect() as stream:
            await stream.send_all(event_bytes("synthesize", {"text": "Hello there."}))
            with trio.fail_after(WAIT_S):
                await read_all(stream)
        async with one.server.http() as http:
            counted = (await http.get("/metrics")).text
        assert "zelitrio_connections_failed_total 1.0" in counted
        assert not one.server.engine.lanes


async def test_connections_above_the_limit_are_closed_and_counted() -> None:
    async with wyoming(max_connections=2) as one:
        first, second = await one.connect(), await one.connect()
        await first.send_all(event_bytes("ping"))
        await first.receive_some()
        await second.send_all(event_bytes("ping"))
        await second.receive_some()
        async with await one.connect() as third:
            assert await read_all(third) == b""
        await second.aclose()
        await first.aclose()
