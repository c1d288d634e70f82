"""Chunks become utterances: numbered, continued from the text before, and split to the limit."""

from __future__ import annotations

import itertools

import attrs
import pytest

from zelitrio.text import Break, Limit, Reading, StreamReader, Utterance, Word, load_front_end, read_text
from zelitrio.text.continuation import PREVIOUS_CHARS, open_sentence

SHORT = Limit(tokens=40, context_tokens=12)


def reader(limit: Limit | None = None, **reading: object) -> StreamReader:
    return StreamReader(load_front_end(), Reading(**reading), limit or Limit())  # type: ignore[arg-type]


def spoken(words: tuple[Word, ...]) -> str:
    return " ".join(word.spoken for word in words)


def two_per_phone(word: Word) -> int:
    return 2 * len(word.phones) + 1


@pytest.mark.parametrize(
    ("previous", "text", "expected"),
    [
        ("", "and home.", ""),
        ("We went down", "and home.", "We went down"),
        ("We went down, ", "and home.", "We went down,"),
        ("It rained. We went down", " and home.", "We went down"),
        ("It rained. So what? We met Dr.", "Smith at noon.", "We met Dr."),
        ("We went down.", "And home.", ""),
        ("We went down! ", "And home.", ""),
        ("We went down\n\n", "and home.", ""),
        (" \n", "and home.", ""),
    ],
)
def test_a_sentence_is_open_unless_it_ended(previous: str, text: str, expected: str) -> None:
    assert open_sentence(previous, text) == expected


def test_only_the_end_of_a_long_text_is_looked_at() -> None:
    found = open_sentence("word " * 100_000, "and more")
    assert set(found.split()) == {"word"} and len(found) < PREVIOUS_CHARS


def test_only_the_first_chunk_continues_an_earlier_request() -> None:
    stream = reader(previous_text="We went down")
    first, second = (stream.read("and home. ")[0] for _ in range(2))
    assert spoken(first.context) == "we went down"
    assert second.context == ()
    assert first.words == second.words
    assert not first.joins and not second.joins


def test_a_later_request_leaves_the_end_of_a_flushed_text_open() -> None:
    for next_text, is_flushed, after in (("and home.", True, Break.CUT), (" ", True, Break.STOP)):
        (utterance,) = reader(next_text=next_text).read("We went down", is_flushed=is_flushed)
        assert utterance.words[-1].after is after
    (inner,) = reader(next_text="and home.").read("We went down. ", is_flushed=True)
    assert inner.words[-1].after is Break.STOP


def test_spoken_utterances_are_numbered_and_those_without_words_are_not() -> None:
    stream = reader()
    utterances = [one for text in ("One. ", "... ", "Two. ", "Three") for one in stream.read(text)]
    assert [(one.number, one.is_empty) for one in utterances] == [
        (0, False),
        (0, True),
        (1, False),
        (2, False),
    ]
    assert "".join(one.source for one in utterances) == "One. ... Two. Three"


def test_a_sentence_cut_more_than_once_is_read_as_it_is_written() -> None:
    *_, last = read_text("They went on ", "a long way ", "to the sea, and ", "then home.")
    (whole,) = read_text("They went on a long way to the sea, and then home.")
    assert last.joins and len(last.context) == 10
    assert [(word.spoken, word.after) for word in last.read_words] == [
        (word.spoken, word.after) for word in whole.words
    ]


def test_the_context_begins_with_the_sentence_that_is_open() -> None:
    _, rest = read_text("It rained. They went ", "on and on.")
    assert spoken(rest.context) == "they went"
    after_a_comma = reader()
    after_a_comma.read("It rained, ", ends_sentence=False)
    (rest,) = after_a_comma.read("so they left.")
    assert not rest.joins and rest.context == ()


def test_only_the_end_of_a_long_sentence_is_context() -> None:
    stream = reader()
    for _ in range(30):
        (last,) = stream.read("and they went on along a way ", ends_sentence=False)
    assert 0 < sum(Limit().count(word) for word in last.context) <= Limit().context_tokens
    assert sum(Limit().count(word) for word in last.context) > Limit().context_tokens - 10
    assert spoken(last.context).endswith("went on along a way")


def test_a_model_that_reads_no_context_gets_none() -> None:
    _, rest = read_text("They went ", "on and on.", limit=Limit(context_tokens=0))
    assert rest.joins and rest.context == ()


def test_a_pause_before_the_first_word_comes_after_the_context() -> None:
    stream = reader(ssml=True)
    stream.read("They went ", ends_sentence=False)
    (rest,) = stream.read('<break time="300ms"/>on and on.')
    assert (rest.pause_s, rest.context[-1].pause_s) == (None, 0.3)
    (alone,) = reader(ssml=True).read('<break time="300ms"/>On and on.')
    assert alone.pause_s == 0.3


def test_a_short_utterance_is_not_split() -> None:
    assert len(read_text("We do.")) == 1


@pytest.mark.parametrize("limit", [Limit(), SHORT, Limit(tokens=100, count=two_per_phone)])
@pytest.mark.parametrize("text", ["word " * 600, "One, two. " * 200 + "x" * 2000], ids=["words", "phrases"])
def test_parts_fit_the_model_and_join_to_the_whole(text: str, limit: Limit) -> None:
    whole = load_front_end().utterance(text)
    parts = read_text(text, limit=limit)
    assert len(parts) > 1
    assert "".join(part.source for part in parts) == text
    assert sum((part.phones for part in parts), ()) == whole.phones
    assert [part.number for part in parts] == list(range(len(parts)))
    for part in parts:
        assert sum(map(limit.count, part.words)) <= limit.tokens
        assert sum(map(limit.count, part.context)) <= limit.context_tokens
        assert all(0 <= word.span[0] <= word.span[1] <= len(part.source) for word in part.words)
    for before, part in itertools.pairwise(parts):
        assert before.words[-1].after is not Break.NONE
        assert part.joins == before.is_cut


class OneLongWord:
    """A front end that finds one word of many phones, whatever the text."""

    def utterance(self, text: str, **how: bool) -> Utterance:
        long = Word("hum", (4, 5), ("HH", "AH1", "M") * 500, Break.STOP)
        return Utterance("say m!", (Word("say", (0, 3), ("S", "EY1")), long))


def test_a_word_longer_than_an_utterance_is_split_inside() -> None:
    parts = StreamReader(OneLongWord(), Reading(), SHORT).read("")  # type: ignore[arg-type]
    assert sum((part.phones for part in parts), ()) == ("S", "EY1", *("HH", "AH1", "M") * 500)
    assert all(sum(map(SHORT.count, part.words)) <= SHORT.tokens for part in parts)
    assert "".join(part.source for part in parts) == "say m!"
    assert parts[-1].words[-1].after is Break.STOP and all(part.is_cut for part in parts[:-1])


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_tags_that_arrive_in_pieces_are_obeyed(size: int) -> None:
    text = 'Wait <break time="0.5s"/> for <phoneme alphabet="cmu" ph="K AE1 T">dog</phoneme> food.'
    stream = reader(ssml=True)
    held = "".join(stream.hold_tags(text[at : at + size]) for at in range(0, len(text), size))
    (utterance,) = stream.read(held + stream.release_tags())
    assert utterance.source == text
    assert utterance.words[0].pause_s == 0.5
    assert utterance.words[2].phones == ("K", "AE1", "T")


def test_a_word_before_a_pause_is_marked() -> None:
    words = read_text("Yes, we do it ", "again.")[0].words
    assert [word.pauses for word in words] == [True, False, False, False]
    assert attrs.evolve(words[1], pause_s=0.2).pauses
