"""Languages that another program pronounces: words, spans and breaks are found here."""

from __future__ import annotations

import pytest

from zelitrio.text import Break, ForeignFrontEnd, Limit, symbols_of
from zelitrio.text.utterances import Reading, StreamReader

SHOUTS = ForeignFrontEnd(pronounce=lambda words: [word.upper() for word in words])


@pytest.mark.parametrize(
    ("text", "words", "breaks"),
    [
        ("Guten Tag, wie geht es?", "Guten Tag wie geht es", {1: Break.COMMA, 4: Break.QUESTION}),
        ("¿Cómo estás? ¡Bien!", "Cómo estás Bien", {1: Break.QUESTION, 2: Break.EXCLAIM}),
        ("25 Äpfel für 3,50 Euro.", "25 Äpfel für 3,50 Euro", {4: Break.STOP}),
        ("Qu'est-ce que c'est ?", "Qu'est-ce que c'est", {2: Break.QUESTION}),
        ("नमस्ते दुनिया।", "नमस्ते दुनिया", {1: Break.STOP}),
    ],
)
def test_words_keep_their_characters_and_marks(text: str, words: str, breaks: dict[int, Break]) -> None:
    found = SHOUTS.utterance(text).words
    assert [text[slice(*word.span)] for word in found] == words.split()
    assert {at: word.after for at, word in enumerate(found) if word.after is not Break.NONE} == breaks
    assert [symbols_of(word.phones) for word in found] == words.upper().split()


def test_a_break_tag_is_obeyed_and_not_spoken() -> None:
    found = SHOUTS.utterance('Guten <break time="1.5s"/> Tag.', ssml=True).words
    assert [word.spoken for word in found] == ["Guten", "Tag"]
    assert found[0].pause_s == 1.5


def test_words_without_a_sound_are_left_out() -> None:
    silent = ForeignFrontEnd(pronounce=lambda words: ["" for _ in words])
    assert silent.utterance("Guten Tag.").is_empty


def test_our_own_phones_are_not_symbols() -> None:
    assert symbols_of(("AA1", "N")) is None
    assert symbols_of(()) is None


def test_a_stream_of_pieces_is_read_in_the_language_too() -> None:
    limit = Limit(tokens=200, context_tokens=0)
    reader = StreamReader(SHOUTS, Reading(), limit)
    found = [
        *reader.read("Guten Tag, ", ends_sentence=False, is_flushed=True),
        *reader.read("mein Freund.", ends_sentence=True, is_flushed=True),
    ]
    assert [word.spoken for utterance in found for word in utterance.words] == "Guten Tag mein Freund".split()
