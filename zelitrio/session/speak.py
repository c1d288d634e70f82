"""Speak one text without a socket, for HTTP and for programs."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext
from typing import TypeAlias

import attrs
import trio

from zelitrio.errors import first_error
from zelitrio.protocol import ChunkSchedule
from zelitrio.session.audio_half import Deliver
from zelitrio.session.dialogue import DialogueStream, Line
from zelitrio.session.options import StreamOptions
from zelitrio.session.packets import Packet
from zelitrio.session.service import Observer, Service
from zelitrio.session.slices import SLICE_CHARS, slices
from zelitrio.session.stream import SpeechStream
from zelitrio.session.traces import FirstAudio
from zelitrio.text import find_phrase_end, find_sentence_end

PACKETS_WAITING = 1
"""One packet is ready while another one is being sent."""
SCHEDULE_CHARS = (50, 160, 250, 290)
"""Characters of the first chunks.  The first is short for early first audio."""


SpeechText: TypeAlias = "str | AsyncIterable[str] | Sequence[Line]"
"""A whole text, or pieces (cut anywhere, even inside a word), or the lines of a dialogue."""


@attrs.define(eq=False)
class Packets:
    """The packets of one text, to iterate over once.  `run` makes them.

    Iterating raises CapacityError if the engine takes no further stream, EngineError or UtteranceError if it
    fails, and errors of the text's own iteration.  They come after the packets that were made before, and
    never in a group.
    """

    _observer: Observer
    _error: BaseException | None = attrs.field(default=None, init=False)
    _first: FirstAudio | None = attrs.field(default=None, init=False)
    """Reports to the trace that the first packet was sent."""
    _send: trio.MemorySendChannel[Packet] = attrs.field(init=False)
    _receive: trio.MemoryReceiveChannel[Packet] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self._send, self._receive = trio.open_memory_channel[Packet](PACKETS_WAITING)

    def __aiter__(self) -> Packets:
        return self

    async def __anext__(self) -> Packet:
        if self._first is not None:
            self._first.sent()
            self._first = None
        try:
            packet = await self._receive.receive()
        except trio.EndOfChannel:
            if self._error is not None:
                raise self._error from None
            raise StopAsyncIteration from None
        if packet.released_at is not None:
            self._observer.first_audio(trio.current_time() - packet.released_at)
        self._observer.audio(packet.seconds)
        self._first = packet.first
        return packet

    async def run(
        self,
        service: Service,
        options: StreamOptions,
        text: SpeechText,
        scope: trio.CancelScope | None = None,
    ) -> None:
        """Speak the text; the iteration raises its errors.

        Args:
            service: engine, front end and hooks.
            options: how to speak.
            text: see `SpeechText`.
            scope: ends the speech if cancelled.
        """
        with self._send, scope or nullcontext():
            try:
                await _speak(service, options, text, self._send.send)
            except BaseExceptionGroup as group:
                # The text may fail in the same turn of the loop as a cancellation: then the group holds both,
                # and the cancellation must go on.
                errors, others = group.split(Exception)
                if errors is not None:
                    self._error = first_error(errors)
                if others is not None:
                    raise others from None
            except Exception as error:
                self._error = first_error(error)


@asynccontextmanager
async def speak(service: Service, options: StreamOptions, text: SpeechText) -> AsyncIterator[Packets]:
    """Speak one text; iterate over the block's target for the packets.

    The end of the block frees the lane at once.  At most PACKETS_WAITING packets are made ahead of the
    iteration.  Blank text gives no packet.

    Args:
        service: engine, front end and hooks; `authenticate` is not called.
        options: how to speak.
        text: see `SpeechText`.
    """
    packets = Packets(service.observer)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(packets.run, service, options, text)
        try:
            yield packets
        except Exception as error:
            failure = error  # raised below, because the nursery would put it in a group
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _speak(service: Service, options: StreamOptions, text: SpeechText, deliver: Deliver) -> None:
    if not isinstance(text, str | AsyncIterable):
        await _speak_lines(service, options, text, deliver)
        return
    stream = SpeechStream(service, options, _make_schedule())
    if isinstance(text, str) and len(text) <= SLICE_CHARS:
        # A text of one slice needs no task for its reader.
        stream.text(text)
        stream.end()
        await stream.run(deliver)
        return
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_read, stream, text)
        await stream.run(deliver)
        nursery.cancel_scope.cancel()


def _make_schedule() -> ChunkSchedule:
    return ChunkSchedule(SCHEDULE_CHARS, find_sentence_end=find_sentence_end, find_phrase_end=find_phrase_end)


async def _speak_lines(
    service: Service, options: StreamOptions, lines: Sequence[Line], deliver: Deliver
) -> None:
    voices = {line.voice.voice_id: line.voice for line in lines}
    stream = DialogueStream(service, options, voices, _make_schedule)
    next_text = options.reading.next_text
    for number, line in enumerate(lines, start=1):
        stream.continue_with(next_text if number == len(lines) else "")
        for at, (piece, _) in enumerate(slices(line.text)):
            await trio.lowlevel.checkpoint()
            stream.text(piece, voice_id=line.voice.voice_id, new_turn=not at)
    stream.end()
    await stream.run(deliver)


async def _read(stream: SpeechStream, text: str | AsyncIterable[str]) -> None:
    """The reader: pass the text to the stream in slices."""
    if isinstance(text, str):
        await _read_piece(stream, text)
    else:
        async for piece in text:
            await _read_piece(stream, piece)
    stream.end()


async def _read_piece(stream: SpeechStream, text: str) -> None:
    for piece, continues in slices(text):
        await stream.wait_for_room(len(piece))
        stream.text(piece, continues=continues)
