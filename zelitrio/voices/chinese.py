"""Mandarin for Kokoro's voices: words by jieba, readings by pypinyin, as in training.

Both are free (MIT), so they run in this process.  They are an extra.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence

from zelitrio.text import ForeignFrontEnd, FrontEnd, scripts_of
from zelitrio.voices.espeak_reading import write_ipa, write_kokoro
from zelitrio.voices.languages import Language
from zelitrio.voices.latin import spell_latin
from zelitrio.voices.numerals import chinese_number

_INITIALS = dict(
    pair.split(":")
    for pair in (
        "b:p p:pʰ m:m f:f d:t t:tʰ n:n l:l g:k k:kʰ h:x j:ʨ q:ʨʰ x:ɕ zh:ꭧ ch:ꭧʰ sh:ʂ r:ɻ z:ʦ c:ʦʰ s:s"
    ).split()
)
_FINALS = dict(
    pair.split(":")
    for pair in (
        "a:a- ai:ai- an:a-n ang:a-ŋ ao:au- e:ɤ- ei:ei- en:ə-n eng:ə-ŋ er:ɚ- ê:ɛ- o:wo- ong:ʊ-ŋ ou:ou- "
        "i:i- ia:ja- ian:jɛ-n iang:ja-ŋ iao:jau- ie:je- in:i-n ing:i-ŋ io:jɔ- iong:jʊ-ŋ iou:jou- "
        "u:u- ua:wa- uai:wai- uan:wa-n uang:wa-ŋ uei:wei- uen:wə-n ueng:wə-ŋ uo:wo- "
        "ü:y- üe:ɥe- üan:ɥɛ-n ün:y-n m:m- n:n- ng:ŋ-"
    ).split()
)
"""The hyphen stands for the tone, which follows the vowel."""
_BUZZED = ("zh", "ch", "sh", "r", "z", "c", "s")
"""Initials after which i is not [i]."""
_TONES = {"1": "→", "2": "↗", "3": "↓", "4": "↘", "5": ""}
_PIECE = re.compile(
    r"(?P<number>\d+(?:[,，]\d{3})*(?:[.．]\d+)?)(?P<percent>[%％])?|(?P<latin>[A-Za-zＡ-Ｚａ-ｚ][A-Za-zＡ-Ｚａ-ｚ'’-]*)"
    r"|(?P<hanzi>[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff〇]+)"
)
_NUMBER = re.compile(r"\d")
_YEAR_DIGITS = 4


def chinese() -> Language:
    """Mandarin in Kokoro's symbols."""
    return Language(
        code="zh", reader=_reader, packages=("pypinyin", "rjieba"), extra="chinese", prepare=_prepare
    )


def _prepare() -> None:
    find_words("中文")
    hanzi_symbols("中文")


def _reader(english: FrontEnd) -> FrontEnd:
    return ForeignFrontEnd(
        pronounce=functools.partial(pronounce, english),
        write=functools.partial(write_ipa, write=write_kokoro),
        scripts=scripts_of("zh"),
        find_words=find_words,
    )


def find_words(text: str) -> list[tuple[int, int]]:
    """Words of characters, numbers with their percent sign or year, and Latin words."""
    import rjieba

    found: list[tuple[int, int]] = []
    for match in _PIECE.finditer(text):
        if match["hanzi"] is None:
            found.append(match.span())
            continue
        at = match.start()
        for word in rjieba.cut(match.group()):
            found.append((at, at + len(word)))
            at += len(word)
    return found


def pronounce(english: FrontEnd, words: Sequence[str]) -> list[str]:
    """The symbols of each word of a clause."""
    said: list[str] = []
    for word, following in zip(words, [*words[1:], ""], strict=True):
        match = _PIECE.match(word)
        if match is None:
            said.append("")
        elif match["latin"] is not None:
            said.append(spell_latin(english, word))
        elif match["number"] is not None:
            is_year = following.startswith("年") and len(word) == _YEAR_DIGITS
            hanzi = chinese_number(match["number"], is_year=is_year)
            said.append(hanzi_symbols(f"百分之{hanzi}" if match["percent"] else hanzi))
        else:
            said.append(hanzi_symbols(word))
    return said


def hanzi_symbols(word: str) -> str:
    """The symbols of a word in characters; characters without a reading are skipped."""
    import pypinyin

    syllables = pypinyin.lazy_pinyin(
        word, style=pypinyin.Style.TONE3, neutral_tone_with_five=True, errors="ignore"
    )
    return "".join(map(syllable_symbols, syllables))


def syllable_symbols(pinyin: str) -> str:
    """The symbols of one syllable of pinyin with the number of its tone."""
    from pypinyin.contrib.tone_convert import to_finals, to_initials

    plain, tone = pinyin[:-1], pinyin[-1:]
    if tone not in _TONES:
        return ""
    initial = "" if plain in _FINALS and plain in ("m", "n", "ng") else to_initials(plain, strict=True)
    final = plain if plain in ("m", "n", "ng", "er", "ê") else to_finals(plain, strict=True, v_to_u=True)
    sound = _FINALS.get(final, "")
    if final == "i" and initial in _BUZZED:
        sound = "ɨ-"
    if final == "o" and not initial:
        sound = "ɔ-"
    return _INITIALS.get(initial, "") + sound.replace("-", _TONES[tone])
