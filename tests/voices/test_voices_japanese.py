"""Japanese in Kokoro's symbols, by MeCab (extra `japanese`)."""

from __future__ import annotations

import pytest

from zelitrio.text import load_front_end
from zelitrio.voices.kana import kana_symbols
from zelitrio.voices.kokoro_symbols import KOKORO_IDS
from zelitrio.voices.numerals import japanese_number


@pytest.mark.parametrize(
    ("kana", "symbols"),
    [
        ("トーキョー", "toːkʲoː"),
        ("ガッコー", "ɡaʔkoː"),
        ("シンブン", "ɕimbɯɴ"),
        ("テンキ", "teŋkʲi"),
        ("コンニチワ", "koɲɲiʨiβa"),
        ("センセー", "seɴseː"),
        ("チューゴク", "ʨɨːɡokɯ"),
        ("パーティー", "paːtʲiː"),
        ("ファイル", "ɸaiɾɯ"),
        ("ヴァイオリン", "vaioɾʲiɴ"),
        ("ひらがな", "çiɾaɡana"),
        ("ジェット", "ʥeʔto"),
        ("ン", "ɴ"),
        ("", ""),
        ("?x", ""),
    ],
)
def test_kana_become_the_symbols_of_their_sounds(kana: str, symbols: str) -> None:
    assert kana_symbols(kana) == symbols


def test_every_kana_has_a_sound_that_kokoro_knows() -> None:
    for code in (*range(ord("ァ"), ord("ヴ") + 1), *range(ord("ぁ"), ord("ゔ") + 1)):
        said = kana_symbols(chr(code))
        assert said, chr(code)
        assert set(said) <= set(KOKORO_IDS), chr(code)


@pytest.mark.parametrize(
    ("number", "kana"),
    [
        ("0", "ゼロ"),
        ("25", "ニジューゴ"),
        ("300", "サンビャク"),
        ("8,600", "ハッセンロッピャク"),
        ("10000", "イチマン"),
        ("2026", "ニセンニジューロク"),
        ("3.14", "サンテンイチヨン"),
        ("０７", "ゼロナナ"),
        ("12345678901234567", "イチニサンヨンゴロクナナハチキューゼロイチニサンヨンゴロクナナ"),
    ],
)
def test_numbers_are_read_in_japanese(number: str, kana: str) -> None:
    assert japanese_number(number) == kana


def words(text: str) -> list[tuple[str, str | None]]:
    pytest.importorskip("fugashi", reason="the extra `japanese` is not installed")
    pytest.importorskip("unidic_lite", reason="the extra `japanese` is not installed")
    from zelitrio.voices.japanese import japanese

    utterance = japanese().reader(load_front_end()).utterance(text)
    for word in utterance.words:
        start, end = word.span
        assert text[start:end] == word.spoken
        assert set(word.symbols or "") <= set(KOKORO_IDS), word
    return [(word.spoken, word.symbols) for word in utterance.words]


def test_a_sentence_becomes_words_with_their_endings_and_particles_as_they_sound() -> None:
    assert words("東京は大きい。") == [("東京", "toːkʲoː"), ("は", "βa"), ("大きい", "oːkʲiː")]
    assert words("本を読みました。") == [("本", "hoɴ"), ("を", "o"), ("読みました", "jomʲimaɕita")]


def test_numbers_and_latin_words_are_heard_in_their_places() -> None:
    found = dict(words("猫が25匹いて、GPUも2個ある。"))
    assert (found["25匹"] or "").startswith("ɲiʥɨːɡo")
    assert (found["2個"] or "").startswith("ɲi")
    assert found["GPU"]


def test_a_counter_after_digits_is_read_as_a_counter() -> None:
    assert "".join(symbols or "" for _, symbols in words("午後3時です。")) == "ɡoɡosaɴʥidesɨ"


def test_a_mark_ends_a_clause_and_quotes_are_silent() -> None:
    assert [word for word, _ in words("「はい」、と言った。")] == ["はい", "と", "言った"]
