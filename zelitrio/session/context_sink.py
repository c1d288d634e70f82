"""The sink of a context's packets: each packet becomes a message in the socket's outbox."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import attrs
import trio

from zelitrio.protocol import Connection, DialogueConnection
from zelitrio.session.context import Context
from zelitrio.session.outbox import Outbox, Outgoing
from zelitrio.session.packets import Packet
from zelitrio.session.service import Observer


@attrs.frozen(eq=False)
class ContextSink:
    """A `Deliver` and a `DirectSink`."""

    _context: Context
    _connection: Connection | DialogueConnection
    _outbox: Outbox
    _observer: Observer

    @property
    def has_room(self) -> bool:
        """Whether the transport gets the next message at once, and the context was not cancelled."""
        return self._outbox.is_idle and not self._context.is_cancelled

    def put_nowait(self, packets: Sequence[Packet]) -> None:
        """See `DirectSink`; all packets leave together."""
        messages = tuple(map(self._message, packets))
        self._begun(packets)
        self._outbox.put_nowait(messages, partial(self._sent, packets))

    async def put(self, packet: Packet) -> None:
        """See `Deliver`."""
        packets = (packet,)
        await self._outbox.put(
            Outgoing(
                (self._message(packet),),
                self._context,
                packet.chunk,
                sent=partial(self._sent, packets),
                begun=partial(self._begun, packets),
            )
        )

    def _message(self, packet: Packet) -> str:
        context, alignment = self._context, packet.alignment
        context.keep(audio=packet.audio)
        return self._connection.audio_message(
            context.context_id,
            packet.audio,
            alignment.written if alignment else None,
            alignment.spoken if alignment else None,
            packet.marks(context.timestamps) if context.timestamps else None,
        )

    def _begun(self, packets: Sequence[Packet]) -> None:
        for packet in packets:
            self._context.progress.sent(packet.begun, packet.until_s)

    def _sent(self, packets: Sequence[Packet]) -> None:
        seconds, first = 0.0, packets[0]
        for packet in packets:
            seconds += packet.seconds
        if self._context.meter is not None:
            self._context.meter.spoke(seconds)
        if first.released_at is not None:
            self._observer.first_audio(trio.current_time() - first.released_at)
        self._observer.audio(seconds)
        if first.first is not None:
            first.first.sent()
