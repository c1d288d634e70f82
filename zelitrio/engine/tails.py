"""The ends of utterances that stopped in mid-sentence: kept back for the next one to join.

An end is kept for as long as its listener has something to play.  A listener that runs dry hears it fade
out, and what comes later begins softly, with nothing to join.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from zelitrio.engine.seams import close, cross
from zelitrio.engine.steps import Part, Tail, Work


class Tails:
    """Joins utterances of all streams.  Not thread-safe: the engine's thread owns it."""

    def __init__(self) -> None:
        self._waiting: dict[int, Work] = {}
        """Streams with a tail and nothing yet that it would join, by number."""

    def join(
        self, part: Part, row: NDArray[np.float32], hop_samples: int, fade_samples: int
    ) -> NDArray[np.float32]:
        """A row's audio in memory of its own, joined to the utterance before; its tail is kept back."""
        span, work = part.span, part.work
        end, tail_end = span.end * hop_samples, span.tail_end * hop_samples
        pcm = _copied(row[span.begin * hop_samples : end])
        if len(pcm) and (work.tail is not None or work.fades_in):
            before = np.zeros(fade_samples, np.float32) if work.tail is None else work.tail.pcm
            cross(before, pcm, fade_samples)
            work.tail, work.fades_in = None, False
        if tail_end > end:
            tail = row[end:tail_end].copy()
            if work.tail is not None:
                tail = np.concatenate([work.tail.pcm, tail])
            work.tail = Tail(pcm=tail, utterance=span.speak.index)
        return pcm

    def await_next(self, work: Work) -> None:
        """The utterance is over: if nothing follows yet, its tail waits for what will."""
        if work.tail is not None and not work.lane.has_work:
            self._waiting[work.lane.stream] = work

    def forget(self, number: int) -> None:
        """That stream has gone on, or has gone."""
        self._waiting.pop(number, None)

    def dry(self, now_s: float) -> list[Work]:
        """Streams with listeners that have heard all but the tail: the audio to join comes too late."""
        return [work for work in self._waiting.values() if work.lane.listener.dry_at_s <= now_s]

    def until_dry_s(self, now_s: float) -> float | None:
        """Seconds until there is such a stream; None if there will be none."""
        if not self._waiting:
            return None
        return max(0.0, min(work.lane.listener.dry_at_s for work in self._waiting.values()) - now_s)

    def close(self, work: Work, fade_samples: int) -> Tail:
        """Fade out the stream's tail; its next audio fades in."""
        assert work.tail is not None
        tail, work.tail, work.fades_in = work.tail, None, True
        self.forget(work.lane.stream)
        return Tail(pcm=close(tail.pcm, fade_samples), utterance=tail.utterance)


def _copied(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    # numpy's own copy lets go of the GIL, and each row of a batch would then wait for the loop's thread to
    # give it back: half a millisecond, where the copy takes some microseconds.
    return np.frombuffer(bytearray(samples), np.float32)
