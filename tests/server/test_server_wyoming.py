"""The Wyoming server, used by the real `wyoming` package like Home Assistant."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import numpy as np
import pytest
import trio
from ports import free_port
from running import VOICE, running
from scripted_engine import ScriptedCatalogue, ScriptedEngine, ScriptedVoice, pcm_of, tone
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
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
from wyoming_door import events_until, names, samples, wyoming

from zelitrio.errors import LocalError
from zelitrio.server.announcing import SERVICE, announce


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


async def test_usage_is_counted_as_wyoming() -> None:
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


async def test_the_service_is_announced_and_withdrawn() -> None:
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
