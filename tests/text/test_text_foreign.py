"""Languages that another program pronounces: words, spans and breaks are found here."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from zelitrio.text import Break, ForeignFrontEnd, Limit, RespeltFrontEnd
from zelitrio.text.types import Word
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
    assert [word.symbols for word in found] == words.upper().split()


def test_a_break_tag_is_obeyed_and_not_spoken() -> None:
    found = SHOUTS.utterance('Guten <break time="1.5s"/> Tag.', ssml=True).words
    assert [word.spoken for word in found] == ["Guten", "Tag"]
    assert found[0].pause_s == 1.5


def test_words_without_a_sound_are_left_out() -> None:
    silent = ForeignFrontEnd(pronounce=lambda words: ["" for _ in words])
    assert silent.utterance("Guten Tag.").is_empty


def test_a_phoneme_tag_gives_the_sounds_of_its_words() -> None:
    text = 'Das ist <phoneme alphabet="ipa" ph="ˈʃmyːz">Herr X</phoneme> dort.'
    found = SHOUTS.utterance(text, ssml=True).words
    assert [word.spoken for word in found] == ["Das", "ist", "Herr X", "dort"]
    assert found[2].symbols == "ˈʃmyːz"
    assert found[2].phones == ("ʃ", "m", "yː", "z")
    assert text[slice(*found[2].span)] == "Herr X"


def test_substitutes_spelling_and_prosody_are_obeyed() -> None:
    text = (
        '<sub alias="zum Beispiel">z. B.</sub> <say-as interpret-as="characters">AB</say-as> '
        '<prosody rate="150%">schnell</prosody>'
    )
    found = SHOUTS.utterance(text, ssml=True).words
    assert [word.spoken for word in found] == ["zum", "Beispiel", "A", "B", "schnell"]
    assert text[slice(*found[0].span)] == "z. B."
    assert found[4].prosody is not None
    assert found[4].prosody.rate == 1.5


def test_a_mark_after_a_word_without_a_sound_is_kept() -> None:
    quiet = ForeignFrontEnd(pronounce=lambda words: ["" if word == "X" else word for word in words])
    found = quiet.utterance("Ja X, nein.").words
    assert [(word.spoken, word.after) for word in found] == [("Ja", Break.COMMA), ("nein", Break.STOP)]


def test_english_can_be_respelt_except_words_with_chosen_phones() -> None:
    seen: list[tuple[str, bool]] = []

    def respell(words: Sequence[Word], chosen: Sequence[bool]) -> list[str]:
        seen.extend((word.spoken, one) for word, one in zip(words, chosen, strict=True))
        return ["" if one else word.spoken.upper() for word, one in zip(words, chosen, strict=True)]

    reader = RespeltFrontEnd(respell=respell)
    found = reader.utterance('It costs $5, <phoneme ph="ʒi">Xi</phoneme>.', ssml=True).words
    assert [word.symbols for word in found] == ["IT", "COSTS", "FIVE", "DOLLARS", None]
    assert seen[-1] == ("xi", True)
    assert found[-1].phones == ("ZH", "IY1")


def test_a_stream_of_pieces_is_read_in_the_language_too() -> None:
    limit = Limit(tokens=200, context_tokens=0)
    reader = StreamReader(SHOUTS, Reading(), limit)
    found = [
        *reader.read("Guten Tag, ", ends_sentence=False, is_flushed=True),
        *reader.read("mein Freund.", ends_sentence=True, is_flushed=True),
    ]
    assert [word.spoken for utterance in found for word in utterance.words] == "Guten Tag mein Freund".split()
