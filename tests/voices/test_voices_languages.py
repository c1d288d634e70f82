"""The languages of a voice: choice by a code, readers, and refusals."""

from __future__ import annotations

import pytest

from zelitrio.errors import LocalError
from zelitrio.text import load_cmudict, load_front_end
from zelitrio.voices.british_symbols import KOKORO_GB, PIPER_GB, respell, spell_british
from zelitrio.voices.espeak_reading import share_out, write_ipa, write_kokoro, write_piper
from zelitrio.voices.kokoro_symbols import KOKORO_IDS
from zelitrio.voices.languages import Language, choose_language
from zelitrio.voices.public_folder import _kokoro_languages

LANGUAGES = (Language(code="en-US"), Language(code="en-GB"), Language(code="pt-BR"), Language(code="de"))


@pytest.mark.parametrize(
    ("code", "found"),
    [
        (None, "en-US"),
        ("en", "en-US"),
        ("EN_gb", "en-GB"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("de-AT", "de"),
        ("en-AU", "en-US"),
    ],
)
def test_a_code_finds_its_language_or_the_nearest_region(code: str | None, found: str) -> None:
    assert choose_language(LANGUAGES, code).code == found


@pytest.mark.parametrize("code", ["ja", "xx", "english", "d", "-"])
def test_a_language_that_a_voice_does_not_speak_is_named_with_those_that_it_does(code: str) -> None:
    with pytest.raises(LocalError, match=f"expected one of en-US, en-GB, pt-BR, de, found '{code}'"):
        choose_language(LANGUAGES, code)


def test_a_language_whose_reader_is_not_installed_says_what_to_install() -> None:
    absent = Language(code="qq", packages=("no_such_package_at_all",), extra="things")
    with pytest.raises(LocalError, match=r"qq is read by the extra things: pip install 'zelitrio\[things\]'"):
        choose_language([absent], None)


@pytest.mark.parametrize(
    ("text", "kokoro", "piper"),
    [
        ("car", "kˈɑː", "kˈɑː"),
        ("lot", "lˈɒt", "lˈɒt"),
        ("cat", "kˈat", "kˈæt"),
        ("bath", "bˈɑːθ", "bˈɑːθ"),
        ("dog", "dˈɒɡ", "dˈɒɡ"),
        ("thought", "θˈɔːt", "θˈɔːt"),
        ("nurse", "nˈɜːs", "nˈɜːs"),
        ("square", "skwˈɛː", "skwˈeə"),
        ("goat", "ɡˈQt", "ɡˈəʊt"),
        ("happy", "hˈapi", "hˈæpɪ"),
        ("letter", "lˈɛtə", "lˈɛtɐ"),
        ("very", "vˈɛɹi", "vˈɛɹɪ"),
        ("marry", "mˈaɹi", "mˈæɹɪ"),
        ("hurry", "hˈʌɹi", "hˈʌɹɪ"),
        ("tune", "tjˈuːn", "tjˈuːn"),
        ("too", "tˈuː", "tˈuː"),
        ("nation", "nˈAʃᵊn", "nˈeɪʃən"),
        ("wanted", "wˈɒntɪd", "wˈɒntɪd"),
        ("period", "pˈɪəɹɪəd", "pˈiəɹɪəd"),
        ("what", "wˈɒt", "wˈɒt"),
    ],
)
def test_american_phones_become_british_vowels_by_their_letters(text: str, kokoro: str, piper: str) -> None:
    (word,) = load_front_end().utterance(text).words
    assert spell_british(word.spoken, word.phones, KOKORO_GB) == kokoro
    assert spell_british(word.spoken, word.phones, PIPER_GB) == piper


def test_no_word_of_the_dictionary_has_a_symbol_that_kokoro_does_not_know() -> None:
    front_end = load_front_end()
    known = [word for word in load_cmudict() if word.isalpha()][::37]
    assert len(known) > 3000
    for word in known:
        said = spell_british(word, front_end.lexicon.usual(word), KOKORO_GB)
        assert set(said) <= set(KOKORO_IDS), (word, said)
        assert not set(said) & set("OTæᵻ"), (word, said)


def test_a_whole_sentence_is_respelt() -> None:
    words = load_front_end().utterance("The car of my father is here.").words
    said = respell(KOKORO_GB, words, [False for _ in words])
    assert said == ["ðə", "kˈɑː", "ɒv", "mI", "fˈɑːðə", "ɪz", "hˈɪə"]


@pytest.mark.parametrize(
    ("clause", "apart", "shared"),
    [
        ("ɪnðə hˈaʊs", "ˈɪn|ðə|hˈaʊs", "ɪn|ðə|hˈaʊs"),
        ("hˈʊndɜt dɾˈaɪ lˈɔøtə", "hˈʊndɜt dɾˈaɪ|lˈɔøtə", "hˈʊndɜt dɾˈaɪ|lˈɔøtə"),
        ("fɚɹə wˈaɪl", "fˈɔːɹ|ˈeɪ|wˈaɪl", "fɚɹ|ə|wˈaɪl"),
        ("lez amˈi", "le|amˈi|", "lez|amˈi|"),
        ("", "a|b", "a|b"),
        ("a x", "a", "a x"),
    ],
)
def test_the_phones_of_a_clause_are_divided_among_its_words(clause: str, apart: str, shared: str) -> None:
    assert share_out(clause.split(), apart.split("|")) == shared.split("|")


def test_a_long_clause_without_a_match_is_divided_in_bounded_time() -> None:
    said = share_out(["xyz"] * 200, ["abc"] * 300)
    assert len(said) == 300
    assert all(said)


def test_ipa_of_a_client_becomes_the_symbols_of_a_family() -> None:
    assert write_ipa("ˈtʃaɪ", write_kokoro) == "ʧˈI"
    assert write_ipa("ˈtʃaɪ", write_piper) == "tʃˈaɪ"
    assert write_ipa("/ˈʃmyːz/", write_piper) == "ʃmˈyːz"


@pytest.mark.parametrize(("code", "extra"), [("ja", "japanese"), ("zh", "chinese"), ("es", "espeak")])
def test_a_language_whose_extra_is_missing_is_one_clear_line_and_no_other_is_spoken_instead(
    code: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zelitrio.voices.languages._is_installed", lambda package: False)
    languages = _kokoro_languages(code, None)
    assert languages[0].code == code
    with pytest.raises(
        LocalError, match=rf"{code} is read by the extra {extra}: pip install 'zelitrio\[{extra}\]'"
    ):
        choose_language(languages, None)
    assert choose_language(languages, "en").code == "en-US"
