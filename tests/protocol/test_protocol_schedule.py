from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_driver import schedule, steady

from zelitrio.errors import LocalError
from zelitrio.protocol import Chunk, ChunkSchedule

RUN_ON = "we kept walking along the river for hours and hours without ever seeing another living soul " * 20
PROSE = (
    "Hello there. Dr. Smith came at 3.14 to see us! Was it cold? It was, and nobody who stood in the yard "
    'that night has forgotten it. "Never again," she said. They paid $4.50 each. Then, when the long winter '
    "had passed and the roads were open once more, we left for the coast. Yes. No. Perhaps so. "
)


def feed_all(made: ChunkSchedule, pieces: list[str]) -> list[Chunk]:
    return [chunk for piece in pieces for chunk in made.feed(piece, 0.0)]


def test_without_sentence_ends_release_follows_the_vendors_schedule() -> None:
    chunks: list[Chunk] = []
    held = []
    made = schedule()
    for char in RUN_ON:
        for chunk in made.feed(char, 0.0):
            held.append(made.pending_chars + len(chunk.text))
            chunks.append(chunk)
    assert held[:5] == [120, 160, 250, 290, 290]
    assert all(chunk.text.endswith(" ") and not chunk.ends_sentence for chunk in chunks)


def test_an_unfinished_word_at_the_threshold_waits() -> None:
    made = schedule(schedule_chars=(50,))
    assert made.feed("a " * 20 + "b" * 9, 0.0) == []
    (chunk,) = made.feed("b", 0.0)
    assert chunk.text == "a " * 20 and made.pending_chars == 10
    assert made.flush(0.0)[0].text == "b" * 10


def test_a_fractional_threshold_is_reached_by_the_next_character() -> None:
    made = schedule(schedule_chars=(50.5,))
    assert made.feed("a " * 25, 0.0) == []
    assert len(made.feed("b", 0.0)) == 1


def test_a_short_first_sentence_is_released_but_not_a_fragment() -> None:
    made = schedule()
    assert made.feed("Yes. ", 0.0) == []
    assert [chunk.text for chunk in made.feed("Hello there. And", 0.0)] == ["Yes. Hello there. "]
    assert made.feed(" so on. But", 0.0) == []


def test_a_short_later_sentence_waits_for_more_text() -> None:
    made = schedule()
    feed_all(made, ["Hello there. "])
    assert feed_all(made, ["It rained. ", "It poured. ", "It was cold. "]) == []
    (chunk,) = made.feed("Nobody wanted to go outside. And", 0.0)
    assert chunk.text == "It rained. It poured. It was cold. Nobody wanted to go outside. "
    assert chunk.ends_sentence and not chunk.flushed and chunk.start_char == 13


def test_an_early_release_leaves_the_count_where_it_was() -> None:
    made = schedule(schedule_chars=(60, 500))
    feed_all(made, ["Hello there. "])
    assert len(feed_all(made, ["word " * 12])) == 1


def test_abbreviations_and_decimals_do_not_end_a_sentence() -> None:
    made = schedule()
    assert feed_all(made, list("I went to see Dr. Smith about the 3.14 of them")) == []


def test_a_long_message_is_cut_into_sentences_at_once() -> None:
    made = schedule()
    chunks = made.feed(PROSE * 3, 0.0)
    assert chunks[0].text == "Hello there. "
    assert all(chunk.ends_sentence for chunk in chunks)
    assert max(len(chunk.text) for chunk in chunks) <= 435
    assert "".join(chunk.text for chunk in chunks) == PROSE * 3


def test_a_long_sentence_is_cut_at_phrases_then_at_words() -> None:
    phrases = "and then the river turned away to the north, " * 10
    chunks = schedule().feed(phrases + "so ", 0.0)
    assert all(chunk.text.rstrip().endswith((",", "so")) for chunk in chunks)
    plain = ChunkSchedule().feed(phrases, 0.0)
    assert all(chunk.text.rstrip().endswith(",") for chunk in plain)


def test_an_endless_word_is_cut() -> None:
    made = schedule()
    chunks = feed_all(made, ["q"] * 3000)
    assert {len(chunk.text) for chunk in chunks} == {400}
    assert made.pending_chars == 200
    assert [len(chunk.text) for chunk in schedule().feed("q" * 1000 + " ", 0.0)][:1] == [400]


def test_a_word_longer_than_the_threshold_is_not_cut() -> None:
    chunks = schedule(schedule_chars=(50,)).feed("a" * 120 + " " + "b" * 90 + " ", 0.0)
    assert [len(chunk.text) for chunk in chunks] == [121, 91]


