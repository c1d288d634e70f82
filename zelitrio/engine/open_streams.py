"""The open streams by number, and their waits for first audio."""

from __future__ import annotations

import itertools
from collections import deque

from zelitrio.engine.commands import Delivery, Spoken
from zelitrio.engine.statistics import FIRST_AUDIO_KEPT, percentiles_ms
from zelitrio.engine.stream import EngineStream


class OpenStreams:
    """Passes the thread's deliveries to the open streams."""

    def __init__(self) -> None:
        self._streams: dict[int, EngineStream] = {}
        self._numbers = itertools.count()
        self._waits_s: deque[float] = deque(maxlen=FIRST_AUDIO_KEPT)

    def __len__(self) -> int:
        return len(self._streams)

    @property
    def first_audio_ms(self) -> dict[str, float]:
        """p50, p95 and p99 of the last waits for first audio."""
        return percentiles_ms(self._waits_s)

    def next_number(self) -> int:
        """A number that no stream has had."""
        return next(self._numbers)

    def add(self, number: int, stream: EngineStream) -> None:
        """Pass deliveries to this stream from now on."""
        self._streams[number] = stream

    def remove(self, number: int) -> None:
        """Drop later deliveries for this stream; a second call does nothing."""
        self._streams.pop(number, None)

    def end(self, number: int) -> None:
        """End a stream's iteration after the delivered blocks."""
        self._streams.pop(number).end()

    def deliver(self, delivery: Delivery) -> None:
        """Pass a delivery to its stream; never raises."""
        if isinstance(delivery, Spoken) and delivery.stages is not None:
            self._waits_s.append(delivery.stages.waited_s)
        stream = self._streams.get(delivery.stream)
        if stream is not None:
            stream.deliver(delivery)

    def abandon(self) -> None:
        """End the iteration of every stream after the engine's end."""
        for stream in self._streams.values():
            stream.end()
