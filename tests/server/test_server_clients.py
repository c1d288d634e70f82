"""The messages of Pipecat 1.14 and livekit-plugins-elevenlabs 1.8.9.

Both use only `multi-stream-input`.  The scripts were recorded from these clients.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import attrs
import orjson
import trio
from running import KEY, pcm_in, running, say
from scripted_engine import ScriptedEngine, pcm_of
from trio_websocket import ConnectionClosed

HEADERS = [("xi-api-key", KEY)]
PIPECAT = {"model_id": "eleven_turbo_v2_5", "auto_mode": "true", "output_format": "pcm_24000"}
LIVEKIT = {
    "model_id": "eleven_turbo_v2_5",
    "output_format": "pcm_24000",
    "enable_ssml_parsing": "false",
    "enable_logging": "true",
    "inactivity_timeout": "180",
    "apply_text_normalization": "auto",
    "sync_alignment": "true",
    "auto_mode": "true",
}
SENTENCES = ("It costs 20 dollars, my friend.", "And then it was over!")


@attrs.define(eq=False)
class Listener:
    """Reads all the time, like both clients."""

    socket: Any
    frames: list[dict[str, Any]] = attrs.field(factory=list)
    _changed: trio.Event = attrs.field(factory=trio.Event)

    async def run(self) -> None:
        try:
            while True:
                self.frames.append(orjson.loads(await self.socket.get_message()))
                self._notify()
        except ConnectionClosed:
            self._notify()

    async def wait(self, condition: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
        with trio.fail_after(5):
            while not (found := [frame for frame in self.frames if condition(frame)]):
                await self._changed.wait()
        return found[0]

    def of(self, context: str) -> list[dict[str, Any]]:
        return [frame for frame in self.frames if frame.get("contextId") == context]

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()


def is_final(context: str) -> Callable[[dict[str, Any]], Any]:
    return lambda frame: frame.get("contextId") == context and frame["isFinal"]


def words_of_pipecat(frames: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """Pipecat's computation of word times: each word from `alignment` advances its clock."""
    words, clock_s, word, started = [], 0.0, "", 0.0
    for frame in frames:
        alignment = frame.get("alignment") or frame.get("normalizedAlignment")
        if not alignment:
            continue
        starts = alignment["charStartTimesMs"]
        for char, start in zip(alignment["chars"], starts, strict=True):
            if char == " ":
                words += [(word, started)] if word else []
                word = ""
            else:
                started = started if word else clock_s + start / 1000
                word += char
        clock_s += (starts[-1] + alignment["charDurationsMs"][-1]) / 1000
    return words + ([(word, started)] if word else [])


async def test_pipecat_speaks_two_turns_on_one_socket_and_leaves():
    async with (
        running(keys=[KEY]) as server,
        server.socket("multi-stream-input", headers=HEADERS, **PIPECAT) as socket,
        trio.open_nursery() as nursery,
    ):
        listener = Listener(socket)
        nursery.start_soon(listener.run)
        await say(socket, text="")  # keep-alive before any context
        for turn in ("turn-1", "turn-2"):
            fed = len(server.engine.fed())
            await say(socket, text=" ", context_id=turn, voice_settings={"stability": 0.5})
            for sentence in SENTENCES:
                await say(socket, text=sentence, context_id=turn)
            await say(socket, context_id=turn, flush=True)
            await say(socket, text="", context_id=turn)
            await say(socket, context_id=turn, close_context=True)
            await listener.wait(is_final(turn))
            frames = listener.of(turn)
            spoken = server.engine.fed()[fed:]
            assert len(pcm_in(frames, turn)) == sum(len(pcm_of(text)) for text in spoken)
            words = words_of_pipecat(frames)
            assert [word for word, _ in words] == " ".join(SENTENCES).split()
            assert [time for _, time in words] == sorted(time for _, time in words)
            assert sum(bool(frame["isFinal"]) for frame in frames) == 1
            assert all("charDurationsMs" in frame["alignment"] for frame in frames if frame["alignment"])
        await say(socket, close_socket=True)
        with trio.fail_after(2):
            await socket._close_handshake.wait()
        assert socket.closed.code == 1000
        nursery.cancel_scope.cancel()


