"""One realtime conversation: a reader, one pipeline per context, and one writer.

`stream-input` is a socket with one context, `multi-stream-input` one with many.  The reader drives
`protocol.Connection` and waits only for the peer.  Each context runs its `SpeechStream` in its own task.  The
writer waits for a peer that does not take its messages at once.

Ends travel forward: a context ends, its final frame is posted after its audio, then the socket closes.
Trouble travels back as cancellation of the context or of the whole nursery.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from functools import partial

import attrs
import trio

from zelitrio.audio import AudioFormat, parse_format
from zelitrio.errors import RemoteError, ZelitrioError, first_error
from zelitrio.protocol import (
    Authenticate,
    CancelContext,
    Connection,
    ContextError,
    Dialect,
    DialogueConnection,
    EndContext,
    EndSocket,
    Event,
    EvictContext,
    Fail,
    OpenContext,
    Recall,
    SocketRequest,
    Text,
    UpdateSettings,
    close_frame,
    to_remote_error,
)
from zelitrio.session.context import Context, EndedContexts
from zelitrio.session.context_sink import ContextSink
from zelitrio.session.dialogue import DialogueStream
from zelitrio.session.dictionaries import choose_front_end
from zelitrio.session.language import find_voices
from zelitrio.session.opening import make_options, make_stream
from zelitrio.session.outbox import Outbox, OutboxOverflowError
from zelitrio.session.service import AccountLike, Service
from zelitrio.session.slices import slices
from zelitrio.session.text_half import Flush
from zelitrio.session.timing import Timing
from zelitrio.session.transport import PeerLeft, SocketTransport

RESTART_CODE, RESTART_REASON = 1012, "service restart"
"""Service restart: the peer may reconnect at once (IANA's registry of WebSocket close codes)."""
GONE_CODE = 1006
"""Abnormal closure: never sent, only reported (RFC 6455, section 7.4.1)."""


async def run_socket(transport: SocketTransport, request: SocketRequest, service: Service) -> None:
    """Run one conversation until the peer leaves or the conversation closes the socket.

    Cancelling it frees all lanes at once; the caller then closes the transport.

    Args:
        transport: used only by this conversation.
        request: from the handshake.
        service: shared by all conversations.

    Raises:
        RemoteError: the requested output format does not exist.  Nothing was sent.
    """
    await _Conversation(transport, request, service, parse_format(request.output_format)).run()


@attrs.define(eq=False)
class _Conversation:
    transport: SocketTransport
    request: SocketRequest
    service: Service
    audio_format: AudioFormat
    connection: Connection | DialogueConnection = attrs.field(init=False)
    contexts: dict[str | None, Context] = attrs.field(factory=dict, init=False)
    ended: EndedContexts = attrs.field(factory=EndedContexts, init=False)
    outbox: Outbox = attrs.field(init=False)
    nursery: trio.Nursery = attrs.field(init=False)
    read_scope: trio.CancelScope = attrs.field(factory=trio.CancelScope, init=False)
    close_code: int = attrs.field(default=GONE_CODE, init=False)
    close_by: float = attrs.field(default=math.inf, init=False)
    """When the reader stops waiting for the peer's close; inf: the writer does the close."""
    account: AccountLike | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        now = trio.current_time()
        request = self.request
        self.outbox = Outbox(self.transport.offer, self._begin_writing)
        make_connection = DialogueConnection if request.is_dialogue else Connection
        self.connection = make_connection(request, self.service.settings, now)
        # A wrong key is refused after the first message, as ElevenLabs does.  A client that is refused
        # before it has sent anything reports a broken connection instead of a wrong key.
        with suppress(RemoteError):  # an expired key is refused after the first message too
            self.account = self.service.authenticate(request.credential, request.single_use_token)
        if self.account is not None:
            self.connection.authenticated(now)

    async def run(self) -> None:
        service, begin_drain = self.service, self._begin_drain
        service.observer.socket_opened()
        try:
            async with trio.open_nursery() as self.nursery:
                service.call_at_drain(begin_drain)
                await self._read()
                self.nursery.cancel_scope.cancel()
        except* (PeerLeft, OutboxOverflowError):
            pass  # the peer has left, or does not read
        finally:
            service.forget(begin_drain)
            self.outbox.forget_writer()
            service.observer.socket_closed(self.close_code)

    async def _read(self) -> None:
        """The reader: turn messages and deadlines into events and handle them, until the peer leaves."""
        while True:
            # A scope costs as much as three messages; most messages come together with others.
            message = self.transport.receive_nowait()
            try:
                if message is None:
                    with trio.CancelScope(deadline=self._deadline()) as self.read_scope:
                        message = await self.transport.receive()
            except PeerLeft:
                # Return instead of raising into the nursery: the exception group and the frames of the
                # cancelled tasks would be a cycle, which keeps the conversation until the next garbage
                # collection.
                return
            now = trio.current_time()
            if self.outbox.is_closing:
                if now >= self.close_by:
                    return
                continue  # the socket is closing: only wait for the peer's close
            connection = self.connection
            events = connection.expire(now) if message is None else connection.receive(message, now)
            for event in events:
                if isinstance(event, Text):
                    await self._take_text(event)
                elif not self.outbox.is_closing:
                    self._handle(event)

    async def _write(self) -> None:
        """The writer: send the messages that the peer does not take at once, then close the socket."""
        self.close_code, reason = await self.outbox.write(self.transport.flush)
        await self.transport.close(self.close_code, reason)
        self.nursery.cancel_scope.cancel()

    def _begin_writing(self) -> None:
        if (closing := self.outbox.closing_now) is not None:
            # Nothing is queued: the reader waits for the peer's close, and no task is needed.
            code, reason = closing
            wait_s = self.transport.close_nowait(code, reason)
            if wait_s is not None:
                self.close_code, self.close_by = code, trio.current_time() + wait_s
                self._move_deadline()
                return
        self.nursery.start_soon(self._write)

    def _begin_drain(self) -> None:
        self.nursery.start_soon(self._drain)

    async def _drain(self) -> None:
        if self.service.failure is not None:
            self._fail(to_remote_error(self.service.failure))
            return
        for context in list(self.contexts.values()):
            context.stream.flush()
        self._close_if_drained()
        await self.service.cut_off.wait()
        self._stop_speaking()
        self.outbox.close(RESTART_CODE, RESTART_REASON)

    def _handle(self, event: Event) -> None:
        match event:
            case Authenticate(credential=credential, single_use_token=token):
                self._authenticate(credential, token)
            case OpenContext():
                self._open(event)
            case UpdateSettings(context_id=context_id):
                if context := self.contexts.get(context_id):
                    context.stream.update(event.voice_settings, event.chunk_schedule)
            case EndContext(context_id=context_id, discard=discard):
                if context := self.contexts.get(context_id):
                    context.wants_report = event.wants_report
                    self._end(context, discard)
            case CancelContext(context_id=context_id, played_ms=played_ms):
                if context := self.contexts.get(context_id):
                    context.wants_report, context.played_ms = True, played_ms
                    self._cancel(context)
            case Recall(context_id=context_id, played_ms=played_ms):
                if report := self.ended.report(context_id, played_ms):
                    self.outbox.post(self.connection.report_message(context_id, report))
            case EvictContext(context_id=context_id):
                if context := self.contexts.get(context_id):
                    self._cancel(context)
            case ContextError(context_id=context_id, error=error):
                self._tell_error(error, context_id)
            case EndSocket():
                self._close_if_finished()
            case Fail(error=error):
                self._fail(error)

    def _authenticate(self, credential: str | None, token: str | None) -> None:
        try:
            self.account = self.service.authenticate(credential, token)
        except RemoteError as error:
            self._fail(error)
            return
        if self.account is None:
            self._fail(RemoteError("invalid_api_key", "Invalid API key"))

    def _open(self, event: OpenContext) -> None:
        wanted = event.voices or (self.request.voice_id,)
        try:
            voices = find_voices(self.service.engine.catalogue, wanted, self.request.language_code)
        except RemoteError as error:
            self._fail(error)
            return
        if self.outbox.is_closing:
            return
        try:
            front_end = choose_front_end(self.service.dictionaries, event.dictionaries)
        except RemoteError as error:
            self._refuse_context(event.context_id, error)
            return
        options = make_options(self.request, event, next(iter(voices.values())), self.audio_format, front_end)
        if not self.connection.wants_alignment:
            options = attrs.evolve(options, timing=Timing.NONE)
        tell_flushes = partial(self._tell_flushes, event.context_id)
        stream = make_stream(self.service, self.request, event, options, voices, tell_flushes)
        # A socket has one listener, which plays the new context after a barge-in, not the closing ones.
        for earlier in self.contexts.values():
            if earlier.stream.is_ended:
                earlier.stream.abandon()
        context = Context(event.context_id, stream, event.timestamps, options)
        stream.on_change = partial(self._note_busy, context)
        self.contexts[event.context_id] = context
        self.nursery.start_soon(self._run_context, context)

    def _tell_flushes(self, context_id: str | None, flushes: Sequence[Flush]) -> None:
        if isinstance(self.connection, DialogueConnection) and any(flush.has_text for flush in flushes):
            self.outbox.post(self.connection.turn_message(context_id))
        for flush in flushes:
            if flush.flush_id is not None:
                self.outbox.post(self.connection.flush_message(context_id, flush.flush_id))

    async def _take_text(self, event: Text) -> None:
        """Take a message's text in slices, so that other tasks run in between."""
        # While draining, speak text at once, because the client may not send its flush in time.
        flush = (event.flush and event.flush_id is None) or self.service.drain.is_set()
        *others, (last, continues) = slices(event.text)
        for piece, follows in others:
            self._text(event, piece, continues=follows)
            await trio.lowlevel.checkpoint()
        self._text(event, last, continues=continues, flush=flush, trigger=event.trigger)
        if event.flush_id is not None and (context := self.contexts.get(event.context_id)):
            context.stream.flush(event.flush_id)

    def _text(self, event: Text, text: str, *, continues: bool, **how: bool) -> None:
        context = self.contexts.get(event.context_id)
        if context is None or self.outbox.is_closing:
            return
        try:
            if text and not text.isspace():
                assert self.account is not None, "no context opens before the key is known"
                kind = "socket" if self.request.dialect is Dialect.SINGLE else "multi"
                context.spend(self.account, self.request.voice_id, kind, len(text))
            if isinstance(context.stream, DialogueStream):
                new_turn = event.new_turn and not continues
                context.stream.text(text, voice_id=event.voice_id, new_turn=new_turn, **how)
            else:
                context.stream.text(text, continues=continues, **how)
        except RemoteError as error:
            self._fail_context(context, error)
        else:
            context.progress.wrote(text)
            context.keep(text=text)

    def _end(self, context: Context, discard: bool) -> None:
        if discard:
            self.outbox.drop(context, context.stream.discard())
        else:
            context.stream.end()
            if self.request.dialect is Dialect.MULTI:
                context.stream.give_way()

    def _cancel(self, context: Context) -> None:
        self.outbox.drop(context)
        context.cancel()

    async def _run_context(self, context: Context) -> None:
        """The task of one context: speak, then post the final frame or the error."""
        error: BaseException | None = None
        try:
            with context.scope:
                sink = ContextSink(context, self.connection, self.outbox, self.service.observer)
                await context.stream.run(sink.put, sink)
        except* Exception as group:
            error = first_error(group)
        finally:
            if context.meter is not None:
                context.meter.close()
        if error is not None:
            if not isinstance(error, ZelitrioError):
                self.service.observer.broke(error)
            elif not isinstance(error, RemoteError):  # the client learns only that it failed
                self.service.observer.failed(error)
            self._fail_context(context, to_remote_error(error))
        self._close_context(context)

    def _close_context(self, context: Context) -> None:
        if self.contexts.get(context.context_id) is context:
            del self.contexts[context.context_id]
            self.ended.add(context)
        if self.outbox.is_closing:
            return
        self.outbox.post(
            self.connection.final_message(context.context_id, trio.current_time(), context.report())
        )
        self._move_deadline()
        self._close_if_finished()
        self._close_if_drained()

    def _fail_context(self, context: Context, error: RemoteError) -> None:
        if self.request.dialect is Dialect.SINGLE:
            self._fail(error)
            return
        self.outbox.drop(context)
        self._tell_error(error, context.context_id)
        context.cancel()

    def _refuse_context(self, context_id: str | None, error: RemoteError) -> None:
        if self.request.dialect is Dialect.SINGLE:
            self._fail(error)
            return
        self._tell_error(error, context_id)
        self.outbox.post(self.connection.final_message(context_id, trio.current_time()))

    def _fail(self, error: RemoteError) -> None:
        """Stop speaking, send the error frame, close with its code."""
        self._stop_speaking()
        self._tell_error(error)
        self.outbox.close(*close_frame(error))

    def _tell_error(self, error: RemoteError, context_id: str | None = None) -> None:
        self.outbox.post(self.connection.error_message(error, context_id))
        self.service.observer.request_refused(self.account.name if self.account else None, error.code)

    def _stop_speaking(self) -> None:
        for context in self.contexts.values():
            context.cancel()
        self.outbox.drop_audio()

    def _close_if_finished(self) -> None:
        # At once, because the official Python SDK ignores `isFinal` and reads until the socket closes.
        if self.connection.is_finished:
            self.outbox.close(1000, "")

    def _close_if_drained(self) -> None:
        busy = any(context.stream.is_busy for context in self.contexts.values())
        if self.service.drain.is_set() and not busy:
            self.outbox.close(RESTART_CODE, RESTART_REASON)

    def _note_busy(self, context: Context) -> None:
        """Tell the connection whether the context is speaking; meanwhile it has no timeout."""
        busy = context.stream.is_busy
        if busy == context.was_busy or self.outbox.is_closing:
            return
        context.was_busy = busy
        if self.contexts.get(context.context_id) is context:
            self.connection.busy(context.context_id, busy, trio.current_time())
            self._move_deadline()
        if not busy and self.service.drain.is_set():
            self._close_if_drained()

    def _move_deadline(self) -> None:
        # Trio moves a scope's deadline in 12 us, even if it stays the same.
        if (deadline := self._deadline()) != self.read_scope.deadline:
            self.read_scope.deadline = deadline

    def _deadline(self) -> float:
        if self.outbox.is_closing:
            return self.close_by
        deadline = self.connection.deadline()
        return math.inf if deadline is None else deadline