def test_three_hundred_empty_flushes_release_nothing() -> None:
    made = schedule()
    assert [chunk for _ in range(300) for chunk in made.flush(0.0)] == []
    made.feed(" \n ", 0.0)
    assert [chunk for _ in range(300) for chunk in made.flush(0.0)] == []


def test_a_flush_releases_partial_words_and_rests_there() -> None:
    made = schedule()
    made.feed("Hel", 0.0)
    assert made.flush(0.0) == [Chunk("Hel", 0, True, True)]
    made.feed("lo", 0.0)
    assert made.end(0.0) == [Chunk("lo", 3, True, True)]


def test_keep_alive_spaces_do_not_grow_the_buffer() -> None:
    made = schedule()
    assert feed_all(made, [" "] * 10_000) == []
    assert made.pending_chars <= 17
    assert made.feed(" " * 10_000, 0.0) == [] and made.pending_chars <= 17


def test_a_blank_release_takes_no_place_in_the_schedule() -> None:
    made = schedule(schedule_chars=(50, 500))
    assert made.feed(" " * 1000, 0.0) == []
    (chunk,) = made.feed("word " * 10, 0.0)
    assert chunk.start_char == 1000


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["Hel", "lo"], "Hello"),
        (["First one.", "Second one."], "First one. Second one."),
        (["It works.", "and how."], "It works. and how."),
        (["example", ".", "com"], "example.com"),
        (["example.", "com"], "example.com"),
        (["He said.”", "She left."], "He said.” She left."),
        (["3.", "14"], "3.14"),
        (["One. ", "Two."], "One. Two."),
        (["你好。", "再见。"], "你好。再见。"),
        (["no end", "And"], "no endAnd"),
    ],
)
def test_pieces_are_joined_with_a_space_only_between_sentences(pieces: list[str], expected: str) -> None:
    made = ChunkSchedule()
    feed_all(made, pieces)
    assert made.flush(0.0)[0].text == expected


def test_a_space_is_put_between_sentences_across_a_release_too() -> None:
    made = schedule(auto_mode=True)
    first, second = feed_all(made, ["The first sentence.", "And the second."])
    assert first == Chunk("The first sentence.", 0, True, False)
    assert second == Chunk(" And the second.", 19, True, False)


def test_slices_of_one_piece_get_no_space_between() -> None:
    made = schedule()
    made.feed("see U.", 0.0)
    made.feed("S. law", 0.0, continues=True)
    assert made.flush(0.0)[0].text == "see U.S. law"


def test_auto_mode_speaks_whole_words_as_they_come() -> None:
    made = schedule(auto_mode=True)
    assert made.feed("Hel", 0.0) == []
    assert made.feed("lo", 0.0) == []
    assert [chunk.text for chunk in made.feed(" world", 0.0)] == ["Hello "]
    assert [chunk.text for chunk in made.feed(".", 0.0)] == ["world."]
    assert made.trigger(0.0) == []


def test_auto_mode_keeps_pieces_separate() -> None:
    made = schedule(auto_mode=True)
    sent = ["It rained. ", "It poured. ", "and so on, ", "cold "]
    assert [chunk.text for chunk in feed_all(made, sent)] == sent


def test_auto_mode_holds_an_unfinished_number() -> None:
    made = schedule(auto_mode=True)
    assert made.feed("3.", 0.0) == []
    assert [chunk.text for chunk in made.feed("14 ", 0.05)] == ["3.14 "]


def test_a_sentence_followed_by_silence_is_finished() -> None:
    made = schedule()
    assert made.feed("Yes.", 5.0) == []
    assert made.next_deadline() == pytest.approx(5.1)
    assert made.expire(5.05) == []
    assert made.expire(5.1) == [Chunk("Yes.", 0, True, False)]
    assert made.next_deadline() is None and made.expire(9.0) == []


def test_further_text_moves_or_removes_the_deadline() -> None:
    made = schedule()
    made.feed("It was 3.", 5.0)
    assert made.next_deadline() is not None
    made.feed("14", 5.05)
    assert made.next_deadline() is None
    made.feed(" is it.", 6.0)
    assert made.next_deadline() == pytest.approx(6.1)


@pytest.mark.parametrize(("text", "pause_s"), [("At 5 p.m.", 0.5), ("It is 3.", 0.5), ("It is.", 0.1)])
def test_a_doubtful_end_needs_a_longer_silence(text: str, pause_s: float) -> None:
    made = schedule()
    made.feed(text, 5.0)
    assert made.next_deadline() == pytest.approx(5 + pause_s)


