"""Pronunciation dictionaries by id and version, and the precedence of two."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from zelitrio.errors import LocalError
from zelitrio.text import Dictionaries, load_dictionary, load_front_end

PLS = """<?xml version="1.0" encoding="UTF-8"?>
<lexicon version="1.0" alphabet="ipa" xml:lang="en-US"
         xmlns="http://www.w3.org/2005/01/pronunciation-lexicon">
  <lexeme><grapheme>tomato</grapheme><phoneme>təˈmɑːtoʊ</phoneme></lexeme>
</lexicon>"""


@pytest.fixture
def dictionaries(tmp_path):
    (tmp_path / "brands.txt").write_text("# ours\nzelitrio\tZ EH1 L\ntomato\tT AH0\n")
    (tmp_path / "british.pls").write_text(PLS)
    files = [load_dictionary(tmp_path / name) for name in ("brands.txt", "british.pls")]
    return Dictionaries(load_front_end(), files)


def said(front_end, word):
    return " ".join(front_end.utterance(f"{word}.").phones)


def test_the_id_is_the_files_name_and_the_version_its_content(tmp_path, dictionaries):
    brands, british = dictionaries
    assert (brands.dictionary_id, british.dictionary_id) == ("brands", "british")
    os.utime(tmp_path / "brands.txt")
    assert load_dictionary(tmp_path / "brands.txt").version_id == brands.version_id
    (tmp_path / "brands.txt").write_text("zelitrio\tZ EH1\n")
    assert load_dictionary(tmp_path / "brands.txt").version_id != brands.version_id


def test_only_the_right_version_is_found(dictionaries):
    brands = dictionaries.find("brands")
    assert dictionaries.find("brands", brands.version_id) is brands
    assert dictionaries.find("brands", "other") is None
    assert dictionaries.find("nobody") is None


def test_without_named_dictionaries_all_apply_and_the_first_decides(dictionaries):
    assert said(dictionaries.front_end, "Zelitrio") == "Z EH1 L"
    assert said(dictionaries.front_end, "tomato") == "T AH0"


def test_named_dictionaries_apply_in_their_order(dictionaries):
    british = dictionaries.front_end_with([dictionaries.find("british")])
    assert "AA1" in said(british, "tomato")
    assert said(british, "Zelitrio") != "Z EH1 L"
    both = dictionaries.front_end_with([dictionaries.find("british"), dictionaries.find("brands")])
    assert "AA1" in said(both, "tomato") and said(both, "Zelitrio") == "Z EH1 L"
    assert dictionaries.front_end_with([dictionaries.find("british"), dictionaries.find("brands")]) is both


def test_two_files_of_one_name_are_refused(tmp_path, dictionaries):
    (tmp_path / "brands.pls").write_text(PLS)
    with pytest.raises(LocalError, match="found two"):
        Dictionaries(load_front_end(), [*dictionaries, load_dictionary(tmp_path / "brands.pls")])


def test_an_alias_is_read_in_the_place_of_whole_words_only(tmp_path: Path) -> None:
    path = tmp_path / "aliases.txt"
    path.write_text("UN -> United Nations\nacme corp -> Acme of $5\nC++ -> see plus\n", encoding="utf-8")
    front_end = Dictionaries(load_front_end(), [load_dictionary(path)]).front_end

    def said(text: str) -> str:
        return " ".join(word.spoken for word in front_end.utterance(text).words)

    assert said("The UN met.") == "the united nations met"
    assert said("un, UNO") == "un uno"
    assert said("ACME Corp pays") == "acme of five dollars pays"
    assert said("C++ is") == "see plus is"
    source = "The UN met."
    words = front_end.utterance(source).words
    assert {source[slice(*word.span)] for word in words if word.spoken in ("united", "nations")} == {"UN"}


def test_the_first_of_two_dictionaries_decides_each_word(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("zorb\tZ AO1 R B\n", encoding="utf-8")
    (tmp_path / "two.txt").write_text("zorb -> round ball\n", encoding="utf-8")
    loaded = [load_dictionary(tmp_path / name) for name in ("one.txt", "two.txt")]
    first = Dictionaries(load_front_end(), loaded).front_end.utterance("zorb")
    assert [word.spoken for word in first.words] == ["zorb"]
    second = Dictionaries(load_front_end(), loaded[::-1]).front_end.utterance("zorb")
    assert [word.spoken for word in second.words] == ["round", "ball"]
    assert Dictionaries(load_front_end(), loaded).front_end.utterance("zorb").phones[0] == "Z"


def test_a_dictionarys_sound_precedes_built_in_names(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("nginx\tEH1 N JH IH0 N\n", encoding="utf-8")
    front_end = Dictionaries(load_front_end(), [load_dictionary(path)]).front_end
    assert front_end.utterance("nginx").phones == ("EH1", "N", "JH", "IH0", "N")
