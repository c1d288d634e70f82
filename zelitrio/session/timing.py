"""From an utterance's word times to the alignment of a packet.

A *segment* is the audio of one utterance.  The engine's times count from the utterance's first sample.  A
client's times count from the start of the segment (text-to-speech sockets, as at ElevenLabs), of the message
(dialogue sockets) or of the stream (HTTP).  The encoder's delay is heard once, at the start of the stream.
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
    """Whether packets carry character times, and their origin."""

    NONE = "none"
    SEGMENT = "segment"
    MESSAGE = "message"
    """Each packet has the characters of its own audio, timed from its first sample (`message_times`)."""
    STREAM = "stream"


_NO_TIMES = CharTimes((), (), ())


@attrs.frozen
class Alignment:
    """Alignments of the sent characters and of the characters as spoken."""

    written: CharTimes
    spoken: CharTimes


def join_alignments(parts: Sequence[Alignment]) -> Alignment:
    """Join one or more alignments with the same origin."""
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
    """Keeps the alignments of a stream's segments until their packets are made.

    Each alignment is returned once and is never empty.

    Args:
        timing: the origin of times.
        sample_rate_hz: of the samples that `advance` counts.
        delay_ms: silence that the codec adds before the first sample.
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

    def begin(
        self,
        utterance: Utterance,
        word_times_ms: tuple[tuple[int, int], ...],
        length_ms: int | None = None,
        skipped: str = "",
        phone_edges_ms: Callable[[], PhoneEdges] | None = None,
    ) -> None:
        """Begin the segment of an utterance with the next sample.

        Args:
            utterance: of the segment.
            word_times_ms: start and end of each word, from that sample.
            length_ms: length of the audio, which ends the characters after the last word: Pipecat adds up the
                ends of the segments to get the elapsed time.
            skipped: unspoken text before it.  Over HTTP its characters have a duration of 0.
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
            # As at ElevenLabs: clients split at spaces, so the last word must end with one.  The spoken
            # characters begin with a space instead, so that joined segments have one in between.
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
        """Count samples of the encoder's input."""
        self._samples += samples

    @property
    def heard_s(self) -> float:
        """Played length of all counted samples, including the codec's delay."""
        return self._stream_ms(self._samples) / 1000

    def take(self, until_s: float) -> Alignment | None:
        """Take the alignment of the next packet, which ends at `until_s` of the stream, if any."""
        self._told_ms = round(1000 * until_s)
        if self._timing is Timing.MESSAGE:
            return _written_only(self._times.take(self._told_ms))
        if not self._waiting:
            return None
        waiting, self._waiting = self._waiting, []
        return join_alignments(waiting)

    def take_begun(self) -> tuple[Segment, ...]:
        """Take the segments that begin with the next packet; call it after `take`."""
        begun, self._begun = self._begun, []
        return tuple(begun)

    def take_last(self, skipped: str, until_s: float) -> Alignment | None:
        """Take the alignment of the stream's last packet, including the skipped text at its end, if any.

        Args:
            skipped: unspoken text after the last utterance.
            until_s: end of the encoder's last frame.
        """
        if self._timing is Timing.MESSAGE:
            # Without audio after the last packet there is no last message.
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
        # A segment too short for a packet shares the packet of the next one; both segments' times then
        # count from the start of the first.
        gathered = self._samples - self._waiting_since
        return round(1000 * gathered / self._rate) + (self._delay_ms if not self._segments else 0)

    def _stream_ms(self, samples: int) -> int:
        return self._delay_ms + round(1000 * samples / self._rate)