async def test_pipecat_interrupts_and_the_next_turn_starts_clean():
    engine = ScriptedEngine(step_s=0.05)
    async with (
        running(engine, keys=[KEY]) as server,
        server.socket("multi-stream-input", headers=HEADERS, **PIPECAT) as socket,
        trio.open_nursery() as nursery,
    ):
        listener = Listener(socket)
        nursery.start_soon(listener.run)
        await say(socket, text=" ", context_id="old")
        for sentence in SENTENCES * 3:
            await say(socket, text=sentence, context_id="old")
        await listener.wait(lambda frame: frame.get("contextId") == "old" and frame["audio"])
        await say(socket, context_id="old", close_context=True)
        await listener.wait(is_final("old"))
        heard = len(listener.of("old"))
        await say(socket, text=" ", context_id="new")
        await say(socket, text=SENTENCES[1], context_id="new")
        await say(socket, context_id="new", flush=True)
        await say(socket, context_id="new", close_context=True)
        await listener.wait(is_final("new"))
        assert len(listener.of("old")) == heard and len(pcm_in(listener.of("new"), "new"))
        assert not any("error" in frame for frame in listener.frames)
        nursery.cancel_scope.cancel()


async def test_livekit_shares_a_socket_among_streams_and_flushes_every_sentence():
    async with (
        running(keys=[KEY]) as server,
        server.socket("multi-stream-input", headers=HEADERS, **LIVEKIT) as socket,
        trio.open_nursery() as nursery,
    ):
        listener = Listener(socket)
        nursery.start_soon(listener.run)

        async def stream(context: str) -> None:
            await say(socket, text=" ", voice_settings={}, context_id=context)
            for sentence in SENTENCES:
                await say(socket, text=f"{sentence} ", context_id=context, flush=True)
            await say(socket, text="", context_id=context, flush=True)
            await say(socket, context_id=context, close_context=True)
            await listener.wait(is_final(context))

        async with trio.open_nursery() as streams:
            for number in range(5):
                streams.start_soon(stream, f"stream-{number}")
        await stream("stream-5")
        for number in range(6):
            frames = listener.of(f"stream-{number}")
            assert len(pcm_in(frames, f"stream-{number}")) and frames[-1]["isFinal"]
            told = [frame["normalizedAlignment"] for frame in frames if frame["normalizedAlignment"]]
            text = "".join(char for one in told for char in one["chars"])
            assert "twenty" in text and len(told) == len(SENTENCES)
        assert not any("error" in frame for frame in listener.frames)
        nursery.cancel_scope.cancel()


async def test_livekit_interrupts_and_the_next_stream_goes_first():
    engine = ScriptedEngine(step_s=0.02)
    async with (
        running(engine, keys=[KEY]) as server,
        server.socket("multi-stream-input", headers=HEADERS, **LIVEKIT) as socket,
        trio.open_nursery() as nursery,
    ):
        listener = Listener(socket)
        nursery.start_soon(listener.run)
        await say(socket, text=" ", voice_settings={}, context_id="old")
        for sentence in SENTENCES * 2:
            await say(socket, text=f"{sentence} ", context_id="old", flush=True)
        await listener.wait(lambda frame: frame.get("contextId") == "old" and frame["audio"])
        await say(socket, context_id="old", close_context=True)
        await say(socket, text=" ", voice_settings={}, context_id="new")
        await say(socket, text=f"{SENTENCES[1]} ", context_id="new", flush=True)
        await listener.wait(lambda frame: frame.get("contextId") == "new" and frame["audio"])
        assert any(lane.closed_softly for lane in engine.lanes)
        await say(socket, context_id="new", close_context=True)
        await listener.wait(is_final("new"))
        await listener.wait(is_final("old"))
        expected = sum(len(pcm_of(text)) for text in engine.fed()[:4])
        assert math.isclose(len(pcm_in(listener.of("old"), "old")), expected, rel_tol=0.5)
        nursery.cancel_scope.cancel()


async def test_an_old_pipecat_flushes_with_a_space_on_the_single_socket():
    async with running(keys=[KEY]) as server, server.socket() as socket:
        await say(socket, text=" ", voice_settings=None, xi_api_key=KEY)
        await say(socket, text=SENTENCES[0] + " ", try_trigger_generation=True)
        await say(socket, text=" ", flush=True)
        assert orjson.loads(await socket.get_message())["audio"]
        await say(socket, text=" ")
        await say(socket, text="")
        while not orjson.loads(await socket.get_message())["isFinal"]:
            pass


async def test_vocode_sends_text_settings_and_key_in_its_first_message():
    async with running(keys=[KEY]) as server, server.socket() as socket:
        await say(
            socket,
            text=SENTENCES[0] + " ",
            voice_settings={"stability": 0.5, "similarity_boost": 0.75},
            generation_config={"chunk_length_schedule": [50]},
            xi_api_key=KEY,
            flush=True,
            try_trigger_generation=True,
        )
        assert orjson.loads(await socket.get_message())["audio"]
        await say(socket, text="")
        frame: dict[str, Any] = {}
        while not frame.get("isFinal"):
            frame = orjson.loads(await socket.get_message())
        assert "audio" in frame
