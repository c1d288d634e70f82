"""Each part of the front end: numbers, alignment, SSML, lexicon, stems, spelling to sound."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from num2words import num2words

from zelitrio.errors import LocalError
from zelitrio.text import (
    PHONES,
    Break,
    FrontEnd,
    Lexicon,
    load_front_end,
    load_lexicon,
    without_stress,
)
from zelitrio.text.ipa import phones_of_ipa
from zelitrio.text.letter_to_sound import load_letter_to_sound
from zelitrio.text.lexicon import MOST_ASKED
from zelitrio.text.lexicon_file import pack, read_cmudict, unpack
from zelitrio.text.lexicon_table import load_entries
from zelitrio.text.numbers import cardinal, ordinal, roman, to_roman, year
from zelitrio.text.phones import decode, encode, parse_phones


def _plain(said: str) -> str:
    return " ".join(word for word in re.split(r"[ ,-]+", said) if word != "and")


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10**18))
def test_numbers_are_named_as_num2words_names_them(number: int) -> None:
    assert cardinal(number) == _plain(num2words(number))
    assert ordinal(number) == _plain(num2words(number, to="ordinal"))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (1905, "nineteen oh five"),
        (1800, "eighteen hundred"),
        (2000, "two thousand"),
        (2008, "two thousand eight"),
        (2024, "twenty twenty four"),
        (1066, "ten sixty six"),
        (476, "four hundred seventy six"),
    ],
)
def test_years_are_said_in_pairs(number: int, said: str) -> None:
    assert year(number) == said


def test_roman_numerals_are_read_only_in_their_proper_spelling() -> None:
    assert all(roman(to_roman(number)) == number for number in range(1, 4000))
    assert [roman(text) for text in ("IIII", "VX", "IC", "", "A", "MMMMMMMMMMMMMMMMMMMM")] == [None] * 6


def test_the_phone_inventory_is_the_thirty_nine_of_the_dictionary_in_a_fixed_order() -> None:
    assert len(PHONES) == 39 and tuple(sorted(PHONES)) == PHONES and PHONES[0] == "AA" and PHONES[-1] == "ZH"
    assert decode(encode(("HH", "AH0", "L", "OW1"))) == ("HH", "AH0", "L", "OW1")
    with pytest.raises(LocalError, match="'Q'"):
        parse_phones("Q AH0")


def test_a_lexicon_keeps_the_sounds_of_a_bounded_number_of_words() -> None:
    lexicon = FrontEnd().lexicon.with_entries({f"zorb{index}": "Z AO1 R B" for index in range(MOST_ASKED)})
    words = ["records", "the", *(f"zorb{index}" for index in range(MOST_ASKED)), "records", "zorb0", "qqq"]
    for word in words:
        assert lexicon.usual(word) == next(iter(lexicon.find(word)), ())
        assert len(lexicon._asked) <= MOST_ASKED


def test_adding_a_word_makes_a_new_lexicon_and_keeps_the_old_one() -> None:
    lexicon = load_lexicon()
    mine = lexicon.with_entries({"Zorb": "Z AO1 R B", "the": ("DH", "IY1")})
    front_end = FrontEnd(mine)
    assert front_end.utterance("the zorb").phones == ("DH", "IY1", "Z", "AO1", "R", "B")
    assert front_end.utterance("zorbs").phones == ("Z", "AO1", "R", "B", "Z")
    assert "zorb" not in lexicon and "zorb" in mine and len(mine) == len(lexicon) + 1
    for entries in ({"two words": "T UW1"}, {"": "T UW1"}, {"x": "XX"}, {"x": ""}):
        with pytest.raises(LocalError):
            lexicon.with_entries(entries)


def test_a_lexicon_table_is_read_and_a_wrong_line_is_named(tmp_path: Path) -> None:
    table = tmp_path / "words.tsv"
    table.write_text("# mine\n\nZorb\tZ AO1 R B\n", encoding="utf-8")
    assert load_entries(table).phones == {"zorb": ("Z", "AO1", "R", "B")}
    table.write_text("zorb\tZ AO1 R B\nblub B L AH1 B\n", encoding="utf-8")
    with pytest.raises(
        LocalError, match=r"words\.tsv: line 2: expected word, tab, phones; or word -> other words"
    ):
        load_entries(table)
    table.write_bytes(b"zorb\t\xff\n")
    with pytest.raises(LocalError, match="UTF-8"):
        load_entries(table)


_PLS = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" xmlns="http://www.w3.org/2005/01/pronunciation-lexicon" alphabet="ipa">
  <lexeme><grapheme>tomato</grapheme><grapheme>Tomate</grapheme><phoneme>təˈmɑːtoʊ</phoneme></lexeme>
  <lexeme><grapheme>W3C</grapheme><alias>World Wide Web Consortium</alias></lexeme>
  <lexeme><grapheme>zorb</grapheme><phoneme alphabet="x-cmu-arpabet">Z AO1 R B</phoneme></lexeme>
</lexicon>"""


