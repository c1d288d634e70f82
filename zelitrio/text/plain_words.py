"""A fast path for plain words, which are most of a text and which only the rule for words reads.

A plain word is a run of the letters a-z, perhaps with a capital first or a tail like "n't", before a space or
a mark with a space.  Rules look for other things: a full stop, an "@", a digit, a second capital.  A rule
that reads some plain words lists them in `Rule.plain_words`; these are left to the rules.  All others are
read exactly as `rules_words.word` reads them, with one pattern instead of about seventeen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from zelitrio.text.reader import Reader, Rule
from zelitrio.text.spelling import say_name
from zelitrio.text.token import Token
from zelitrio.text.types import Break

# An arithmetic sign after the next space may make the word part of a formula.
_NO_FORMULA = r"(?![+−±×·⋅÷/*=<>≤≥≠≈≡∝∈∉⊂⊆∪∩→⇒⇔!~]|-(?!-))"

# The only single letters are "a" and "I": others are initials, numerals or units.  A word may end at a hyphen
# if only words follow, because then it is not part of an address or a file name.
_PLAIN_WORD = re.compile(
    rf"""
    (a | [AI](?=\ [a-z]) | I(?=['’](?:m|d|ll|ve)(?![^\W_])) | [A-Za-z][a-z]{{1,40}})
    (['’][a-z]{{1,20}})?
    (?: ([,;:.!?]) (?=[ \n]|\Z)
      | - (?=[a-z]{{2}}[a-z-]{{0,60}}(?:[,;!?]|[.:]?(?:\ {_NO_FORMULA}|\n|\Z)))
      | (?=[,;!?)\n"”]|\ {_NO_FORMULA}|\Z) )
    \ *
    """,
    re.VERBOSE,
)
_VOWELS = frozenset("aeiouy")
_BREAKS = {
    ",": Break.COMMA,
    ";": Break.COLON,
    ":": Break.COLON,
    ".": Break.STOP,
    "!": Break.EXCLAIM,
    "?": Break.QUESTION,
}


class PlainWords:
    """Reads plain words that only the rule for words would read.

    Args:
        rules: the rules that a text is read with.
    """

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._special = frozenset({word for each in rules for word in each.plain_words})

    def read(self, reader: Reader, place: int) -> int:
        """Read plain words from `place` on, with the marks and spaces after them; return the end."""
        text, lexicon, tokens, special = reader.text, reader.lexicon, reader.tokens, self._special
        match_word, add, has_no_vowel = _PLAIN_WORD.match, tokens.append, _VOWELS.isdisjoint
        while (match := match_word(text, place)) is not None:
            letters, tail, mark = match.groups()
            word = letters.lower()
            if word in special or (letters == "I" and reader.previous()[:1].isupper()):
                break  # a numeral: "Elizabeth I"
            end = place + len(letters)
            if tail is not None:
                add(Token(word + tail.replace("’", "'"), place, end + len(tail)))
            elif len(word) > 6 or not has_no_vowel(word) or word in lexicon:
                add(Token(word, place, end))
            else:
                say_name(reader, letters, place)  # "hmm"
            place = match.end()
            if mark is not None:
                tokens[-1].after = _BREAKS[mark]
        return place
