"""Japanese for Kokoro's voices: words and readings by MeCab with UniDic, as in training.

MeCab and this UniDic are free (BSD, MIT), so they run in this process.  They are an extra.
"""

from __future__ import annotations

import functools
import re
import threading
from collections.abc import Sequence
from typing import Any

import attrs

from zelitrio.text import ForeignFrontEnd, FrontEnd, scripts_of
from zelitrio.voices.espeak_reading import write_ipa, write_kokoro
from zelitrio.voices.kana import kana_symbols
from zelitrio.voices.languages import Language
from zelitrio.voices.latin import spell_latin
from zelitrio.voices.numerals import japanese_number

_APART = re.compile(r"\d+(?:[,，]\d{3})*(?:[.．]\d+)?|[A-Za-zＡ-Ｚａ-ｚ][A-Za-zＡ-Ｚａ-ｚ'’-]*")
"""Numbers and Latin words, which MeCab splits into single signs."""
_PREDICATES = ("動詞", "形容詞", "助動詞", "形状詞")
_ENDINGS = ("助動詞", "接尾辞")
_ENDING_PARTICLES = ("て", "で", "ば", "ちゃ", "じゃ")
_SILENT = ("補助記号", "空白", "記号")
_lock = threading.Lock()


@attrs.frozen
class Morpheme:
    """A part of the text with its reading."""

    start: int
    end: int
    kana: str
    """Empty for a mark."""
    kind: str
    """Part of speech in UniDic's terms, or our own for numbers and Latin words."""


def japanese() -> Language:
    """Japanese in Kokoro's symbols."""
    return Language(code="ja", reader=_reader, packages=("fugashi", "unidic_lite"), extra="japanese")


def _reader(english: FrontEnd) -> FrontEnd:
    return ForeignFrontEnd(
        pronounce=functools.partial(pronounce, english),
        write=functools.partial(write_ipa, write=write_kokoro),
        scripts=scripts_of("ja"),
        find_words=find_words,
    )


def find_words(text: str) -> list[tuple[int, int]]:
    """Words with their endings: a verb and what inflects it, a noun and its suffix."""
    found: list[tuple[int, int]] = []
    before: Morpheme | None = None
    for one in morphemes(text):
        if not one.kana and one.kind in _SILENT:
            before = None
            continue
        if before is not None and _belongs(before, one, text):
            found[-1] = found[-1][0], one.end
        else:
            found.append((one.start, one.end))
        before = one
    return found


def _belongs(before: Morpheme, one: Morpheme, text: str) -> bool:
    if one.start != before.end or "latin" in (before.kind, one.kind):
        return False
    if before.kana.endswith("ッ"):  # a stop that the next sound ends
        return True
    if one.kind == "接尾辞":
        return True
    if before.kind in _PREDICATES:
        return one.kind in _ENDINGS or text[one.start : one.end] in _ENDING_PARTICLES
    return False


def pronounce(english: FrontEnd, words: Sequence[str]) -> list[str]:
    """The symbols of each word of a clause."""
    text = "".join(words)
    starts: list[int] = []
    at = 0
    for word in words:
        starts.append(at)
        at += len(word)
    readings = ["" for _ in words]
    latin: dict[int, str] = {}
    for one in morphemes(text):
        owner = max(number for number, start in enumerate(starts) if start <= one.start)
        if one.kind == "latin":
            latin[owner] = spell_latin(english, text[one.start : one.end])
        else:
            readings[owner] += one.kana
    return [latin.get(number, "") or kana_symbols(kana) for number, kana in enumerate(readings)]


def morphemes(text: str) -> list[Morpheme]:
    """The morphemes of a text in order, without spaces.

    MeCab also sees the digits, because after them 時 is ジ and not トキ.
    """
    apart = list(_APART.finditer(text))
    found = [
        Morpheme(*match.span(), japanese_number(match.group()), "number")
        if match.group()[0].isdigit()
        else Morpheme(*match.span(), "", "latin")
        for match in apart
    ]
    found += [
        one
        for one in _tagged(text)
        if not any(match.start() < one.end and one.start < match.end() for match in apart)
    ]
    return sorted(found, key=lambda one: one.start)


def _tagged(text: str) -> list[Morpheme]:
    found: list[Morpheme] = []
    with _lock:
        nodes = [(node.surface, node.feature) for node in _tagger()(text)]
    at = 0
    for surface, feature in nodes:
        at = text.index(surface, at)
        kind = str(feature.pos1)
        reading = getattr(feature, "pron", None) or getattr(feature, "kana", None) or surface
        kana = "" if kind in _SILENT else str(reading)
        found.append(Morpheme(at, at + len(surface), kana, kind))
        at += len(surface)
    return found


@functools.cache
def _tagger() -> Any:
    import fugashi

    return fugashi.Tagger()
