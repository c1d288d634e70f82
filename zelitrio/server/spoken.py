"""An HTTP answer that is spoken: it starts with the first packet and ends with the text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

import attrs
import trio
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from zelitrio.audio import AudioFormat, with_true_sizes
from zelitrio.errors import CapacityError, RemoteError, ZelitrioError
from zelitrio.protocol import to_remote_error
from zelitrio.server.quiet_log import get_log
from zelitrio.server.refusals import vendor_error
from zelitrio.server.state import ServerState
from zelitrio.session import AccountLike, Line, Packet, StreamOptions, Timing, speak
from zelitrio.settings import VoiceSettings
from zelitrio.text import Reading

if TYPE_CHECKING:
    from zelitrio.voices import Voice

CLAMPED_HEADER = "x-clamped-settings"
log = get_log()


@attrs.define(eq=False, kw_only=True)
class Shape:
    """Turns packets into a body, one object per answer.  This one sends only the audio.

    Attributes:
        content_type: of the answer.
        is_streamed: whether parts are sent as they are made; if not, the body is sent whole, with its length.
        timing: whether packets carry times.
        refuse: makes the answer for an error before the first packet, from the error and the request's id.
    """

    content_type: str
    is_streamed: bool = True
    timing: Timing = Timing.NONE
    refuse: Callable[[RemoteError, str], Response] = vendor_error

    def part(self, packet: Packet) -> bytes:
        """The next part of the body; may be empty."""
        return packet.audio

    def end(self) -> bytes:
        """The last part of the body; may be empty."""
        return b""


@attrs.frozen(kw_only=True)
class Job:
    """A text to speak, and how to speak it."""

    voice: Voice
    account: AccountLike
    kind: str
    """The kind of the endpoint, for the account; a `zelitrio.accounts.Kind`."""
    text: str | Sequence[Line]
    audio_format: AudioFormat
    settings: VoiceSettings
    seed: int | None = None
    clamped: tuple[str, ...] = ()
    """Settings out of range with their used values; sent in a header."""
    reading: Reading = attrs.field(factory=Reading)
    tempo: float = 1.0
    """Tempo of the audio relative to the voice's, at the same pitch."""

    @property
    def chars(self) -> int:
        """Characters to speak."""
        if isinstance(self.text, str):
            return len(self.text)
        return sum(len(line.text) for line in self.text)

    @property
    def written(self) -> str:
        """The text, a line for each line of a dialogue."""
        return self.text if isinstance(self.text, str) else "\n".join(line.text for line in self.text)


class SpokenAnswer(Response):
    """Speaks a job as an ASGI response.

    If the client leaves, its lane is freed at once.  A failure before the first packet is answered with an
    error.  A later failure cuts the connection, so that the client does not take a part for the whole.
    """

    def __init__(self, state: ServerState, job: Job, shape: Shape, request_id: str, asked_at: float) -> None:
        super().__init__()
        self._state = state
        self._job = job
        self._shape = shape
        self._request_id = request_id
        self._asked_at = asked_at
        self._item_id: str | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        ending: Response | Message | None = None
        self._state.clients.begin()
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_when_left, receive, nursery.cancel_scope)
                ending = await self._speak(send)
                nursery.cancel_scope.cancel()
            # Outside of the cancel scope: hypercorn reports "disconnected" from inside its last send, and
            # cancelling that send would leave the connection open for ever.
            if isinstance(ending, Response):
                await ending(scope, receive, send)
            elif ending is not None:
                await send(ending)
        finally:
            self._state.clients.end()

    async def _speak(self, send: Send) -> Response | Message | None:
        """Send the answer without its end, and return the end; None: the connection must be cut."""
        job, shape = self._job, self._shape
        parts: list[bytes] = []
        first_ms: float | None = None
        try:
            options = StreamOptions(
                voice=job.voice,
                audio_format=job.audio_format,
                settings=job.settings,
                seed=job.seed,
                reading=job.reading,
                timing=shape.timing,
                tempo=job.tempo,
            )
            with closing(job.account.open(job.voice.voice_id, job.kind, options)) as meter:
                meter.spend(job.chars)
                meter.keep(text=job.written)
                self._item_id = meter.item_id
                async with speak(self._state.service, options, job.text) as packets:
                    async for packet in packets:
                        meter.spoke(packet.seconds)
                        meter.keep(audio=packet.audio)
                        if first_ms is None:
                            first_ms = 1000 * (trio.current_time() - self._asked_at)
                            if shape.is_streamed:
                                await self._start(send, first_ms, None)
                        part = shape.part(packet)
                        if not shape.is_streamed:
                            parts.append(part)
                        elif part:
                            await send({"type": "http.response.body", "body": part, "more_body": True})
        except ZelitrioError as error:
            log.warning(
                "speech_failed", request_id=self._request_id, error=str(error), kind=type(error).__name__
            )
            if first_ms is not None and shape.is_streamed:
                return None  # without the last part of the body the connection is closed
            return self._refuse(error)
        body = b"".join(parts)
        if not shape.is_streamed:
            body = with_true_sizes(body, job.audio_format)
        body += shape.end()
        if not shape.is_streamed or first_ms is None:
            await self._start(send, first_ms or 0.0, len(body))
        return {"type": "http.response.body", "body": body, "more_body": False}

    async def _start(self, send: Send, first_ms: float, length: int | None) -> None:
        total_ms = 1000 * (trio.current_time() - self._asked_at)
        statistics = self._state.engine.statistics()
        headers: list[tuple[str, str]] = [
            ("content-type", self._shape.content_type),
            ("character-cost", str(self._job.chars)),
            ("current-concurrent-requests", str(self._state.clients.conversations)),
            ("maximum-concurrent-requests", str(statistics.capacity)),
            ("tts-latency-ms", f"{first_ms:.0f}"),
            ("server-timing", _server_timing(first_ms, None if length is None else total_ms)),
        ]
        if self._item_id is not None:
            headers.append(("history-item-id", self._item_id))
        if self._job.clamped:
            headers.append((CLAMPED_HEADER, ", ".join(self._job.clamped)))
        if length is not None:
            headers.append(("content-length", str(length)))
        else:
            headers.append(("cache-control", "no-store"))
            headers.append(("x-accel-buffering", "no"))  # nginx would buffer the whole stream
        await send({"type": "http.response.start", "status": 200, "headers": _encode(headers)})

    def _refuse(self, error: ZelitrioError) -> Response:
        shown = to_remote_error(error)
        self._state.metrics.request_refused(self._job.account.name, shown.code)
        response = self._shape.refuse(shown, self._request_id)
        if isinstance(error, RemoteError) and error.code == "concurrent_limit_exceeded":
            response.headers["retry-after"] = "1"
        if isinstance(error, CapacityError):
            response.headers["retry-after"] = str(max(1, round(error.retry_after_s)))
        return response


async def _cancel_when_left(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _server_timing(first_ms: float, total_ms: float | None) -> str:
    timing = f"first-audio;dur={first_ms:.1f}"
    return timing if total_ms is None else f"{timing}, total;dur={total_ms:.1f}"


def _encode(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]
