"""Speaking without a socket: one text, known or still being written, to packets.  HTTP and the CLI."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import attrs
import trio

from zelitrio.audio import AudioFormat
from zelitrio.errors import ZelitrioError, first_error
from zelitrio.protocol import ChunkSchedule
from zelitrio.session.packets import Packet
from zelitrio.session.service import Observer, Service
from zelitrio.session.slices import slices
from zelitrio.session.stream import SpeechStream, StreamOptions
from zelitrio.session.timing import Timing
from zelitrio.settings import VoiceSettings
from zelitrio.text import Reading, find_phrase_end, find_sentence_end

if TYPE_CHECKING:
    from zelitrio.voices import Voice

PACKETS_WAITING = 1
"""One ready while the last one is being sent."""
SCHEDULE_CHARS = (50, 160, 250, 290)
"""The text is there, so the first chunk is cut short for its audio to come early."""


@attrs.define(eq=False)
class Packets:
    """The packets of one text, to iterate over once.

    Iterating raises CapacityError when the engine takes no further stream, and EngineError or
    UtteranceError when it fails, as plain exceptions and after the packets made before.
    """

    _receive: trio.MemoryReceiveChannel[Packet]
    _observer: Observer
    _error: BaseException | None = attrs.field(default=None, init=False)

    def __aiter__(self) -> Packets:
        return self

    async def __anext__(self) -> Packet:
        try:
            packet = await self._receive.receive()
        except trio.EndOfChannel:
            if self._error is not None:
                raise self._error from None
            raise StopAsyncIteration from None
        if packet.released_at is not None:
            self._observer.first_audio(trio.current_time() - packet.released_at)
        self._observer.audio(packet.seconds)
        return packet

    async def _run(self, stream: SpeechStream, send: trio.MemorySendChannel[Packet]) -> None:
        with send:
            try:
                await stream.run(send.send)
            except* ZelitrioError as group:
                self._error = first_error(group)


@asynccontextmanager
async def speak(
    service: Service,
    voice: Voice,
    text: str | AsyncIterable[str],
    audio_format: AudioFormat,
    settings: VoiceSettings | None = None,
    *,
    seed: int | None = None,
    reading: Reading | None = None,
    timing: Timing = Timing.NONE,
) -> AsyncIterator[Packets]:
    """Speak one text; iterate over the block's target for its packets, which end with the text.

    Leaving the block, for whatever reason, frees the lane in the engine at once.  At most
    PACKETS_WAITING packets are made ahead of the reader.  Blank text gives no packet.

    Args:
        service: engine, front end and hooks; nothing is authenticated here.
        voice: who speaks.
        text: all of it, or pieces as they come; a piece need not end at a word.
        audio_format: of the bytes.
        settings: how to speak.
        seed: same seed, same text, same audio.
        reading: how the text is read; numbers are spelled out and tags are text, if not given.
        timing: whether packets tell when characters are heard, and from where they count.
    """
    schedule = ChunkSchedule(
        SCHEDULE_CHARS, find_sentence_end=find_sentence_end, find_phrase_end=find_phrase_end
    )
    options = StreamOptions(
        voice=voice,
        audio_format=audio_format,
        settings=settings or VoiceSettings(),
        seed=seed,
        reading=reading or Reading(),
        timing=timing,
    )
    stream = SpeechStream(service, options, schedule)
    send, receive = trio.open_memory_channel[Packet](PACKETS_WAITING)
    packets = Packets(receive, service.observer)
    failure: Exception | None = None
    async with trio.open_nursery() as nursery:
        nursery.start_soon(packets._run, stream, send)
        nursery.start_soon(_feed, stream, text)
        try:
            with receive:
                yield packets
        except Exception as error:
            # Carried round the nursery, which would wrap it: the block raises what happened in it.
            failure = error
        nursery.cancel_scope.cancel()
    if failure is not None:
        raise failure


async def _feed(stream: SpeechStream, text: str | AsyncIterable[str]) -> None:
    if isinstance(text, str):
        await _feed_piece(stream, text)
    else:
        async for piece in text:
            await _feed_piece(stream, piece)
    stream.end()


async def _feed_piece(stream: SpeechStream, text: str) -> None:
    for piece, continues in slices(text):
        await stream.wait_for_room(len(piece))
        stream.text(piece, continues=continues)
