"""Find the phones of spoken words.

In this order: phones that the text itself gives, function words, heteronyms, the dictionary, the stem of an
inflected form, letter-to-sound.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

from zelitrio.text.context import Place
from zelitrio.text.heteronyms import HETERONYMS, choose
from zelitrio.text.letter_to_sound import load_letter_to_sound
from zelitrio.text.letters import LETTERS
from zelitrio.text.lexicon import Lexicon
from zelitrio.text.morphology import inflect, plural_sound
from zelitrio.text.phones import is_vowel, parse_phones
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones


def _sounds(text: str) -> dict[str, Phones]:
    return {
        word: parse_phones(phones) for word, _, phones in (each.partition("=") for each in text.split("; "))
    }


_WEAK = _sounds(
    "a=AH0; an=AH0 N; the=DH AH0; to=T AH0; of=AH0 V; and=AE0 N D; for=F AO0 R; from=F R AH0 M; at=AE0 T; "
    "as=AE0 Z; or=AO0 R; but=B AH0 T; than=DH AE0 N; is=IH0 Z; in=IH0 N; was=W AH0 Z; were=W ER0; are=AA0 R; "
    "if=IH0 F"
)
"""Function words without stress, as inside a phrase."""
_BEFORE_VOWEL = _sounds("the=DH IY0; to=T UW0")
_AT_END = _sounds(
    "a=EY1; the=DH AH0; to=T UW1; of=AH1 V; for=F AO1 R; from=F R AH1 M; at=AE1 T; is=IH1 Z; in=IH1 N; "
    "was=W AA1 Z; were=W ER1; are=AA1 R; if=IH1 F"
)
"""Function words before a break, where they have their full form."""
_IN_CONTEXT = frozenset(_WEAK) | HETERONYMS
"""Words with a pronunciation that depends on their neighbours."""


def pronounce(tokens: Sequence[Token], text: str, lexicon: Lexicon) -> list[Phones]:
    """Phones of each token; empty for a token that cannot be spoken.

    Never raises.  Time is linear in the number of tokens, about 0.5 us for a known word.
    """
    spoken = [token.spoken for token in tokens]
    found: list[Phones] = []
    add, usual, in_context = found.append, lexicon.usual, _IN_CONTEXT
    for index, token in enumerate(tokens):
        phones = token.phones
        if phones is None:
            word = token.spoken
            if token.is_letter:
                phones = _letter(word, is_last=_is_last_letter(tokens, index))
            else:
                if word in in_context:
                    phones = _in_context(tokens, spoken, index, text, lexicon)
                phones = phones or usual(word) or sound_out(word, lexicon)
        add(phones)
    for index, word in enumerate(spoken[:-1]):
        if word in _BEFORE_VOWEL:
            token, following = tokens[index], found[index + 1]
            is_free = not token.is_letter and token.after is Break.NONE and not lexicon.is_own(word)
            if is_free and following and is_vowel(following[0]):
                found[index] = _BEFORE_VOWEL[word]
    return found


def _in_context(
    tokens: Sequence[Token], spoken: Sequence[str], index: int, text: str, lexicon: Lexicon
) -> Phones | None:
    """Phones of a word in its context; None if the context does not matter."""
    token, word = tokens[index], spoken[index]
    if lexicon.is_own(word):
        return None
    ends = token.after is not Break.NONE or index == len(tokens) - 1
    if word in _WEAK:
        return (_AT_END.get(word) if ends and len(tokens) > 1 else None) or _WEAK[word]
    begins = index == 0 or tokens[index - 1].after is not Break.NONE
    is_capital = text[token.start : token.start + 1].isupper()
    return choose(Place(spoken, index, begins, ends, is_capital), lexicon.find)


def _is_last_letter(tokens: Sequence[Token], index: int) -> bool:
    is_end = tokens[index].after is not Break.NONE or index + 1 == len(tokens)
    return is_end or not tokens[index + 1].is_letter


def _letter(spoken: str, *, is_last: bool) -> Phones:
    """Phones of a letter's name; of several letters in a row, only the last has the primary stress."""
    phones = LETTERS.get(spoken[0], ())
    if not is_last:
        phones = tuple(phone.replace("1", "2") for phone in phones)
    return plural_sound(phones) if spoken.endswith("'s") and phones else phones


def sound_out(word: str, lexicon: Lexicon) -> Phones:
    """Phones of a word that is not in the dictionary: by its stem, or else by letter-to-sound."""
    return _sound_out(word, lexicon)


@functools.lru_cache(maxsize=8192)  # words are repeated, such as the names in a conversation
def _sound_out(word: str, lexicon: Lexicon) -> Phones:
    def find(stem: str) -> Phones | None:
        variants = lexicon.find(stem)
        return variants[0] if variants else None

    if len(word) <= 40:
        inflected = inflect(word, find)
        if inflected is not None:
            return inflected
    bare = word.replace("'", "")
    if word.endswith("'s") and len(bare) > 1:
        stem = load_letter_to_sound().phones(bare[:-1])
        return plural_sound(stem) if stem else ()
    return load_letter_to_sound().phones(bare)