def test_a_title_is_no_finished_sentence_even_in_silence() -> None:
    made = schedule()
    made.feed("I went to see Mrs.", 5.0)
    assert made.next_deadline() is None


def test_a_trigger_with_enough_text_speaks_up_to_the_last_boundary() -> None:
    made = schedule()
    made.feed("When the long winter had passed at last, we left for the coast", 0.0)
    (chunk,) = made.trigger(0.0)
    assert chunk.text == "When the long winter had passed at last, "
    assert made.pending_chars == len("we left for the coast")


def test_a_trigger_with_little_text_waits_for_the_next_boundary() -> None:
    made = schedule()
    made.feed("When the long winter", 0.0)
    assert made.trigger(0.0) == []
    assert made.feed(" had passed", 0.0) == []
    assert [chunk.text for chunk in made.feed(", we left", 0.0)] == ["When the long winter had passed, "]
    assert made.feed(", all of us, and with a heavy heart", 0.0) == []


def test_a_trigger_without_any_boundary_is_kept_for_later() -> None:
    made = schedule()
    made.feed("one two three four five six seven eight nine ten eleven", 0.0)
    assert made.trigger(0.0) == []
    assert len(made.feed(" twelve, and", 0.0)) == 1


@pytest.mark.parametrize(
    ("pieces", "at_once"),
    [
        (["One moment. "], ["One moment. "]),
        (["Yes. ", "And no? "], ["Yes. ", "And no? "]),
        (["It is done.\n"], ["It is done.\n"]),
        (['"Stop!" '], ['"Stop!" ']),
        (["One moment."], []),
        (["I saw Dr. "], []),
        (["It costs 3. "], []),
        (["and so on, "], []),
        (["The site is example", ".", "com"], []),
    ],
)
def test_a_client_that_ends_sentences_with_a_space_hears_each_at_once(
    pieces: list[str], at_once: list[str]
) -> None:
    made = schedule(schedule_chars=(40,), takes_sentences=True)
    assert [chunk.text for chunk in feed_all(made, pieces)] == at_once
    assert made.pending_chars == len("".join(pieces)) - len("".join(at_once))


def test_triggers_on_every_word_do_not_release_fragments() -> None:
    made = schedule(schedule_chars=(120,))
    chunks = []
    for word in "Well, yes, of course, I should say so, my friend, and, if I may, again".split():
        chunks += made.feed(word + " ", 0.0)
        chunks += made.trigger(0.0)
    assert chunks and min(len(chunk.text) for chunk in chunks) >= 20


def test_a_trigger_sets_the_deadline_of_what_it_leaves() -> None:
    made = schedule()
    made.feed("When the long winter had passed at last, we left the house.", 1.0)
    made.trigger(2.0)
    assert made.next_deadline() == pytest.approx(2.1)


def test_a_new_schedule_counts_from_where_the_old_one_was() -> None:
    made = schedule(schedule_chars=(500,))
    feed_all(made, ["word " * 20])
    made.reschedule((50, 60))
    assert len(made.feed("more ", 0.0)) >= 1
    with pytest.raises(LocalError, match="schedule_chars"):
        made.reschedule(())


@steady
@given(
    st.lists(st.text(alphabet="ab .,!?\n\"'1Dr", max_size=40), max_size=30),
    st.booleans(),
    st.randoms(use_true_random=False),
)
def test_chunks_spell_the_stream_and_say_where_they_are(
    pieces: list[str], auto_mode: bool, chance: random.Random
) -> None:
    made = schedule(schedule_chars=(50, 70), auto_mode=auto_mode)
    chunks: list[Chunk] = []
    now = 0.0
    for piece in pieces:
        now += chance.choice([0.0, 0.05, 0.2])
        chunks += made.expire(now)
        chunks += made.feed(piece, now)
        chunks += chance.choice([made.trigger, made.flush, made.expire, made.expire])(now)
    chunks += made.end(now)
    assert made.pending_chars == 0
    assert "".join("".join(pieces).split()) == "".join("".join(chunk.text for chunk in chunks).split())
    end = 0
    for chunk in chunks:
        assert chunk.text.strip() and chunk.start_char >= end
        end = chunk.start_char + len(chunk.text)


@steady
@given(st.integers(1, 60))
def test_nothing_waits_longer_than_the_schedule_says(step: int) -> None:
    made = schedule(schedule_chars=(50, 80))
    for start in range(0, len(PROSE), step):
        made.feed(PROSE[start : start + step], 0.0)
        assert made.pending_chars < 80
