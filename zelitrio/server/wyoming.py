"""Serve Wyoming, the protocol of Home Assistant's voice services, on its own port.

Wyoming has no keys and no encryption: every program that reaches the port can use it.  So it is bound to
loopback by default.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs
import trio

from zelitrio import __version__
from zelitrio.accounts import Kind
from zelitrio.audio import FORMATS, AudioFormat
from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    BeginReply,
    wyoming,
)
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.replies import Inbox, ReplyConversation, ReplySpeaker
from zelitrio.server.state import ServerState
from zelitrio.server.voice_choice import find_voice, language_of
from zelitrio.server.wall import serve_walled
from zelitrio.session import Packet, StreamOptions
from zelitrio.text import Reading

if TYPE_CHECKING:
    from zelitrio.voices import Catalogue

READ_BYTES = 4096
STALL_S = 300.0
"""Time to wait for the next event while no reply is sent.  A language model may pause for a minute in
mid-reply, and a satellite may keep its connection between two sentences."""
LOOK_S = 0.1
"""Interval of checks whether a peer that has ended its sending side has left or still reads audio."""
_ATTRIBUTION = {"name": "zelitrio", "url": "https://pypi.org/project/zelitrio"}
_OTHER_SERVICES = ("asr", "handle", "intent", "wake", "mic", "snd")


def info_of(catalogue: Catalogue) -> dict[str, Any]:
    """Describe this server and its voices."""
    voices = [
        {
            "name": voice.voice_id,
            "description": f"{voice.name}: {voice.description}" if voice.description else voice.name,
            "attribution": _ATTRIBUTION,
            "installed": True,
            "version": None,
            "languages": [language_of(voice)],
            "speakers": None,
        }
        for voice in catalogue
    ]
    program = {
        "name": "zelitrio",
        "description": "Realtime text to speech",
        "attribution": _ATTRIBUTION,
        "installed": True,
        "version": __version__,
        "voices": voices,
        "supports_synthesize_streaming": True,
    }
    return {"tts": [program], **{name: [] for name in _OTHER_SERVICES}}


class _Wire:
    """A `ReplyWire`.  Writing takes a lock: the reader answers `ping` and `describe` during speech."""

    def __init__(self, stream: GuardedStream, catalogue: Catalogue) -> None:
        self._stream = stream
        self._catalogue = catalogue
        self._writing = trio.Lock()
        self._sound: dict[str, int] = {}

    async def write(self, kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> None:
        async with self._writing:
            await self._stream.send_all(wyoming.event_bytes(kind, data, payload))

    def choose(self, reply: BeginReply) -> StreamOptions:
        voice = find_voice(self._catalogue, reply.voice, reply.language)
        own = f"pcm_{voice.sample_rate_hz}"
        audio_format: AudioFormat = FORMATS.get(own, FORMATS["pcm_24000"])
        return StreamOptions(voice=voice, audio_format=audio_format, reading=Reading(ssml=reply.is_ssml))

    async def start(self, reply: BeginReply, options: StreamOptions) -> None:
        # Home Assistant makes the WAV header from `audio-start`, so each reply needs one.
        self._sound = {"rate": options.audio_format.sample_rate_hz, "width": 2, "channels": 1}
        await self.write("audio-start", {**self._sound, "timestamp": 0})

    async def send(self, packet: Packet) -> None:
        if packet.audio:
            await self.write("audio-chunk", self._sound, packet.audio)

    async def finish(self, reply: BeginReply, *, is_heard: bool) -> None:
        if is_heard:
            await self.write("audio-stop")
        if reply.is_streamed:
            await self.write("synthesize-stopped")

    async def fail(self, error: RemoteError) -> None:
        await self.write("error", {"text": error.message, "code": error.code})


@attrs.define(eq=False)
class _Connection:
    """The reader of one connection.

    Home Assistant ignores `error`: it waits for `synthesize-stopped`, or, without streaming, for the end of
    the connection.  So a failed reply ends the connection, but only after the peer has sent all of its text,
    because its next write would fail otherwise.
    """

    stream: GuardedStream
    state: ServerState
    events: wyoming.WyomingConnection = attrs.field(init=False)
    wire: _Wire = attrs.field(init=False)
    talk: ReplyConversation = attrs.field(init=False)
    event_began_at: float = attrs.field(factory=trio.current_time, init=False)
    info: dict[str, Any] = attrs.field(init=False)
    """The answer to `describe`, made once because a peer may ask often."""

    def __attrs_post_init__(self) -> None:
        state = self.state
        self.events = wyoming.WyomingConnection(state.settings.max_message_bytes)
        self.wire = _Wire(self.stream, state.engine.catalogue)
        self.info = info_of(state.engine.catalogue)
        account, inbox = state.access.accounts.holder(None), Inbox(state.settings.max_body_bytes)
        speaker = ReplySpeaker(state, account, Kind.WYOMING, inbox, self.wire, stops_at_failure=True)
        self.talk = ReplyConversation(state, speaker)

    async def run(self) -> None:
        await self.talk.run(self._read)
        if not self.talk.has_left:
            await self.stream.linger()

    async def _read(self) -> None:
        try:
            while data := await self._receive():
                events = self.events.receive(data)
                if events or not self.events.is_in_event:
                    self.event_began_at = trio.current_time()
                for event in events:
                    match event:
                        case wyoming.Describe():
                            await self.wire.write("info", self.info)
                        case wyoming.Ping(text=text):
                            await self.wire.write("pong", {"text": text})
                        case _:
                            self.talk.speaker.inbox.put(event)
        except RemoteError as error:
            self.talk.end(error)
            return
        if self.events.is_in_reply:
            self.talk.leave()  # the reply's text is incomplete and no more will come
            return
        self.talk.speaker.inbox.close()
        while not self.stream.has_failed():  # noqa: ASYNC110 - the system tells it only when asked
            await trio.sleep(LOOK_S)
        self.talk.leave()

    async def _receive(self) -> bytes:
        """Wait for more bytes; empty if the peer has ended its sending side or was idle for STALL_S.

        Raises:
            RemoteError: `input_timeout_exceeded`: the peer stalls in the middle of an event or a text.
        """
        settings, events = self.state.settings, self.events
        while True:
            is_in_event = events.is_in_event
            began_at = self.event_began_at if is_in_event else trio.current_time()
            timeout_s = settings.head_timeout_s + settings.write_timeout_s if is_in_event else STALL_S
            with trio.move_on_at(began_at + timeout_s):
                try:
                    return bytes(await self.stream.receive_some(READ_BYTES))
                except (trio.BrokenResourceError, trio.ClosedResourceError):
                    self.talk.leave()
                    return b""
            if is_in_event or events.is_in_reply:
                raise RemoteError("input_timeout_exceeded", f"Event: expected within {timeout_s:g} s.")
            if not self.talk.speaker.is_speaking:
                return b""


@attrs.define(eq=False)
class WyomingReception:
    """Serves connections while there is room."""

    state: ServerState

    async def take(self, socket: trio.SocketStream) -> None:
        """Serve one connection until it is closed; raises no `Exception`."""
        await serve_walled(self.state, socket, self._take)

    async def _take(self, socket: trio.SocketStream) -> None:
        state = self.state
        if state.clients.are_full:
            state.metrics.doors.refused.labels("full").inc()
            return
        state.clients.connected(1)
        stream = GuardedStream(socket, state.settings.write_timeout_s)
        try:
            await _Connection(stream, state).run()
        except* (trio.BrokenResourceError, trio.ClosedResourceError):
            pass  # the peer is gone
        finally:
            await stream.aclose()
            state.clients.connected(-1)
