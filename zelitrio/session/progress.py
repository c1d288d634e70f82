"""The progress of a context: its text, and how much of its audio was sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

import attrs

from zelitrio.protocol import SpeechReport
from zelitrio.session.notices import Notices
from zelitrio.session.segments import Segment

MAX_TEXT_CHARS = 64 * 1024
"""Latest text that a report contains: an hour of speech."""
_MAX_SEGMENTS = 4096


@attrs.define(eq=False)
class Progress:
    """Text and audio of one context.  All calls return at once."""

    notices: Notices | None = None
    """Problems with the text, for the report."""
    _text: deque[str] = attrs.field(factory=deque, init=False)
    _chars: int = attrs.field(default=0, init=False)
    _forgotten: int = attrs.field(default=0, init=False)
    """Characters other than white space in dropped text."""
    _segments: deque[Segment] = attrs.field(factory=deque, init=False)
    _passed: int = attrs.field(default=0, init=False)
    """Characters other than white space in dropped segments."""
    _sent_s: float = attrs.field(default=0.0, init=False)

    def wrote(self, text: str) -> None:
        """Add text of the client."""
        self._text.append(text)
        self._chars += len(text)
        while self._chars > MAX_TEXT_CHARS and len(self._text) > 1:
            gone = self._text.popleft()
            self._chars -= len(gone)
            self._forgotten += _ink(gone)

    def sent(self, begun: Sequence[Segment], until_s: float) -> None:
        """Add a sent packet.

        Args:
            begun: the segments that begin with it.
            until_s: length of the stream's audio up to its end.
        """
        self._sent_s = until_s
        self._segments.extend(begun)
        while len(self._segments) > _MAX_SEGMENTS:
            gone = self._segments.popleft()
            self._passed += _ink(gone.skipped) + _ink(gone.utterance.source)

    def report(self, played_ms: int | None = None) -> SpeechReport:
        """Report the heard text and the unheard text.

        Args:
            played_ms: audio that the client played; None: all sent audio.
        """
        sent_ms = round(1000 * self._sent_s)
        heard_ms = sent_ms if played_ms is None else min(played_ms, sent_ms)
        spoken = self._passed
        for segment in self._segments:
            source = segment.utterance.source
            heard = _heard_chars(segment, heard_ms)
            if heard:
                spoken += _ink(segment.skipped) + _ink(source[:heard])
            if heard < len(source):
                break
        text = "".join(self._text)
        end = _end_of(text, spoken - self._forgotten)
        if end and not any(char.isalnum() for char in text[end:]):
            end = len(text)  # marks and spaces have no audio
        skipped, seems = ("", None) if self.notices is None else (self.notices.skipped, self.notices.seems)
        return SpeechReport(text[:end], text[end:], sent_ms, skipped, seems)


def _heard_chars(segment: Segment, heard_ms: int) -> int:
    """Characters of a segment's text up to the last completely heard word."""
    words, source = segment.utterance.words, segment.utterance.source
    ended = 0
    for _, end_ms in segment.word_times_ms:
        if segment.begin_ms + end_ms > heard_ms:
            break
        ended += 1
    if ended >= len(words):
        return len(source)
    following = words[ended].span[0]
    # Words that share text ("5" and "dollars" of "$5") count when all of them were heard.
    while ended and words[ended - 1].span[1] > following:
        ended -= 1
    if not ended:
        return 0
    at = words[ended - 1].span[1]
    while at < following and not source[at].isspace():
        at += 1  # its marks
    return at


def _ink(text: str) -> int:
    """Count characters other than white space, because reading may change white space."""
    return len(text) - sum(map(str.isspace, text))


def _end_of(text: str, ink: int) -> int:
    if ink <= 0:
        return 0
    for at, char in enumerate(text):
        if not char.isspace():
            ink -= 1
            if not ink:
                return at + 1
    return len(text)
