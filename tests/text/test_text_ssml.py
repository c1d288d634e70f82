"""SSML elements: their words and their prosody, also if a chunk ends inside them."""

from __future__ import annotations

import pytest

from zelitrio.text import Break, Reading, StreamReader, Utterance, load_front_end


def _read(text: str) -> Utterance:
    return load_front_end().utterance(text, ssml=True)


def _said(text: str) -> str:
    return " ".join(word.spoken for word in _read(text).words)


@pytest.mark.parametrize(
    ("kind", "written", "said"),
    [
        ("characters", "AB-12", "a b dash one two"),
        ("spell-out", "Kim", "k i m"),
        ("cardinal", "1984", "one thousand nine hundred eighty four"),
        ("cardinal", "-5.5", "minus five point five"),
        ("ordinal", "21", "twenty first"),
        ("ordinal", "3rd", "third"),
        ("digits", "1984", "one nine eight four"),
        ("telephone", "+1 (415) 555-0134", "plus one four one five five five five zero one three four"),
        ("date", "2024-03-05", "march fifth twenty twenty four"),
        ("date", "12/05/1999", "december fifth nineteen ninety nine"),
        ("time", "14:05", "fourteen oh five"),
        ("time", "2:30pm", "two thirty p m"),
        ("time", "09:00", "nine o'clock"),
    ],
)
def test_say_as_names_the_kind_of_a_text(kind: str, written: str, said: str) -> None:
    text = f'It is <say-as interpret-as="{kind}">{written}</say-as>, yes.'
    assert _said(text) == f"it is {said} yes"
    for word in _read(text).words:
        assert "<" not in text[slice(*word.span)] and text[slice(*word.span)].strip()


@pytest.mark.parametrize(
    ("format_", "written", "said"),
    [
        ("dmy", "05/12/1999", "december fifth nineteen ninety nine"),
        ("ymd", "19991205", "december fifth nineteen ninety nine"),
        ("md", "3/4", "march fourth"),
        ("y", "1066", "ten sixty six"),
    ],
)
def test_a_date_is_read_in_the_order_of_its_format(format_: str, written: str, said: str) -> None:
    assert _said(f'<say-as interpret-as="date" format="{format_}">{written}</say-as>') == said


@pytest.mark.parametrize(
    "text",
    [
        '<say-as interpret-as="nonsense">5 kg</say-as>',
        '<say-as interpret-as="date">5 kg</say-as>',
        "<say-as>5 kg</say-as>",
        '<lang xml:lang="de-DE">5 kg</lang>',
        "<voice name='x'>5 kg</voice>",
        "<sub>5 kg</sub>",
    ],
)
def test_an_element_that_says_nothing_new_leaves_its_text_to_the_rules(text: str) -> None:
    assert _said(text) == "five kilograms"


def test_a_substitute_is_read_like_any_text() -> None:
    text = 'The <sub alias="World Wide Web Consortium">W3C</sub> paid <sub alias="$5">a fee</sub>.'
    words = _read(text).words
    assert [word.spoken for word in words] == "the world wide web consortium paid five dollars".split()
    assert text[slice(*words[1].span)] == "W3C" and text[slice(*words[-1].span)] == "a fee"
    assert words[-1].after is Break.STOP


def test_paragraphs_and_sentences_end_what_they_hold() -> None:
    words = _read("<p><s>One</s><s>two</s></p>three").words
    assert [word.after for word in words] == [Break.STOP, Break.PARAGRAPH, Break.STOP]


def test_prosody_and_emphasis_change_the_words_inside_only() -> None:
    words = _read('a <prosody rate="slow" pitch="+10%">b <prosody rate="50%">c</prosody></prosody> d').words
    rates = [None if word.prosody is None else round(word.prosody.rate, 2) for word in words]
    assert rates == [None, 0.8, 0.5, None]
    assert words[1].prosody is not None and words[1].prosody.pitch == pytest.approx(0.0953, abs=0.001)
    (word,) = _read('<emphasis level="strong">now</emphasis>').words
    assert word.prosody is not None and word.prosody.rate < 1.0 and word.prosody.pitch > 0


@pytest.mark.parametrize("value", ["", "nonsense", "-", "1e9", "medium", "default"])
def test_prosody_that_cannot_be_understood_changes_nothing(value: str) -> None:
    (word,) = _read(f'<prosody rate="{value}" pitch="{value}" volume="{value}">now</prosody>').words
    assert word.prosody is None


def test_an_element_may_end_in_a_later_chunk() -> None:
    text = (
        'One <prosody rate="fast">two three. <say-as interpret-as="digits">4 5</say-as> six</prosody> seven.'
    )
    front_end = load_front_end()
    whole = front_end.utterance(text, ssml=True).words
    expected = [(word.spoken, word.prosody) for word in whole]
    assert [word.spoken for word in whole] == "one two three four five six seven".split()
    for cut in range(len(text)):
        reader = StreamReader(front_end, Reading(ssml=True))
        held = reader.hold_tags(text[:cut]) + reader.hold_tags(text[cut:]) + reader.release_tags()
        chunks = [f"{piece} " for piece in held.split(" ")]
        words = [word for chunk in chunks for read in reader.read(chunk) for word in read.words]
        assert [(word.spoken, word.prosody) for word in words] == expected, cut
