"""Cut audio into packets: the first at once, then as large as the listener's lead allows.

The *lead* is audio that the listener has received and not played.  A message costs the event loop the same at
any size, so large packets are cheaper.  But a packet is heard only after its last byte has come.  So a packet
has up to half of the lead, at least `first_ms` and at most `max_ms`, and leaves before the listener runs dry.
With a lead of two seconds there is one message a second.  An utterance of 5 s takes 11 messages; with a limit
of 250 ms it took 26.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import attrs
import numpy as np
from numpy.typing import NDArray

from zelitrio.audio import Prepared
from zelitrio.protocol import Marks, join_marks
from zelitrio.session.segments import Segment
from zelitrio.session.timing import Alignment
from zelitrio.session.traces import FirstAudio

Samples = NDArray[np.float32]
NO_SAMPLES: Samples = np.zeros(0, np.float32)

MARGIN_S = 0.02
"""Held audio leaves this long before it is needed: time for encoding, the loop and the network."""


@attrs.frozen(eq=False)
class Packet:
    """Encoded bytes for one message.

    Attributes:
        audio: empty only on a last packet that has just an alignment.
        alignment: of the segments that begin with this packet, if any and if wanted.
        seconds: audio that went into the encoder for this packet.
        chunk: number of its chunk, from 0.
        released_at: on a stream's first packet: Trio's time at which the first chunk was released.
        first: on a traced stream's first packet: reports that it was sent.
        begun: the segments that begin with this packet.
        until_s: length of the stream's played audio up to the end of this packet.
    """

    audio: bytes
    alignment: Alignment | None = None
    seconds: float = 0.0
    chunk: int = 0
    released_at: float | None = None
    first: FirstAudio | None = None
    begun: tuple[Segment, ...] = ()
    until_s: float = 0.0

    def marks(self, kinds: Sequence[str]) -> dict[str, Marks]:
        """Times of these kinds in its segments, with the origin of the alignment."""
        return join_marks([segment.marks(kinds) for segment in self.begun]) if kinds else {}


class Packer:
    """Gathers samples into packets.  No call waits; `now` is in seconds of any one clock."""

    def __init__(self, sample_rate_hz: int, first_ms: int, max_ms: int) -> None:
        self._rate = sample_rate_hz
        self._first_s = first_ms / 1000
        self._max_s = max(first_ms, max_ms) / 1000
        self._held: list[Prepared] = []
        self._held_samples = 0
        self._played_at = -math.inf  # end of all packets, without the codec's delay
        self.codec_holds_s = 0.0
        """Seconds of audio in the codec that are not yet in a packet."""

    @property
    def dry_at(self) -> float:
        """When the listener has played all packets; -inf before the first packet."""
        return self._played_at - self.codec_holds_s

    @property
    def is_holding(self) -> bool:
        """Whether samples wait for their packet."""
        return self._held_samples > 0

    def push(self, pcm: Prepared, now: float, *, release: bool = False) -> list[Prepared]:
        """Add samples and return the packets to send now; `release` holds nothing back."""
        if len(pcm):
            self._held.append(pcm)
            self._held_samples += len(pcm)
        packets = []
        while self._held_samples:
            lead_s = self._played_at - self.codec_holds_s - now
            target = round(min(max(lead_s / 2, self._first_s), self._max_s) * self._rate)
            if self._held_samples < target and not release:
                break
            # Twice the target is the lead: such a packet arrives in time even over a network no faster than
            # real time.  A listener with an empty buffer gets the smallest packet.
            limit = min(2 * target, round(self._max_s * self._rate))
            if self._held_samples > limit and lead_s <= 0:
                limit = target
            packets.append(self._take(min(self._held_samples, limit), now))
        return packets

    def deadline(self) -> float:
        """Time at which held samples must leave; inf if none are held."""
        return self.dry_at - MARGIN_S if self._held_samples else math.inf

    def _take(self, samples: int, now: float) -> Prepared:
        held = self._held[0] if len(self._held) == 1 else _joined(self._held)
        packet, rest = held[:samples], held[samples:]
        self._held = [rest] if len(rest) else []
        self._held_samples = len(rest)
        # A listener that ran dry continues when this packet arrives.
        self._played_at = max(self._played_at, now + self.codec_holds_s) + len(packet) / self._rate
        return packet


def _joined(parts: Sequence[Prepared]) -> Prepared:
    # Not np.concatenate, which releases the GIL: the engine's thread may take it for half a millisecond.
    return np.frombuffer(b"".join([part.data for part in parts]), parts[0].dtype)
