"""OpenAI's speech endpoint, so that its SDKs work with this server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import attrs
import orjson
import pybase64
import trio
from starlette.requests import Request
from starlette.responses import Response

from zelitrio.accounts import Kind
from zelitrio.audio import parse_format
from zelitrio.errors import RemoteError
from zelitrio.protocol import parse_openai_speech_request
from zelitrio.server.accounting import request_id_of
from zelitrio.server.operation import Endpoints, operation
from zelitrio.server.refusals import openai_error
from zelitrio.server.requests import account_name_of, authorize, read_body
from zelitrio.server.spoken import Job, Shape, SpokenAnswer
from zelitrio.server.synthesis import MAX_WHOLE_CHARS
from zelitrio.session import Packet, speak_language

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue, Voice

OPENAI_VOICES = (
    "alloy",
    "ash",
    "ballad",
    "cedar",
    "coral",
    "echo",
    "fable",
    "marin",
    "nova",
    "onyx",
    "sage",
    "shimmer",
    "verse",
)
"""Voice names of OpenAI's clients; each stands for one of our voices by its index."""


def openai_voice(catalogue: Catalogue, name: str | None) -> Voice:
    """Find a voice by its id, its name, or one of OpenAI's names; None: the default voice.

    Raises:
        RemoteError: `invalid_parameters`: no voice has that name.
    """
    if name is None:
        return catalogue.default
    if (exact := catalogue.find(name)) is not None:
        return exact
    voices = list(catalogue.voices.values())
    for voice in voices:
        if name.lower() in (voice.voice_id.lower(), voice.name.lower()):
            return voice
    if name.lower() in OPENAI_VOICES:
        return voices[OPENAI_VOICES.index(name.lower()) % len(voices)]
    known = ", ".join([*(voice.voice_id for voice in voices), *OPENAI_VOICES])
    raise RemoteError(
        "invalid_parameters", f"voice: expected one of {known}, found {name[:64]!r}", param="voice"
    )


@attrs.define(eq=False, kw_only=True)
class OpenAIEvents(Shape):
    """Server-sent events: a delta for every packet, then a last event."""

    text: str
    content_type: str = "text/event-stream; charset=utf-8"
    refuse: Callable[[RemoteError, str], Response] = openai_error
    _packets: int = attrs.field(default=0, init=False)

    def part(self, packet: Packet) -> bytes:
        """The event of a packet."""
        self._packets += 1
        return _event({"type": "speech.audio.delta", "audio": pybase64.b64encode_as_string(packet.audio)})

    def end(self) -> bytes:
        """The last event."""
        # This server has no tokens: it reports characters in and packets out.
        used = {"input_tokens": len(self.text), "output_tokens": self._packets}
        usage = {**used, "total_tokens": sum(used.values())}
        return _event({"type": "speech.audio.done", "usage": usage})


class OpenAISpeech(Endpoints):
    """The endpoint `/v1/audio/speech`."""

    @operation("POST", "/v1/audio/speech", body="OpenAISpeechRequest", is_openai=True, speaks=True)
    async def create_speech(self, request: Request) -> Response:
        """Audio as it is made, in bytes or in events; all in one body with `stream` false.

        A WAV file that is streamed cannot say its length: its header says 0xFFFFFFFF, as OpenAI's does.
        """
        request_id = request_id_of(request.scope)
        try:
            return await self._answer(request, request_id)
        except RemoteError as error:
            self._state.metrics.request_refused(account_name_of(request.scope), error.code)
            return openai_error(error, request_id)

    async def _answer(self, request: Request, request_id: str) -> Response:
        asked_at = trio.current_time()
        state = self._state
        account = authorize(state, request)
        wanted = parse_openai_speech_request(await read_body(state, request))
        state.check_ready()
        if not wanted.is_streamed and len(wanted.text) > MAX_WHOLE_CHARS:
            message = f"input: expected at most {MAX_WHOLE_CHARS} characters without streaming"
            raise RemoteError("invalid_parameters", message, param="input")
        audio_format = parse_format(wanted.output_format)
        job = Job(
            voice=speak_language(openai_voice(state.engine.catalogue, wanted.voice), None),
            account=account,
            kind=Kind.OPENAI,
            text=wanted.text,
            audio_format=audio_format,
            settings=wanted.voice_settings,
            clamped=wanted.clamped,
            tempo=wanted.tempo,
        )
        shape = (
            OpenAIEvents(text=wanted.text)
            if wanted.stream_format == "sse"
            else Shape(
                content_type=audio_format.content_type,
                is_streamed=wanted.is_streamed,
                refuse=openai_error,
            )
        )
        return SpokenAnswer(state, job, shape, request_id, asked_at)


def _event(data: dict[str, object]) -> bytes:
    return b"data: " + orjson.dumps(data) + b"\n\n"