def test_a_pls_lexicon_is_read_and_one_with_a_document_type_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "words.pls"
    path.write_text(_PLS, encoding="utf-8")
    tomato = ("T", "AH0", "M", "AA1", "T", "OW0")
    entries = load_entries(path)
    assert entries.phones == {"tomato": tomato, "tomate": tomato, "zorb": ("Z", "AO1", "R", "B")}
    assert entries.aliases == {"W3C": "World Wide Web Consortium"}
    path.write_text('<!DOCTYPE x [<!ENTITY a "b">]><lexicon/>', encoding="utf-8")
    with pytest.raises(LocalError, match="document type"):
        load_entries(path)
    path.write_text("<lexicon>", encoding="utf-8")
    with pytest.raises(LocalError, match="well-formed"):
        load_entries(path)


def test_ipa_becomes_the_nearest_phones_of_english() -> None:
    assert phones_of_ipa("həˈloʊ") == ("HH", "AH0", "L", "OW1")
    assert phones_of_ipa("/ˈtʃɛəɹ/")[0] == "CH"
    assert phones_of_ipa("bɜːd") == ("B", "ER1", "D")
    with pytest.raises(LocalError, match="'你'"):
        phones_of_ipa("你")


def test_the_packed_dictionary_comes_back_as_it_was() -> None:
    entries = read_cmudict(["hello HH AH0 L OW1\n", "hello(2) HH EH0 L OW1 # note\n", "a AH0\n"])
    found = unpack(pack(entries))
    assert {word: [decode(code) for code in packed.split(",")] for word, packed in found.items()} == {
        "hello": [("HH", "AH0", "L", "OW1"), ("HH", "EH0", "L", "OW1")],
        "a": [("AH0",)],
    }


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("podcasted", "P AA1 D K AE2 S T IH0 D"),
        ("tiktoks", "T IH1 K T AA2 K S"),
        ("zelenskyy's", "Z AH0 L EH1 N S K IY0 Z"),
        ("supernguyen", "S UW2 P ER0 N UW0 Y EH1 N"),
    ],
)
def test_inflected_words_sound_like_their_stem(word: str, phones: str) -> None:
    assert " ".join(load_front_end().utterance(word).phones) == phones


def test_unknown_words_are_sounded_out_with_one_main_stress() -> None:
    model = load_letter_to_sound()
    for word, phones in (
        ("blorking", "B L AO R K IH NG"),
        ("stroom", "S T R UW M"),
        ("phibble", "F IH B AH L"),
    ):
        said = model.phones(word)
        assert " ".join(without_stress(said)) == phones
        assert sum(phone.endswith("1") for phone in said) == 1
    assert model.phones("") == () and model.phones("123") == ()


