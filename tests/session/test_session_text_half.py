"""The text half of a stream, without Trio: release, read, speak and cancel."""

from __future__ import annotations

import math
from functools import partial

import pytest

from zelitrio.errors import RemoteError
from zelitrio.protocol import ChunkSchedule
from zelitrio.session.notices import Notices
from zelitrio.session.pending import Speech
from zelitrio.session.service import Observer
from zelitrio.session.text_half import MAX_PENDING_CHARS, TextHalf
from zelitrio.settings import VoiceSettings
from zelitrio.text import Reading, StreamReader, find_phrase_end, find_sentence_end, load_front_end

LONG = "This sentence is long enough that the schedule releases it by itself. "


def make_half(notices: Notices | None = None, *, auto_mode: bool = False, **reading: object) -> TextHalf:
    schedule = ChunkSchedule(
        (50,),
        auto_mode=auto_mode,
        find_sentence_end=find_sentence_end,
        find_phrase_end=find_phrase_end,
    )
    reader = StreamReader(load_front_end(), Reading(**reading))  # type: ignore[arg-type]
    return TextHalf(schedule, VoiceSettings(), reader, notices and partial(notices.read, language="en"))


def take_all(half: TextHalf) -> list[Speech]:
    taken = []
    while half.pending.is_unread:
        if (speech := half.take()) is not None:
            taken.append(speech)
    return taken


def sources(speeches: list[Speech]) -> list[str]:
    return [speech.utterance.source for speech in speeches]


def test_text_is_released_by_a_flush_the_schedule_or_the_end() -> None:
    half = make_half()
    assert not half.text("Just begun ", 0.0)
    assert half.text("and flushed. ", 0.0, flush=True)
    assert half.text(LONG, 0.0)
    assert not half.text("And the rest", 0.0)
    half.end(0.0)
    speeches = take_all(half)
    assert sources(speeches) == ["Just begun and flushed. ", LONG, "And the rest"]
    assert [speech.utterance.number for speech in speeches] == [0, 1, 2]
    assert half.take() is None and half.is_ended


def test_a_finished_sentence_is_due_after_a_silence() -> None:
    half = make_half()
    assert half.deadline() == math.inf
    half.text("How are you?", 1.0)
    assert half.take() is None
    assert half.deadline() == pytest.approx(1.1)
    half.expire(1.2)
    assert sources(take_all(half)) == ["How are you?"]
    assert half.deadline() == math.inf


def test_chunks_are_stamped_with_the_time_and_settings_of_their_release() -> None:
    half = make_half()
    half.text("One.", 1.0, flush=True)
    half.settings = VoiceSettings(speed=0.8)
    half.text("Two.", 2.0, flush=True)
    first, second = (speech.released for speech in take_all(half))
    assert (first.released_at, first.settings.speed, first.number) == (1.0, 1.0, 0)
    assert (second.released_at, second.settings.speed, second.number) == (2.0, 0.8, 1)


def test_characters_are_counted_until_they_are_spoken() -> None:
    half = make_half()
    half.text("Only buffered", 0.0)
    assert half.chars == 13 and half.pending.chars == 0
    half.flush(0.0)
    assert half.chars == half.pending.chars == 13
    (speech,) = take_all(half)
    assert half.chars == 13 and half.pending.in_engine == 1
    half.pending.spoken(speech.utterance)
    half.pending.spoken(speech.utterance)
    assert half.chars == 0 and not half.pending


def test_a_chunk_without_words_is_not_counted_once_it_was_read() -> None:
    half = make_half()
    half.text("... ", 0.0, flush=True)
    assert half.take() is None
    assert half.chars == 0 and not half.pending and half.skipped == "... "


def test_more_text_than_may_wait_is_refused_and_not_taken() -> None:
    half = make_half()
    half.text("a " * (MAX_PENDING_CHARS // 2), 0.0)
    before = half.chars
    with pytest.raises(RemoteError, match="characters wait"):
        half.text("b", 0.0)
    assert half.chars == before


def test_the_text_without_words_belongs_to_the_utterance_after_it() -> None:
    half = make_half()
    for text in ("One. ", "... ", "Two. ", "!"):
        half.text(text, 0.0, flush=True)
    speeches = take_all(half)
    assert [speech.skipped for speech in speeches] == ["", "... "]
    assert half.skipped == "!"


@pytest.mark.parametrize("taken", [0, 1, 2, 3])
def test_a_barge_in_keeps_what_was_flushed_and_drops_the_rest(taken: int) -> None:
    half = make_half()
    half.text("This was flushed. ", 0.0, flush=True)
    half.text(LONG * 2, 1.0)
    speeches = [speech for _ in range(taken) if (speech := half.take()) is not None]
    assert half.discard() == 1
    speeches += take_all(half)
    kept = [speech for speech in speeches if speech.released.number < 1]
    assert sources(kept) == ["This was flushed. "]
    assert not half.is_silenced
    half.pending.spoken(kept[0].utterance)
    assert half.is_silenced
    assert half.owes_audio
    assert not half.text("Too late. ", 2.0, flush=True)


def test_a_barge_in_before_any_flush_leaves_nothing_to_say() -> None:
    half = make_half()
    half.text(LONG, 0.0)
    assert half.discard() == 0
    assert half.is_silenced and not half.owes_audio and not half.pending


def test_after_the_end_a_barge_in_takes_nothing_back() -> None:
    half = make_half()
    half.text(LONG, 0.0)
    half.end(0.0)
    released = len(sources(take_all(half)))
    assert half.discard() == released
    assert not half.is_silenced and half.owes_audio


class Told(Observer):
    def __init__(self) -> None:
        self.skipped: list[str] = []
        self.differing: list[tuple[str, str]] = []

    def text_skipped(self, text: str) -> None:
        self.skipped.append(text)

    def language_differs(self, seems: str, language: str) -> None:
        self.differing.append((seems, language))


def test_unspoken_text_is_reported_once() -> None:
    told = Told()
    notices = Notices(told)
    half = make_half(notices)
    for text in ("Hello 漢字 there. ", "And 漢 again. "):
        half.text(text, 0.0, flush=True)
    take_all(half)
    assert told.skipped == ["漢字"]
    assert notices.skipped == "漢字"
    assert notices.seems is None


def test_a_text_in_another_language_is_reported_once() -> None:
    told = Told()
    half = make_half(Notices(told))
    for text in ("Das ist nicht mein Haus. ", "Ich habe es mit der Familie auf dem Land. ") * 3:
        half.text(text, 0.0, flush=True)
    take_all(half)
    assert told.differing == [("de", "en")]


def test_an_open_tag_counts_as_text_and_is_read_when_its_end_comes() -> None:
    half = make_half(ssml=True)
    half.text('Wait <break time="0', 0.0)
    assert half.chars == len('Wait <break time="0')
    half.text('.5s"/> for it.', 0.0, flush=True)
    (speech,) = take_all(half)
    assert speech.utterance.words[0].pause_s == 0.5
