"""ElevenLabs' four endpoints for a dialogue: texts with voices in, one audio out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from typing import Any

import attrs
import trio
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.accounts import Kind
from zelitrio.audio import DEFAULT_FORMAT, AudioFormat, with_true_sizes
from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    CharTimes,
    DialogueInput,
    Marks,
    join_marks,
    marks_in_seconds,
    parse_dialogue_request,
    timed_audio_line,
)
from zelitrio.server.accounting import request_id_of
from zelitrio.server.operation import Endpoint, Endpoints, operation
from zelitrio.server.query import output_format
from zelitrio.server.requests import authorize, read_body, read_format
from zelitrio.server.spoken import Job, Shape, SpokenAnswer
from zelitrio.session import (
    Alignment,
    Line,
    Packet,
    Timing,
    choose_front_end,
    join_alignments,
    speak_language,
)
from zelitrio.text import Reading

MAX_CHARS = 40_000
"""Limit for all texts of a dialogue."""


class VoiceSegments:
    """Computes each packet's voice segments: which voice speaks which characters."""

    def __init__(self, inputs: Sequence[DialogueInput]) -> None:
        self._inputs = inputs
        self._ends = list(accumulate(len(each.text) for each in inputs))
        self._told = 0

    def of(self, times: CharTimes | None) -> list[dict[str, Any]]:
        """The segments of the next characters; indices count within `times`."""
        if times is None:
            return []
        segments: list[dict[str, Any]] = []
        at, count = 0, len(times.chars)
        while at < count:
            index = next(n for n, end in enumerate(self._ends) if end > self._told + at)
            end = min(count, self._ends[index] - self._told)
            end_ms = times.starts_ms[end] if end < count else times.starts_ms[-1] + times.durations_ms[-1]
            segments.append(
                {
                    "voice_id": self._inputs[index].voice_id,
                    "start_time_seconds": times.starts_ms[at] / 1000,
                    "end_time_seconds": end_ms / 1000,
                    "character_start_index": at,
                    "character_end_index": end,
                    "dialogue_input_index": index,
                }
            )
            at = end
        self._told += count
        return segments


@attrs.define(eq=False, kw_only=True)
class DialogueLines(Shape):
    """A line of JSON for every packet, with its voice segments."""

    segments: VoiceSegments
    timestamps: tuple[str, ...]
    content_type: str = "application/x-ndjson"
    timing: Timing = Timing.STREAM

    def part(self, packet: Packet) -> bytes:
        """The line of a packet."""
        return _timed(packet.audio, packet.alignment, self.segments, packet.marks(self.timestamps))


@attrs.define(eq=False, kw_only=True)
class DialogueWhole(Shape):
    """One JSON object with all audio, times and voice segments."""

    segments: VoiceSegments
    audio_format: AudioFormat
    timestamps: tuple[str, ...]
    content_type: str = "application/json"
    is_streamed: bool = False
    timing: Timing = Timing.STREAM
    _audio: list[bytes] = attrs.field(factory=list, init=False)
    _told: list[Alignment] = attrs.field(factory=list, init=False)
    _marks: list[Mapping[str, Marks]] = attrs.field(factory=list, init=False)

    def part(self, packet: Packet) -> bytes:
        """Keep the packet; return no bytes."""
        self._audio.append(packet.audio)
        if packet.alignment is not None:
            self._told.append(packet.alignment)
        self._marks.append(packet.marks(self.timestamps))
        return b""

    def end(self) -> bytes:
        """The whole object."""
        audio = with_true_sizes(b"".join(self._audio), self.audio_format)
        told = join_alignments(self._told) if self._told else None
        return _timed(audio, told, self.segments, join_marks(self._marks))


def _timed(
    audio: bytes, told: Alignment | None, segments: VoiceSegments, marks: Mapping[str, Marks]
) -> bytes:
    written, spoken = (told.written, told.spoken) if told else (None, None)
    return timed_audio_line(
        audio, written, spoken, voice_segments=segments.of(written), **marks_in_seconds(marks)
    )


def _spoken(path: str) -> Callable[[Endpoint], Endpoint]:
    path = f"/v1/text-to-dialogue{path}"
    return operation("POST", path, output_format(DEFAULT_FORMAT.name), body="DialogueRequest", speaks=True)


class Dialogue(Endpoints):
    """The endpoints under `/v1/text-to-dialogue`."""

    @_spoken("")
    async def convert_dialogue(self, request: Request) -> Response:
        """All audio in one body."""
        return await self._answer(request, is_streamed=False, timed=False)

    @_spoken("/stream")
    async def stream_dialogue(self, request: Request) -> Response:
        """Audio as it is made."""
        return await self._answer(request, is_streamed=True, timed=False)

    @_spoken("/with-timestamps")
    async def convert_dialogue_with_timestamps(self, request: Request) -> Response:
        """All audio, times and voice segments in one JSON object."""
        return await self._answer(request, is_streamed=False, timed=True)

    @_spoken("/stream/with-timestamps")
    async def stream_dialogue_with_timestamps(self, request: Request) -> Response:
        """Audio, times and voice segments as they are made, a JSON object on each line."""
        return await self._answer(request, is_streamed=True, timed=True)

    async def _answer(self, request: Request, *, is_streamed: bool, timed: bool) -> Response:
        asked_at = trio.current_time()
        state = self._state
        account = authorize(state, request)
        body = await read_body(state, request)
        state.check_ready()
        wanted = parse_dialogue_request(body, request.query_params)
        lines = tuple(self._line(each, at, wanted.language_code) for at, each in enumerate(wanted.inputs))
        if sum(len(line.text) for line in lines) > MAX_CHARS:
            message = f"All inputs together should have at most {MAX_CHARS} characters"
            raise RemoteError("string_too_long", message, param="inputs")
        audio_format = read_format(wanted)
        job = Job(
            voice=lines[0].voice,
            account=account,
            kind=Kind.HTTP,
            text=lines,
            audio_format=audio_format,
            settings=wanted.voice_settings,
            clamped=wanted.clamped,
            seed=wanted.seed,
            reading=Reading(
                front_end=choose_front_end(state.service.dictionaries, wanted.dictionaries),
                normalise=wanted.normalise != "off",
                model_id=wanted.model_id,
                previous_text=wanted.previous_text,
                next_text=wanted.next_text,
            ),
        )
        shape: Shape
        segments = VoiceSegments(wanted.inputs)
        if not timed:
            shape = Shape(content_type=audio_format.content_type, is_streamed=is_streamed)
        elif is_streamed:
            shape = DialogueLines(segments=segments, timestamps=wanted.timestamps)
        else:
            shape = DialogueWhole(segments=segments, audio_format=audio_format, timestamps=wanted.timestamps)
        return SpokenAnswer(state, job, shape, request_id_of(request.scope), asked_at)

    def _line(self, each: DialogueInput, at: int, language_code: str | None) -> Line:
        voice = self._state.engine.catalogue.find(each.voice_id)
        if voice is None:
            message = f"A voice with voice_id '{each.voice_id}' was not found."
            raise RemoteError("voice_not_found", message, param=f"inputs.{at}.voice_id")
        return Line(each.text, speak_language(voice, language_code))