def test_function_words_are_weak_in_a_phrase_and_full_at_its_end() -> None:
    front_end = load_front_end()

    def said(text: str, word: str) -> str:
        return next(" ".join(each.phones) for each in front_end.utterance(text).words if each.spoken == word)

    assert said("the cat", "the") == "DH AH0"
    assert said("the apple", "the") == "DH IY0"
    assert said("the hour", "the") == "DH IY0"
    assert said("the user", "the") == "DH AH0"
    assert said("to eat", "to") == "T UW0"
    assert said("to go", "to") == "T AH0"
    assert said("a cat", "a") == "AH0"
    assert said("What is it for?", "for") == "F AO1 R"
    assert said("vitamin A.", "a") == "EY1"


def test_breaks_follow_the_marks_and_a_cut_chunk_does_not_end() -> None:
    front_end = load_front_end()

    def breaks(text: str, *, ends_sentence: bool = True) -> list[Break]:
        return [word.after for word in front_end.utterance(text, ends_sentence=ends_sentence).words]

    assert breaks("one, two; three - four (five) six.") == [
        Break.COMMA,
        Break.COLON,
        Break.DASH,
        Break.COMMA,
        Break.COMMA,
        Break.STOP,
    ]
    assert breaks("Really?! Yes! Well...") == [Break.QUESTION, Break.EXCLAIM, Break.STOP]
    assert breaks("One.\n\nTwo") == [Break.PARAGRAPH, Break.STOP]
    assert breaks("Why?\n\nTwo") == [Break.QUESTION, Break.STOP]
    assert breaks("and then", ends_sentence=False) == [Break.NONE, Break.CUT]
    assert breaks("and then,", ends_sentence=False) == [Break.NONE, Break.COMMA]
    assert breaks("Dr. No", ends_sentence=False) == [Break.NONE, Break.CUT]


def test_ssml_breaks_and_phonemes_are_obeyed_and_other_tags_dropped() -> None:
    text = (
        "<speak>Say <phoneme alphabet='cmu-arpabet' ph='T AH0 M AA1 T OW0'>tomato</phoneme> "
        '<break time="1.5s"/>then <break time="500ms"/> <emphasis>stop</emphasis> &amp; '
        '<phoneme alphabet="ipa" ph="ɡoʊ">go</phoneme>.</speak>'
    )
    words = load_front_end().utterance(text, ssml=True).words
    assert [word.spoken for word in words] == ["say", "tomato", "then", "stop", "and", "go"]
    assert words[1].phones == ("T", "AH0", "M", "AA1", "T", "OW0") and words[5].phones == ("G", "OW1")
    assert (words[1].pause_s, words[2].pause_s, words[3].pause_s) == (1.5, 0.5, None)
    assert [text[slice(*word.span)] for word in words][1:4] == ["tomato", "then", "stop"]


@pytest.mark.parametrize("tag", ['<break time="999s"/>', '<break time="3s"/><break time="3s"/>'])
def test_a_break_is_never_longer_than_three_seconds(tag: str) -> None:
    (word,) = load_front_end().utterance(f"hello {tag}", ssml=True).words
    assert word.pause_s == 3.0


@pytest.mark.parametrize(
    "tag",
    ["<break", '<phoneme ph="??">hi', "</phoneme>", "<>", "<phoneme alphabet='ipa' ph='你'>hi</phoneme>"],
)
def test_broken_markup_is_no_error(tag: str) -> None:
    words = load_front_end().utterance(f"say {tag} hi", ssml=True).words
    assert words[0].spoken == "say" and words[-1].spoken == "hi"


def test_a_normalised_text_keeps_the_marks() -> None:
    assert load_front_end().normalise("Dr. Lee paid $5, right?") == "doctor lee paid five dollars, right?"
    assert load_front_end().normalise("$5") == "five dollars"


def test_the_lexicon_counts_its_words_and_hides_them_from_its_name() -> None:
    assert len(load_lexicon()) > 120_000
    assert isinstance(load_lexicon(), Lexicon)
    assert len(repr(load_lexicon())) < 200
