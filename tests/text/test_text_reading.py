"""The reading list: the text on the left is spoken as on the right (see reading.tsv)."""

from __future__ import annotations

from pathlib import Path

import pytest

from zelitrio.text import load_front_end

_HERE = Path(__file__).parent


def _rows(name: str) -> list[list[str]]:
    return [line.split("\t") for line in (_HERE / name).read_text(encoding="utf-8").splitlines()]


def test_every_case_of_the_reading_list_is_read_as_written_there() -> None:
    front_end = load_front_end()
    rows = _rows("reading.tsv")
    assert len(rows) >= 400
    wrong = []
    for text, expected in rows:
        said = " ".join(word.spoken for word in front_end.utterance(text).words)
        if said != expected:
            wrong.append(f"{text!r}: expected {expected!r}, found {said!r}")
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


def test_names_from_twenty_languages_are_said_as_their_bearers_nearly_do() -> None:
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
