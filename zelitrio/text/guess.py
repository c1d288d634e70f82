"""Guess the language of a text by its most frequent words, and the scripts of languages and letters.

The guess is used only for warnings.
"""

from __future__ import annotations

import re
import unicodedata

import attrs

_COMMON = {
    "en": "the of and to in is that it was for you on with are as this be have not they we by from at i or",
    "de": "der die und das ist nicht ich ein eine zu den mit sie es auf dem von sich für auch im wir aber",
    "fr": "le la les et des est une que pour pas dans vous je il qui sur avec ce nous du au sont mais elle",
    "es": "el la los las de que y en es un una por con para no se lo su del al pero más como está muy",
    "it": "il di che la e è un una per non sono con del si da le lo gli ha mi ma anche della come questo",
    "pt": "o de que e do da em um uma para não com os as se na no por mais é você mas está foi são",
    "nl": "de het een en van ik is dat niet je op te zijn met voor die er maar we aan ook was wat naar hij",
    "pl": "nie to się w na jest że i z co do jak ale tak o od za ja czy ma po był już tylko są",
    "sv": "och det att jag är en som på inte med för har vi av till den ett så kan men om du han de var",
    "tr": "bir ve bu da de için ne çok mi var ben ama daha gibi olarak kadar o şey evet hayır değil",
}
_LANGUAGES = {
    word: tuple(language for language, words in _COMMON.items() if word in words.split())
    for word in " ".join(_COMMON.values()).split()
}
"""The languages that each word is frequent in."""
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_FEWEST_FOUND, _MOST_WORDS = 4, 60
_SURE = 0.3
"""Least share of frequent words of a language in a text of it."""
_LATIN = "LATIN"
_SCRIPTS = {
    **dict.fromkeys("ru uk bg kk sr mk be".split(), "CYRILLIC"),
    **dict.fromkeys("ar fa ur".split(), "ARABIC"),
    **dict.fromkeys("hi ne mr".split(), "DEVANAGARI"),
    **dict.fromkeys("zh cmn yue".split(), "CJK"),
    "el": "GREEK", "ka": "GEORGIAN", "hy": "ARMENIAN", "he": "HEBREW", "ml": "MALAYALAM", "te": "TELUGU",
    "ta": "TAMIL", "bn": "BENGALI", "ko": "HANGUL", "th": "THAI", "am": "ETHIOPIC",
}  # fmt: skip
_JAPANESE = frozenset(("CJK", "HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA"))


def primary_code(language: str) -> str:
    """The language of a code, in lower case: `pt` for `pt-BR` and `PT_br` (RFC 5646, section 2.2.1)."""
    return language.replace("_", "-").partition("-")[0].lower()


def scripts_of(language: str) -> frozenset[str]:
    """The scripts of a language, by their Unicode names; Latin is among them for every language."""
    code = primary_code(language)
    own = _JAPANESE if code == "ja" else frozenset((_SCRIPTS.get(code, _LATIN),))
    return own | {_LATIN}


def script_of(character: str) -> str:
    """The script of a letter, by its Unicode name; empty for other characters."""
    if character.isascii():
        return _LATIN if character.isalpha() else ""
    if not character.isalpha():
        return ""
    return unicodedata.name(character, "").partition(" ")[0]


@attrs.define(eq=False)
class LanguageGuess:
    """Guesses the language of one stream from its first words."""

    _seen: int = attrs.field(default=0, init=False)
    _found: dict[str, int] = attrs.field(factory=dict, init=False)

    @property
    def is_done(self) -> bool:
        """Whether more text would change nothing."""
        return self._seen >= _MOST_WORDS

    def feed(self, text: str) -> str | None:
        """Read more text and return the code of its language, if certain."""
        for match in _WORD.finditer(text.lower(), 0, 4096):
            if self._seen >= _MOST_WORDS:
                break
            self._seen += 1
            word = match.group().replace("’", "'")
            for language in _LANGUAGES.get(word, ()):
                self._found[language] = self._found.get(language, 0) + 1
        if not self._found:
            return None
        first, *others = sorted(self._found.items(), key=lambda item: -item[1])
        is_clear = not others or others[0][1] < first[1]
        is_sure = first[1] >= max(_FEWEST_FOUND, _SURE * self._seen)
        return first[0] if is_clear and is_sure else None

    def is_twice(self, found: str, language: str) -> bool:
        """Whether the text has twice as many frequent words of one language as of another."""
        code = primary_code(language)
        return code in _COMMON and self._found.get(found, 0) >= 2 * self._found.get(code, 0)


def seems_other(guess: LanguageGuess, text: str, language: str) -> str | None:
    """The language that a text seems to be in, if not `language`."""
    found = guess.feed(text)
    if found is None or language.lower().startswith(found) or not guess.is_twice(found, language):
        return None
    return found
