"""When each character is heard: from an utterance's word times to the alignment of a packet.

A *segment* is what one utterance became.  The engine counts from the utterance's first sample; a
client counts from the segment it just got (sockets, as the vendor does) or from the start of the
stream (HTTP).  Either hears the encoder's delay once, at the start of the stream.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from zelitrio.text import CharTimes, Utterance, align_characters


class Timing(enum.Enum):
    """Whether a stream tells when its characters are heard, and from where it counts."""

    NONE = "none"
    SEGMENT = "segment"
    STREAM = "stream"


@attrs.frozen
class Alignment:
    """Both alignments of a stretch of audio: of the characters sent, and of what was spoken."""

    written: CharTimes
    spoken: CharTimes


def shift(times: CharTimes, by_ms: int) -> CharTimes:
    """The same characters, heard `by_ms` later."""
    if not by_ms:
        return times
    return attrs.evolve(times, starts_ms=tuple(start + by_ms for start in times.starts_ms))


def join(parts: Sequence[CharTimes]) -> CharTimes:
    """One alignment out of several that count from the same moment."""
    if len(parts) == 1:
        return parts[0]
    return CharTimes(
        chars=tuple(char for part in parts for char in part.chars),
        starts_ms=tuple(start for part in parts for start in part.starts_ms),
        durations_ms=tuple(duration for part in parts for duration in part.durations_ms),
    )


def join_alignments(parts: Sequence[Alignment]) -> Alignment:
    """One alignment out of several, at least one, that count from the same moment."""
    return Alignment(join([part.written for part in parts]), join([part.spoken for part in parts]))


def _ended_by_space(times: CharTimes, length_ms: int | None) -> CharTimes:
    if not times.chars or times.chars[-1].isspace():
        return times
    end = times.starts_ms[-1] + times.durations_ms[-1]
    rest = max(0, (length_ms or 0) - end)
    return CharTimes((*times.chars, " "), (*times.starts_ms, end), (*times.durations_ms, rest))


def _silent(text: str, at_ms: int) -> CharTimes:
    return CharTimes(chars=tuple(text), starts_ms=(at_ms,) * len(text), durations_ms=(0,) * len(text))


class SegmentClock:
    """Keeps the alignments of a stream's segments until the packets that carry them.

    Every segment's alignment is given out exactly once and is never empty.  Plain and synchronous.
    """

    def __init__(self, timing: Timing, sample_rate_hz: int, delay_ms: int) -> None:
        self._timing = timing
        self._rate = sample_rate_hz
        self._delay_ms = delay_ms
        self._samples = 0
        self._segment_start = 0
        self._segments = 0
        self._skipped = ""
        self._waiting: list[Alignment] = []
        self._waiting_since = 0

    def skip(self, text: str) -> None:
        """Text that is not spoken: over HTTP its characters still appear, with no duration."""
        if self._timing is Timing.STREAM:
            self._skipped += text

    def begin(
        self,
        utterance: Utterance,
        word_times_ms: tuple[tuple[int, int], ...],
        length_ms: int | None = None,
    ) -> None:
        """The next sample is the first of `utterance`; times are relative to it.

        Args:
            length_ms: of its audio.  The characters behind the last word last until then: Pipecat adds
                up where the segments' last characters end, and takes the sum for the time that passed.
        """
        self._segment_start = self._samples
        if self._timing is Timing.NONE:
            return
        if not self._waiting:
            self._waiting_since = self._samples
        written, spoken = align_characters(utterance, word_times_ms, length_ms)
        if self._timing is Timing.SEGMENT:
            # As the vendor does: what splits the characters at spaces then knows each last word as whole.
            # What was spoken begins with a space instead, so that segments join with one.
            written = _ended_by_space(written, length_ms)
        offset = self._offset_ms()
        parts = [shift(written, offset)]
        if self._skipped:
            parts.insert(0, _silent(self._skipped, offset))
            self._skipped = ""
        alignment = Alignment(join(parts), shift(spoken, offset))
        self._segments += 1
        if alignment.written.chars and alignment.spoken.chars:
            self._waiting.append(alignment)

    def advance(self, samples: int) -> None:
        """So many samples of the segment went into the encoder."""
        self._samples += samples

    def take(self) -> Alignment | None:
        """What the packet leaving now carries."""
        if not self._waiting:
            return None
        waiting, self._waiting = self._waiting, []
        return join_alignments(waiting)

    def take_last(self) -> Alignment | None:
        """What the last packet of the stream carries: also the skipped text at its end."""
        if self._skipped:
            tail = _silent(self._skipped, self._stream_ms(self._samples))
            self._skipped = ""
            self._waiting.append(Alignment(tail, CharTimes((), (), ())))
        return self.take()

    def _offset_ms(self) -> int:
        if self._timing is Timing.STREAM:
            return self._stream_ms(self._samples)
        # Segments that found no packet of their own (a codec still gathering its first frame) are
        # told together with the next one, and then count from the first of them.
        gathered = self._samples - self._waiting_since
        return round(1000 * gathered / self._rate) + (self._delay_ms if not self._segments else 0)

    def _stream_ms(self, samples: int) -> int:
        return self._delay_ms + round(1000 * samples / self._rate)
