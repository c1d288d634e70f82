"""Keep the ends of utterances cut in mid-sentence, and crossfade them into the next utterance.

A tail is kept while its listener has audio to play.  If the listener runs dry, the tail is delivered with a
fade-out, and the next utterance fades in.
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
        """Streams with a tail and without a next utterance, by number."""

    def join(
        self, part: Part, row: NDArray[np.float32], hop_samples: int, fade_samples: int
    ) -> NDArray[np.float32]:
        """Copy a row's heard audio, crossfade it with the last tail, and keep its own tail.

        Args:
            part: the row's stream and span.
            row: [n] samples of the network.
            hop_samples: samples of a frame.
            fade_samples: length of the crossfade.

        Returns:
            [m] samples to deliver now, in their own memory.
        """
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
        """Note the end of an utterance: its tail, if any, waits for the next utterance."""
        if work.tail is not None and not work.lane.has_work:
            self._waiting[work.lane.stream] = work

    def forget(self, number: int) -> None:
        """Note that a stream has its next utterance or is closed."""
        self._waiting.pop(number, None)

    def dry(self, now_s: float) -> list[Work]:
        """The waiting streams with only the tail left to play."""
        return [work for work in self._waiting.values() if work.lane.listener.dry_at_s <= now_s]

    def until_dry_s(self, now_s: float) -> float | None:
        """Seconds until `dry` returns a stream; None if no stream waits."""
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
    # numpy's copy releases the GIL, and each row would then wait half a millisecond for the event loop's
    # thread to return it.  The copy itself takes microseconds.
    return np.frombuffer(bytearray(samples), np.float32)
