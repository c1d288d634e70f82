"""When each character is heard: from an utterance's word times to the alignment of a packet.

A *segment* is the audio of one utterance.  The engine counts from the utterance's first sample.  A client
counts from the start of the segment (text-to-speech sockets, as the vendor does), of the message (dialogue
sockets) or of the stream (HTTP).  All hear the encoder's delay once, at the start of the stream.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Sequence

import attrs

from zelitrio.protocol import CharTimes, join_times
from zelitrio.session.characters import align_characters
from zelitrio.session.message_times import MessageTimes
from zelitrio.session.segments import PhoneEdges, Segment
from zelitrio.text import Utterance


class Timing(enum.Enum):
    """Whether a stream tells when its characters are heard, and from where it counts."""

    NONE = "none"
    SEGMENT = "segment"
    MESSAGE = "message"
    """Each packet tells the characters of its own audio, from its own first sample (`message_times`)."""
    STREAM = "stream"


_NO_TIMES = CharTimes((), (), ())


@attrs.frozen
class Alignment:
    """Both alignments of some audio: of the characters sent, and of the characters as spoken."""

    written: CharTimes
    spoken: CharTimes


def join_alignments(parts: Sequence[Alignment]) -> Alignment:
    """One alignment out of several, at least one, that count from the same moment."""
    return Alignment(
        join_times([part.written for part in parts]), join_times([part.spoken for part in parts])
    )


def _ended_by_space(times: CharTimes, length_ms: int | None) -> CharTimes:
    if not times.chars or times.chars[-1].isspace():
        return times
    end = times.starts_ms[-1] + times.durations_ms[-1]
    rest = max(0, (length_ms or 0) - end)
    return CharTimes((*times.chars, " "), (*times.starts_ms, end), (*times.durations_ms, rest))


def _silent(text: str, at_ms: int) -> CharTimes:
    return CharTimes(chars=tuple(text), starts_ms=(at_ms,) * len(text), durations_ms=(0,) * len(text))


def _written_only(times: CharTimes | None) -> Alignment | None:
    return None if times is None else Alignment(times, _NO_TIMES)


class SegmentClock:
    """Keeps the alignments of a stream's segments until the packets that carry them.

    Each alignment is returned once and is never empty.
    """

    def __init__(self, timing: Timing, sample_rate_hz: int, delay_ms: int) -> None:
        self._timing = timing
        self._rate = sample_rate_hz
        self._delay_ms = delay_ms
        self._samples = 0
        self._segments = 0
        self._waiting: list[Alignment] = []
        self._begun: list[Segment] = []
        self._waiting_since = 0
        self._times = MessageTimes()
        self._told_ms = 0
        """The end of the last packet."""

    def begin(
        self,
        utterance: Utterance,
        word_times_ms: tuple[tuple[int, int], ...],
        length_ms: int | None = None,
        skipped: str = "",
        phone_edges_ms: Callable[[], PhoneEdges] | None = None,
    ) -> None:
        """The next sample is the first of `utterance`; times are relative to it.

        Args:
            utterance: of the segment.
            word_times_ms: start and end of each of its words.
            length_ms: of its audio.  The characters after the last word last until then: Pipecat adds up the
                ends of the segments and takes the sum for the time that passed.
            skipped: text before it that is not spoken.  Over HTTP its characters appear with no duration.
            phone_edges_ms: computes the edges of its phones.
        """
        if not self._begun:
            self._waiting_since = self._samples
        offset = self._offset_ms()
        self._segments += 1
        self._begun.append(
            Segment(
                utterance=utterance,
                word_times_ms=word_times_ms,
                skipped=skipped,
                begin_ms=self._stream_ms(self._samples),
                offset_ms=offset,
                phone_edges_ms=phone_edges_ms,
            )
        )
        if self._timing is Timing.NONE:
            return
        written, spoken = align_characters(utterance, word_times_ms, length_ms)
        if self._timing is Timing.SEGMENT:
            # As the vendor does: a client that splits the characters at spaces then has each last word whole.
            # The spoken characters begin with a space instead, so that segments join with one.
            written = _ended_by_space(written, length_ms)
        parts = [written.shifted(offset)]
        if skipped and self._timing is not Timing.SEGMENT:
            parts.insert(0, _silent(skipped, offset))
        if self._timing is Timing.MESSAGE:
            begin_ms = self._begun[-1].begin_ms
            self._times.add(join_times([one.shifted(begin_ms - offset) for one in parts]))
            return
        alignment = Alignment(join_times(parts), spoken.shifted(offset))
        if alignment.written.chars and alignment.spoken.chars:
            self._waiting.append(alignment)

    def advance(self, samples: int) -> None:
        """Count samples that went into the encoder."""
        self._samples += samples

    @property
    def heard_s(self) -> float:
        """The end of all samples, as a player plays them."""
        return self._stream_ms(self._samples) / 1000

    def take(self, until_s: float) -> Alignment | None:
        """The alignment for the next packet, which ends at `until_s` of the stream."""
        self._told_ms = round(1000 * until_s)
        if self._timing is Timing.MESSAGE:
            return _written_only(self._times.take(self._told_ms))
        if not self._waiting:
            return None
        waiting, self._waiting = self._waiting, []
        return join_alignments(waiting)

    def take_begun(self) -> tuple[Segment, ...]:
        """The segments that begin with the next packet; call it after `take`."""
        begun, self._begun = self._begun, []
        return tuple(begun)

    def take_last(self, skipped: str, until_s: float) -> Alignment | None:
        """The alignment for the last packet of the stream, with the skipped text at its end.

        Args:
            skipped: after the last utterance.
            until_s: end of the encoder's last frame.
        """
        if self._timing is Timing.MESSAGE:
            # If nothing follows the packets that have left, there is no further message.
            until_ms = round(1000 * max(until_s, self.heard_s))
            is_over = until_ms <= self._told_ms
            return None if is_over else _written_only(self._times.take(until_ms, is_last=True))
        if skipped and self._timing is Timing.STREAM:
            tail = _silent(skipped, self._stream_ms(self._samples))
            self._waiting.append(Alignment(tail, _NO_TIMES))
        return self.take(self.heard_s)

    def _offset_ms(self) -> int:
        if self._timing is Timing.STREAM:
            return self._stream_ms(self._samples)
        if self._timing is Timing.MESSAGE:
            return self._stream_ms(self._samples) - self._told_ms
        # A segment without a packet of its own (the codec has no whole frame yet) shares the packet of the
        # next one; both then count from the first of them.
        gathered = self._samples - self._waiting_since
        return round(1000 * gathered / self._rate) + (self._delay_ms if not self._segments else 0)

    def _stream_ms(self, samples: int) -> int:
        return self._delay_ms + round(1000 * samples / self._rate)
