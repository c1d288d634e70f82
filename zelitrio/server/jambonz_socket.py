"""jambonz' streaming socket, open for a whole call: text in messages, samples in binary frames."""

from __future__ import annotations

import attrs
import trio

from zelitrio.accounts import Kind
from zelitrio.errors import RemoteError
from zelitrio.protocol import (
    BeginReply,
    close_frame,
    telephony,
)
from zelitrio.server.guarded import GuardedStream
from zelitrio.server.head import RequestHead
from zelitrio.server.replies import Inbox, ReplyConversation, ReplySpeaker
from zelitrio.server.requests import authorize_credential
from zelitrio.server.state import ServerState
from zelitrio.server.telephony import linear_format
from zelitrio.server.upgrading import begin_upgrade
from zelitrio.server.voice_choice import find_voice
from zelitrio.server.websocket import WebSocket
from zelitrio.session import AccountLike, Packet, PeerLeft, StreamOptions

NORMAL_CODE, INTERNAL_ERROR, RESTART = 1000, 1011, (1012, "service restart")


@attrs.frozen
class JambonzCall:
    """A valid request for the socket, with its account."""

    target: telephony.JambonzTarget
    account: AccountLike


def read_call(head: RequestHead, state: ServerState) -> JambonzCall | None:
    """Read the request for jambonz' socket; None if it is another request.

    Raises:
        RemoteError: the sample rate, the voice or the key is not valid.
    """
    target = telephony.parse_jambonz_target(head.target, head.headers)
    if target is None:
        return None
    account = authorize_credential(state, target.credential)
    find_voice(state.engine.catalogue, target.voice, target.language)
    return JambonzCall(target, account)


async def serve_call(stream: GuardedStream, head: RequestHead, call: JambonzCall, state: ServerState) -> None:
    """Serve one socket until either side ends it; the caller closes the stream."""
    answer = await begin_upgrade(stream, head)
    if answer is None:
        return
    async with trio.open_nursery() as nursery:
        settings = state.settings
        socket = WebSocket(stream, nursery, settings.max_message_bytes, answer=answer, received=head.rest)
        state.keep_alive.add(socket)
        try:
            await _Call(socket, call, state).run()
        finally:
            state.keep_alive.remove(socket)
        if socket.close_code is None:
            await stream.linger()
        nursery.cancel_scope.cancel()


@attrs.define(eq=False)
class _Call:
    """The reader of one socket, and its `ReplyWire`."""

    socket: WebSocket
    call: JambonzCall
    state: ServerState
    connection: telephony.JambonzConnection = attrs.field(factory=telephony.JambonzConnection, init=False)
    talk: ReplyConversation = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        inbox = Inbox(self.state.settings.max_body_bytes)
        speaker = ReplySpeaker(self.state, self.call.account, Kind.TELEPHONY, inbox, self)
        self.talk = ReplyConversation(self.state, speaker)

    async def run(self) -> None:
        self.socket.offer(telephony.jambonz_connect(self.call.target.sample_rate_hz))
        try:
            await self.talk.run(self._read)
        except Exception:
            await self.socket.fail(INTERNAL_ERROR, "internal error")
            raise
        code, reason = NORMAL_CODE, ""
        if self.talk.failure is not None:
            code, reason = close_frame(self.talk.failure)
        elif self.state.service.drain.is_set():
            code, reason = RESTART
        await self.socket.fail(code, reason)

    async def _read(self) -> None:
        try:
            while not self.connection.is_stopped:
                for event in self.connection.receive(await self.socket.receive()):
                    self.talk.speaker.inbox.put(event)
        except PeerLeft:
            pass
        except RemoteError as error:
            self.talk.end(error)
            return
        self.talk.leave()

    def choose(self, reply: BeginReply) -> StreamOptions:
        """See ReplyWire."""
        target = self.call.target
        voice = find_voice(self.state.engine.catalogue, target.voice, target.language)
        return StreamOptions(voice=voice, audio_format=linear_format(target.sample_rate_hz))

    async def start(self, reply: BeginReply, options: StreamOptions) -> None:
        """See ReplyWire.  Nothing is sent, because the socket's first message has named the format."""

    async def send(self, packet: Packet) -> None:
        """See ReplyWire."""
        if packet.audio:
            await self._offer(packet.audio)

    async def finish(self, reply: BeginReply, *, is_heard: bool) -> None:
        """See ReplyWire.  Nothing is sent, because the protocol has no message for the end of a reply."""

    async def fail(self, error: RemoteError) -> None:
        """See ReplyWire."""
        await self._offer(telephony.jambonz_error(error))

    async def _offer(self, message: str | bytes) -> None:
        if not self.socket.offer(message):
            try:
                await self.socket.flush()
            except PeerLeft as error:
                raise trio.BrokenResourceError("the peer is gone") from error
