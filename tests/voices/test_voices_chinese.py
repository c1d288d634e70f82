"""Mandarin in Kokoro's symbols, by jieba and pypinyin (extra `chinese`)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from test_voices_public import kokoro_folder

from zelitrio.text import load_front_end
from zelitrio.voices.kokoro_symbols import KOKORO_IDS
from zelitrio.voices.numerals import chinese_number


@pytest.mark.parametrize(
    ("number", "hanzi"),
    [
        ("0", "零"),
        ("7", "七"),
        ("10", "十"),
        ("25", "二十五"),
        ("105", "一百零五"),
        ("1,020", "一千零二十"),
        ("10000", "一万"),
        ("10005", "一万零五"),
        ("120000", "十二万"),
        ("100000000", "一亿"),
        ("3.14", "三点一四"),
        ("００７", "零零七"),
    ],
)
def test_numbers_are_read_in_chinese(number: str, hanzi: str) -> None:
    assert chinese_number(number) == hanzi


def test_a_year_is_read_digit_by_digit() -> None:
    assert chinese_number("2026", is_year=True) == "二零二六"


@pytest.mark.parametrize(
    ("pinyin", "symbols"),
    [
        ("ni3", "ni↓"),
        ("hao3", "xau↓"),
        ("zhong1", "ꭧʊ→ŋ"),
        ("guo2", "kwo↗"),
        ("shi4", "ʂɨ↘"),
        ("zi5", "ʦɨ"),
        ("ju4", "ʨy↘"),
        ("lü4", "ly↘"),
        ("lv4", "ly↘"),
        ("xue2", "ɕɥe↗"),
        ("yuan2", "ɥɛ↗n"),
        ("yi1", "i→"),
        ("wu3", "u↓"),
        ("you3", "jou↓"),
        ("liu2", "ljou↗"),
        ("gui4", "kwei↘"),
        ("wen2", "wə↗n"),
        ("er2", "ɚ↗"),
        ("bo1", "pwo→"),
        ("ng2", "ŋ↗"),
    ],
)
def test_a_syllable_becomes_its_symbols_with_the_tone_after_the_vowel(pinyin: str, symbols: str) -> None:
    pytest.importorskip("pypinyin", reason="the extra `chinese` is not installed")
    from zelitrio.voices.chinese import syllable_symbols

    assert syllable_symbols(pinyin) == symbols


def words(text: str) -> list[tuple[str, str | None]]:
    pytest.importorskip("pypinyin", reason="the extra `chinese` is not installed")
    pytest.importorskip("rjieba", reason="the extra `chinese` is not installed")
    from zelitrio.voices.chinese import chinese

    utterance = chinese().reader(load_front_end()).utterance(text)
    for word in utterance.words:
        start, end = word.span
        assert text[start:end] == word.spoken
        assert set(word.symbols or "") <= set(KOKORO_IDS), word
    return [(word.spoken, word.symbols) for word in utterance.words]


def test_a_sentence_becomes_words_whose_readings_their_neighbours_decide() -> None:
    assert words("你好，世界。") == [("你好", "ni↓xau↓"), ("世界", "ʂɨ↘ʨje↘")]
    # 行 is háng in a bank and xíng in walking.
    found = dict(words("银行在这里，他步行去。"))
    assert found["银行"] == "i↗nxa↗ŋ"
    assert found["步行"] == "pu↘ɕi↗ŋ"


def test_numbers_years_percent_and_latin_words_are_heard_in_their_places() -> None:
    found = dict(words("2026年有25%的GPU。"))
    assert found["2026"] == "ɚ↘li↗ŋɚ↘ljou↘"
    assert (found["25%"] or "").startswith("pai↓fə→nꭧɨ→")
    assert found["GPU"]


def test_the_tables_are_read_with_the_voices_and_not_at_the_first_text(tmp_path: Path) -> None:
    """Reading them takes half a second, in which no stream would be served."""
    pytest.importorskip("rjieba", reason="the extra `chinese` is not installed")
    folder = kokoro_folder(tmp_path)
    code = (
        "import sys; from pathlib import Path; from zelitrio.voices import load_folder;"
        f"load_folder(Path({str(folder)!r})); print('pypinyin' in sys.modules)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert found.stdout.strip() == "True"


def test_every_common_syllable_has_a_sound_that_kokoro_knows() -> None:
    pypinyin = pytest.importorskip("pypinyin", reason="the extra `chinese` is not installed")
    from zelitrio.voices.chinese import syllable_symbols

    syllables = {
        syllable
        for code in range(0x4E00, 0x9FA6)
        for syllable in pypinyin.lazy_pinyin(
            chr(code), style=pypinyin.Style.TONE3, neutral_tone_with_five=True, errors="ignore"
        )
    }
    assert len(syllables) > 1000
    silent = [one for one in syllables if not syllable_symbols(one)]
    assert silent == []
    assert all(set(syllable_symbols(one)) <= set(KOKORO_IDS) for one in syllables)
