"""The clock of a stream's segments: the duration of a segment's last characters."""

from __future__ import annotations

import pytest

from zelitrio.session import Timing
from zelitrio.session.timing import SegmentClock
from zelitrio.text import Utterance, Word

RATE_HZ = 24_000


def utterance(source: str) -> Utterance:
    return Utterance(source, (Word("hello", (0, 5), ("HH", "AH0", "L", "OW1")),))


def told(timing: Timing, source: str, length_ms: int | None = 700):
    clock = SegmentClock(timing, RATE_HZ, 0)
    clock.begin(utterance(source), ((20, 520),), length_ms)
    alignment = clock.take(0.1)
    assert alignment is not None
    return alignment


@pytest.mark.parametrize("source", ["hello", "hello.", "hello. ", "hello!?  "])
def test_a_segment_ends_in_a_space_and_with_its_audio(source):
    written = told(Timing.SEGMENT, source).written
    assert "".join(written.chars) == (source if source.endswith(" ") else source + " ")
    assert written.starts_ms[-1] + written.durations_ms[-1] == 700
    assert written.starts_ms[4] + written.durations_ms[4] == 520


def test_spoken_text_begins_with_a_space_and_ends_without_one():
    spoken = "".join(told(Timing.SEGMENT, "hello.").spoken.chars)
    assert spoken == " hello"


def test_over_http_the_characters_are_the_texts_own():
    written = told(Timing.STREAM, "hello.").written
    assert "".join(written.chars) == "hello."
    assert written.starts_ms[-1] + written.durations_ms[-1] == 700
    assert "".join(told(Timing.STREAM, "hello").written.chars) == "hello"


def test_without_a_length_nothing_lasts_beyond_the_last_word():
    written = told(Timing.STREAM, "hello. ", None).written
    assert written.starts_ms[-1] + written.durations_ms[-1] == 520
