"""The reading list: each text is spoken as its second column says (see reading.tsv)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zelitrio.text import load_front_end

_HERE = Path(__file__).parent


def _rows(name: str) -> list[list[str]]:
    return [line.split("\t") for line in (_HERE / name).read_text(encoding="utf-8").splitlines()]


def _written(text: str) -> str:
    """The text of a row: ⏎ stands for a line break, {U+00AD} for an invisible character."""
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), text).replace("⏎", "\n")


_ESCAPE = re.compile(r"\{U\+([0-9A-F]{4,6})\}")
_READING = _rows("reading.tsv")
_KINDS = list(dict.fromkeys(kind for kind, _, _ in _READING))


@pytest.mark.parametrize("kind", _KINDS)
def test_every_case_of_the_reading_list_is_read_as_written_there(kind: str) -> None:
    front_end = load_front_end()
    wrong = []
    for _, text, expected in (row for row in _READING if row[0] == kind):
        said = " ".join(word.spoken for word in front_end.utterance(_written(text)).words)
        if said != expected:
            wrong.append(f"{text!r}: expected {expected!r}, found {said!r}")
    assert not wrong, "\n".join(wrong)


def test_the_reading_list_has_at_least_1200_cases_and_none_twice() -> None:
    assert len({text for _, text, _ in _READING}) == len(_READING) >= 1200


@pytest.mark.parametrize("kind", _KINDS)
def test_a_case_is_read_the_same_in_a_sentence_and_next_to_punctuation(kind: str) -> None:
    """Cases that begin with a word keep their reading after another sentence and before a mark."""
    front_end = load_front_end()
    wrong = []
    for _, text, expected in (row for row in _READING if row[0] == kind):
        written = _written(text)
        if (
            not written[:1].isascii()
            or not written[:1].isalpha()
            or not written[-1:].isalpha()
            or "\n" in written
        ):
            continue
        for frame in ("Good. %s.", "%s!", "%s, please", "(%s)"):
            words = front_end.utterance(frame % written).words
            said = " ".join(word.spoken for word in words).removeprefix("good ").removesuffix(" please")
            if said != expected.removeprefix("good ").removesuffix(" please"):
                wrong.append(f"{frame % written!r}: expected {expected!r}, found {said!r}")
    assert not wrong, "\n".join(wrong)


def test_every_heteronym_is_said_as_its_context_asks() -> None:
    front_end = load_front_end()
    rows = _rows("heteronyms.tsv")
    assert len({word for _, word, _ in rows}) >= 60
    wrong = []
    for text, word, expected in rows:
        found = [" ".join(each.phones) for each in front_end.utterance(text).words if each.spoken == word]
        if expected not in found:
            wrong.append(f"{text!r}: expected {word} as {expected!r}, found {found}")
    assert not wrong, "\n".join(wrong)


def test_names_from_twenty_languages_are_close_to_their_own_pronunciation() -> None:
    front_end = load_front_end()
    wrong = []
    for language, name, expected in _rows("names.tsv"):
        found = " ".join(front_end.utterance(name).phones)
        if found != expected:
            wrong.append(f"{language} {name}: expected {expected!r}, found {found!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "words", "span"),
    [
        ("We paid $1.50.", "one dollar and fifty cents", "$1.50"),
        ("On Jan. 5 we", "january", "Jan."),
        ("On Jan. 5 we", "fifth", "5"),
        ("the FBI's", "b", "B"),
        ("ran 5 km.", "kilometers", "km"),
        ("at 3:30 pm", "three thirty", "3:30"),
        ("Louis XIV", "the fourteenth", "XIV"),
        ("a.b@c.com", "at", "@"),
        ("She's here", "she's", "She's"),
    ],
)
def test_each_spoken_word_names_the_characters_it_came_from(text: str, words: str, span: str) -> None:
    utterance = load_front_end().utterance(text)
    wanted = words.split()
    found = [word for word in utterance.words if word.spoken in wanted]
    assert [word.spoken for word in found] == wanted
    assert {text[slice(*word.span)] for word in found} == {span}


def test_plain_reading_expands_no_abbreviation() -> None:
    utterance = load_front_end().utterance("on 3/4 at 5", normalise=False)
    assert [word.spoken for word in utterance.words] == ["on", "three", "slash", "four", "at", "five"]
