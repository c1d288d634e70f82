"""The scripted engine fits the server, and the bench's client receives all of its audio."""

from __future__ import annotations

import trio

from bench.scripted_engine import VOICE_ID, ScriptedEngine
from zelitrio.bench_client import ReceivedSpeech, audio_of, stream_target, wire
from zelitrio.server import serve
from zelitrio.settings import ServerSettings, SessionSettings
from zelitrio.text import load_front_end

BLOCK_MS, BLOCKS = 50, 5


async def test_the_server_says_one_message_for_each_block_of_the_scripted_engine() -> None:
    engine = ScriptedEngine(BLOCK_MS, every_s=0.001, blocks=BLOCKS)
    session = SessionSettings(first_packet_ms=BLOCK_MS, max_packet_ms=BLOCK_MS)
    heard, frames = ReceivedSpeech(output_format="pcm_24000"), wire.FrameReader()
    async with trio.open_nursery() as nursery:
        (url,) = await nursery.start(serve, engine, load_front_end(), ServerSettings(port=0), session)
        stream = await trio.open_tcp_stream("127.0.0.1", int(url.rpartition(":")[2]))
        await stream.send_all(wire.upgrade("127.0.0.1", stream_target(VOICE_ID, "pcm_24000")))
        with trio.fail_after(10):
            async with stream:
                while not frames.is_open:  # RFC 6455: the client sends after the answer
                    assert not list(frames.feed(await stream.receive_some()))
                await stream.send_all(wire.message({"text": " "}))
                await stream.send_all(
                    wire.message({"text": "A tone. ", "flush": True}) + wire.message({"text": ""})
                )
                async for data in stream:
                    for opcode, payload in frames.feed(data):
                        if opcode == wire.TEXT and (audio := audio_of(payload)):
                            heard.add(trio.current_time(), audio)
                        elif opcode == wire.CLOSE:
                            await stream.send_all(wire.close())
        nursery.cancel_scope.cancel()
    assert [seconds for _, seconds in heard.arrivals] == [BLOCK_MS / 1000] * BLOCKS
    assert engine.streams == 0
