"""The ends of utterances that stopped in mid-sentence: kept back for the next one to join.

An end is kept for as long as its listener has something to play.  Whoever runs dry hears it fade out, and
what comes later begins softly, with nothing to join.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.seams import close, cross
from zelitrio.engine.steps import Part, Work


class Tails:
    """Joins utterances of all streams.  Not thread-safe: the engine's thread owns it.

    Args:
        fade_samples: how long one goes over into the next.
    """

    def __init__(self, fade_samples: int) -> None:
        self._fade_samples = fade_samples
        self._waiting: dict[int, Work] = {}
        """Streams with a tail and nothing yet that it would join, by number."""

    def join(self, part: Part, row: NDArray[np.float32]) -> NDArray[np.float32]:
        """A row's audio in memory of its own, joined to the utterance before; its tail is kept back."""
        pcm = _copied(row[part.begin : part.end])
        stream = part.stream
        if len(pcm) and (stream.tail is not None or stream.fades_in):
            before = np.zeros(self._fade_samples, np.float32) if stream.tail is None else stream.tail
            cross(before, pcm, self._fade_samples)
            stream.tail, stream.fades_in = None, False
        if part.tail_end > part.end:
            tail = row[part.end : part.tail_end].copy()
            stream.tail = tail if stream.tail is None else np.concatenate([stream.tail, tail])
            stream.tail_of = part.speak.index
        return pcm

    def await_next(self, stream: Work) -> None:
        """The utterance is over: if nothing follows yet, its tail waits for what will."""
        if stream.tail is not None and not stream.lane.has_work:
            self._waiting[stream.lane.stream] = stream

    def forget(self, number: int) -> None:
        """That stream has gone on, or has gone."""
        self._waiting.pop(number, None)

    def dry(self, now_s: float) -> list[Work]:
        """Streams whose listeners have heard all but the tail: what would join it comes too late."""
        return [stream for stream in self._waiting.values() if stream.lane.dry_at_s <= now_s]

    def until_dry_s(self, now_s: float) -> float | None:
        """Seconds until there is such a stream; None if there will be none."""
        if not self._waiting:
            return None
        return max(0.0, min(stream.lane.dry_at_s for stream in self._waiting.values()) - now_s)

    def close(self, stream: Work) -> NDArray[np.float32]:
        """The stream's tail, faded out; what it says next fades in."""
        assert stream.tail is not None
        pcm, stream.tail, stream.fades_in = close(stream.tail, self._fade_samples), None, True
        self.forget(stream.lane.stream)
        return pcm


def _copied(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    # numpy's own copy lets go of the GIL, and each of a batch's rows would then wait for the loop's thread
    # to give it back: half a millisecond, where the copy takes some microseconds.
    return np.frombuffer(bytearray(samples), np.float32)
