"""The Wyoming door, heard by the real `wyoming` package as Home Assistant uses it."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import attrs
import numpy as np
import pytest
import trio
from running import VOICE, hear, pcm_in, read_all, running, say, until
from scripted_engine import ScriptedCatalogue, ScriptedEngine, ScriptedVoice, pcm_of, tone
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
    SynthesizeVoice,
)

from zelitrio.errors import EngineError, LocalError, UtteranceError
from zelitrio.protocol.wyoming import event_bytes
from zelitrio.server import wyoming as door
from zelitrio.server.announcing import SERVICE, announce

WAIT_S = 20.0
"""For what comes at once on an idle machine."""


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@attrs.define
class Door:
    server: Any
    port: int

    async def with_client(self, talk: Callable[[AsyncTcpClient], Awaitable[Any]]) -> Any:
        """Run the real client on its own asyncio loop, in a thread."""

        async def run() -> Any:
            async with AsyncTcpClient("127.0.0.1", self.port, read_timeout=WAIT_S) as client:
                return await talk(client)

        return await trio.to_thread.run_sync(lambda: asyncio.run(run()))

    async def connect(self) -> trio.SocketStream:
        return await trio.open_tcp_stream("127.0.0.1", self.port)


@asynccontextmanager
async def wyoming(engine: ScriptedEngine | None = None, **settings: Any):
    port = free_port()
    async with running(engine, wyoming_port=port, **settings) as server:
        yield Door(server, port)


async def events_until(client: AsyncTcpClient, kind: Any) -> list[Event]:
    events: list[Event] = []
    while not events or not kind.is_type(events[-1].type):
        event = await client.read_event()
        assert event is not None, f"closed after {[one.type for one in events]}"
        events.append(event)
    return events


def samples(events: list[Event]) -> np.ndarray:
    chunks = [AudioChunk.from_event(one) for one in events if AudioChunk.is_type(one.type)]
    audio = b"".join(chunk.audio for chunk in chunks)
    return np.frombuffer(audio, "<i2").astype(np.float32) / 32768


def names(events: list[Event]) -> list[str]:
    """The order of events, with a run of chunks as one."""
    kinds = [event.type for event in events]
    return [kind for at, kind in enumerate(kinds) if not at or kind != kinds[at - 1]]


async def test_home_assistant_finds_voices_by_language_and_streaming() -> None:
    voices = {
        "one": ScriptedVoice("one", "Ann", "Calm.", labels={"language": "en"}),
        "two": ScriptedVoice("two", "Joe", "", labels={"language": "en-us"}),
        "three": ScriptedVoice("three", "Eva", labels={"language": "de_DE"}),
    }

    async def ask(client: AsyncTcpClient) -> Info:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        return Info.from_event(event)

    async with wyoming(ScriptedEngine(catalogue=ScriptedCatalogue(voices))) as one:
        info = await one.with_client(ask)
    [program] = info.tts
    assert program.installed and program.supports_synthesize_streaming
    assert [(voice.name, voice.languages) for voice in program.voices] == [
        ("one", ["en"]),
        ("two", ["en_US"]),
        ("three", ["de_DE"]),
    ]
    assert all(voice.installed for voice in program.voices)
    assert program.voices[0].description == "Ann: Calm."
    assert not info.asr and not info.wake and not info.handle and not info.intent


async def test_a_stream_in_home_assistants_order_is_spoken_once() -> None:
    text = "Here is the first sentence. And here comes the second one."

    async def speak(client: AsyncTcpClient) -> list[Event]:
        voice = SynthesizeVoice(name=VOICE)
        await client.write_event(SynthesizeStart(voice=voice).event())
        for at in range(0, len(text), 7):
            await client.write_event(SynthesizeChunk(text[at : at + 7]).event())
        await client.write_event(Synthesize(text, voice=voice).event())
        await client.write_event(SynthesizeStop().event())
        return await events_until(client, SynthesizeStopped)

    async with wyoming() as one:
        events = await one.with_client(speak)
        [spoken] = [lane for lane in one.server.engine.log if lane[0] == "open"]
        fed = [source for kind, source, _ in one.server.engine.log if kind == "feed"]
    assert names(events) == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]
    start = AudioStart.from_event(events[0])
    assert (start.rate, start.width, start.channels) == (24_000, 2, 1)
    heard, expected = samples(events), np.concatenate([pcm_of(source) for source in fed])
    assert "".join(fed).split() == text.split()
    assert len(heard) == len(expected)
    assert np.abs(heard - expected).max() < 1e-4
    assert spoken[1].voice_id == VOICE


async def test_audio_leaves_before_the_text_is_complete() -> None:
    async def speak(client: AsyncTcpClient) -> None:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk("This sentence is complete already. And").event())
        await events_until(client, AudioChunk)
        await client.write_event(SynthesizeChunk(" this one ends now.").event())
        await client.write_event(SynthesizeStop().event())
        await events_until(client, SynthesizeStopped)

    async with wyoming() as one:
        await one.with_client(speak)


async def test_one_connection_may_ask_for_many_texts_and_pings() -> None:
    async def speak(client: AsyncTcpClient) -> list[list[Event]]:
        heard = []
        for number in range(3):
            await client.write_event(Synthesize(f"Text number {number}.").event())
            await client.write_event(Ping(str(number)).event())
            events = await events_until(client, AudioStop)
            pongs = [event for event in events if Pong.is_type(event.type)]
            if not pongs:
                pongs = await events_until(client, Pong)
            assert Pong.from_event(pongs[0]).text == str(number)
            heard.append(events)
        return heard

    async with wyoming() as one:
        for number, events in enumerate(await one.with_client(speak)):
            assert len(samples(events)) == len(pcm_of(f"Text number {number}."))


async def test_texts_sent_at_once_are_spoken_in_order() -> None:
    texts = ["Number one.", "The second one of them.", "Three."]

    async def speak(client: AsyncTcpClient) -> list[int]:
        for text in texts:
            await client.write_event(Synthesize(text).event())
        return [len(samples(await events_until(client, AudioStop))) for _ in texts]

    async with wyoming() as one:
        assert await one.with_client(speak) == [len(pcm_of(text)) for text in texts]


@pytest.mark.parametrize("text", ["", "  \n", "..."])
async def test_an_empty_text_has_an_end_too(text: str) -> None:
    async def speak(client: AsyncTcpClient) -> list[Event]:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(text).event())
        await client.write_event(SynthesizeStop().event())
        streamed = await events_until(client, SynthesizeStopped)
        await client.write_event(Synthesize(text).event())
        return streamed + await events_until(client, AudioStop)

    async with wyoming() as one:
        await one.with_client(speak)


async def test_ssml_is_read_when_the_event_says_so() -> None:
    text = '<sub alias="World Wide Web Consortium">W3C</sub>'

    async def speak(client: AsyncTcpClient) -> list[int]:
        lengths = []
        for text_format in SynthesizeTextFormat:
            await client.write_event(Synthesize(text, text_format=text_format).event())
            lengths.append(len(samples(await events_until(client, AudioStop))))
        return lengths

    async with wyoming() as one:
        plain, ssml = await one.with_client(speak)
    assert ssml == len(tone("", words=4))
    assert plain != ssml


@pytest.mark.parametrize(
    ("voice", "expected"),
    [
        (SynthesizeVoice(name="zeli-voice-2"), "zeli-voice-2"),
        (SynthesizeVoice(name="german"), "de-voice"),
        (SynthesizeVoice(language="de"), "de-voice"),
        (SynthesizeVoice(language="en_US"), VOICE),
        (SynthesizeVoice(), VOICE),
        (None, VOICE),
    ],
)
async def test_a_voice_is_chosen_by_name_or_language(voice: SynthesizeVoice | None, expected: str) -> None:
    voices = {name: ScriptedVoice(name) for name in (VOICE, "zeli-voice-2")}
    voices["de-voice"] = ScriptedVoice("de-voice", "German", labels={"language": "de-de"})
    engine = ScriptedEngine(catalogue=ScriptedCatalogue(voices))

    async def speak(client: AsyncTcpClient) -> None:
        await client.write_event(Synthesize("Hello there.", voice=voice).event())
        await events_until(client, AudioStop)

    async with wyoming(engine) as one:
        await one.with_client(speak)
    assert [entry[1].voice_id for entry in engine.log if entry[0] == "open"] == [expected]


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
        for _ in range(20):  # Home Assistant writes on
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
async def test_rubbish_and_stalls_end_one_connection_and_change_no_stream(name: str, monkeypatch) -> None:
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
    """Wait until the only connection is the one that asks."""
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


async def test_a_drain_speaks_what_there_is_and_refuses_the_rest() -> None:
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


async def test_a_broken_engine_is_told() -> None:
    engine = ScriptedEngine(step_s=0.1)
    heard = b""
    with pytest.RaisesGroup(EngineError, flatten_subgroups=True):
        async with wyoming(engine) as one, await one.connect() as stream:
            await stream.send_all(event_bytes("synthesize", {"text": "A long sentence is spoken. " * 20}))
            await stream.receive_some()
            engine.break_down()
            with trio.fail_after(WAIT_S):
                heard = await read_all(stream)
                await trio.sleep_forever()  # the server ends, and this with it
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


async def test_usage_is_counted_under_the_door() -> None:
    async def speak(client: AsyncTcpClient) -> None:
        await client.write_event(Synthesize("Hello there.").event())
        await events_until(client, AudioStop)

    async with wyoming(keys=["sk-some"]) as one:
        await one.with_client(speak)
        async with one.server.http() as http:
            counted = (await http.get("/metrics")).text
    assert 'zelitrio_characters_total{key="anonymous"} 12.0' in counted
    assert 'zelitrio_replies_total{door="wyoming",outcome="done"} 1.0' in counted


async def test_a_port_that_is_taken_is_an_error_with_the_settings_name() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.RaisesGroup(pytest.RaisesExc(LocalError, match="wyoming_port"), flatten_subgroups=True):
            async with running(wyoming_port=taken.getsockname()[1]):
                pass


async def test_loopback_is_not_announced() -> None:
    with pytest.RaisesGroup(pytest.RaisesExc(LocalError, match="wyoming_announce"), flatten_subgroups=True):
        async with running(wyoming_port=free_port(), wyoming_announce=True):
            pass


async def test_the_service_is_found_by_name_and_taken_back() -> None:
    from zeroconf.asyncio import AsyncZeroconf

    port = free_port()

    async def find(name: str, timeout_ms: int = 3000) -> tuple[list[str], int | None] | None:
        async with AsyncZeroconf(interfaces=["127.0.0.1"]) as network:
            found = await network.async_get_service_info(SERVICE, name, timeout=timeout_ms)
            return (found.parsed_addresses(), found.port) if found is not None else None

    async with trio.open_nursery() as nursery:

        async def run(task_status: Any) -> None:
            await announce("127.0.0.1", port, interfaces=["127.0.0.1"], task_status=task_status)

        name = await nursery.start(run)
        found = await trio.to_thread.run_sync(lambda: asyncio.run(find(name)))
        assert found == (["127.0.0.1"], port)
        nursery.cancel_scope.cancel()
    assert await trio.to_thread.run_sync(lambda: asyncio.run(find(name, 500))) is None
