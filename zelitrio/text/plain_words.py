"""Plain words, read at once: most of a text, and none of the many rules has anything to say about them.

A plain word is a run of the letters a-z, perhaps with a capital first or a tail like "n't", that ends at
a space or a mark with a space after it.  Then the word has nothing that a rule looks for (a full stop, an
"@", a digit, a second capital), unless a rule knows the word itself: those the
rule names in `Rule.plain_words`, and they take the long way.  For all others `rules_words.word` decides,
and what it would say is said here: one attempt of one pattern where asking every rule takes seventeen.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from zelitrio.text.reader import Reader, Rule
from zelitrio.text.spelling import say_name
from zelitrio.text.token import Token
from zelitrio.text.types import Break

# A sign of arithmetic after the next space makes a formula of the word, perhaps.
_NO_FORMULA = r"(?![+−±×·⋅÷/*=<>≤≥≠≈≡∝∈∉⊂⊆∪∩→⇒⇔!~]|-(?!-))"

# Of single letters only "a" and "I": the others are initials, numerals and units.  A hyphen, which is silent,
# counts when nothing but words follows: neither an address nor a file name.
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
    """Reads plain words where `rules` would all leave them to the rule for words."""

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
                break  # the second: "Elizabeth I"
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
