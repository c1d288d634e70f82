"""ElevenLabs' four endpoints for speech: a text in, audio out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import attrs
import trio
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.accounts import Kind
from zelitrio.audio import DEFAULT_FORMAT, AudioFormat, with_true_sizes
from zelitrio.errors import RemoteError
from zelitrio.protocol import Marks, join_marks, marks_in_seconds, parse_speech_request, timed_audio_line
from zelitrio.server.accounting import request_id_of
from zelitrio.server.operation import Endpoint, Endpoints, operation
from zelitrio.server.query import output_format
from zelitrio.server.requests import authorize, read_body, read_format
from zelitrio.server.spoken import Job, Shape, SpokenAnswer
from zelitrio.session import Alignment, Packet, Timing, choose_front_end, join_alignments, speak_language
from zelitrio.text import Reading

MAX_WHOLE_CHARS = 40_000
"""Limit for a text with a whole answer: 45 minutes of speech, up to 250 MB of PCM."""


@attrs.define(eq=False, kw_only=True)
class TimedLines(Shape):
    """A line of JSON for every packet; all lines end in a newline."""

    timestamps: tuple[str, ...]
    content_type: str = "application/x-ndjson"
    timing: Timing = Timing.STREAM

    def part(self, packet: Packet) -> bytes:
        """The line of a packet."""
        return _timed(packet.audio, packet.alignment, packet.marks(self.timestamps))


@attrs.define(eq=False, kw_only=True)
class TimedWhole(Shape):
    """One JSON object with all audio and all times."""

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
        return _timed(audio, join_alignments(self._told) if self._told else None, join_marks(self._marks))


def _timed(audio: bytes, told: Alignment | None, marks: Mapping[str, Marks]) -> bytes:
    written, spoken = (told.written, told.spoken) if told else (None, None)
    return timed_audio_line(audio, written, spoken, **marks_in_seconds(marks))


def _spoken(path: str) -> Callable[[Endpoint], Endpoint]:
    path = f"/v1/text-to-speech/{{voice_id}}{path}"
    return operation("POST", path, output_format(DEFAULT_FORMAT.name), body="SpeechRequest", speaks=True)


class Synthesis(Endpoints):
    """The endpoints under `/v1/text-to-speech/{voice_id}`."""

    @_spoken("")
    async def convert(self, request: Request) -> Response:
        """All audio in one body."""
        return await self._answer(request, is_streamed=False, timed=False)

    @_spoken("/stream")
    async def stream(self, request: Request) -> Response:
        """Audio as it is made."""
        return await self._answer(request, is_streamed=True, timed=False)

    @_spoken("/with-timestamps")
    async def convert_with_timestamps(self, request: Request) -> Response:
        """All audio and the times of its characters, in one JSON object."""
        return await self._answer(request, is_streamed=False, timed=True)

    @_spoken("/stream/with-timestamps")
    async def stream_with_timestamps(self, request: Request) -> Response:
        """Audio and times as they are made, a JSON object on each line."""
        return await self._answer(request, is_streamed=True, timed=True)

    async def _answer(self, request: Request, *, is_streamed: bool, timed: bool) -> Response:
        asked_at = trio.current_time()
        state = self._state
        account = authorize(state, request)
        body = await read_body(state, request)
        state.check_ready()
        wanted = parse_speech_request(body, request.query_params)
        if not is_streamed and len(wanted.text) > MAX_WHOLE_CHARS:
            raise RemoteError(
                "string_too_long",
                f"String should have at most {MAX_WHOLE_CHARS} characters; /stream takes more",
                param="text",
            )
        voice_id = request.path_params["voice_id"]
        voice = state.engine.catalogue.find(voice_id)
        if voice is None:
            message = f"A voice with voice_id '{voice_id}' was not found."
            raise RemoteError("voice_not_found", message, param="voice_id")
        voice = speak_language(voice, wanted.language_code)
        audio_format = read_format(wanted)
        job = Job(
            voice=voice,
            account=account,
            kind=Kind.HTTP,
            text=wanted.text,
            audio_format=audio_format,
            settings=wanted.voice_settings,
            clamped=wanted.clamped,
            seed=wanted.seed,
            reading=Reading(
                front_end=choose_front_end(state.service.dictionaries, wanted.dictionaries),
                normalise=wanted.normalise != "off",
                ssml=wanted.enable_ssml_parsing,
                model_id=wanted.model_id,
                previous_text=wanted.previous_text,
                next_text=wanted.next_text,
            ),
        )
        shape: Shape
        if timed:
            kinds = wanted.timestamps
            shape = (
                TimedLines(timestamps=kinds)
                if is_streamed
                else TimedWhole(audio_format=audio_format, timestamps=kinds)
            )
        else:
            shape = Shape(content_type=audio_format.content_type, is_streamed=is_streamed)
        return SpokenAnswer(state, job, shape, request_id_of(request.scope), asked_at)
