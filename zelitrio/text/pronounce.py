"""From spoken words to phones: function words, the dictionary, then the spelling."""

from __future__ import annotations

from zelitrio.text.letter_to_sound import sound_out
from zelitrio.text.lexicon import Lexicon
from zelitrio.text.phones import is_vowel
from zelitrio.text.token import Token
from zelitrio.text.types import Phones

_WEAK: dict[str, Phones] = {
    "a": ("AH0",),
    "an": ("AH0", "N"),
    "the": ("DH", "AH0"),
    "to": ("T", "AH0"),
    "of": ("AH0", "V"),
    "and": ("AE0", "N", "D"),
    "for": ("F", "AO0", "R"),
    "from": ("F", "R", "AH0", "M"),
    "at": ("AE0", "T"),
    "as": ("AE0", "Z"),
    "or": ("AO0", "R"),
}
_BEFORE_VOWEL: dict[str, Phones] = {"the": ("DH", "IY0"), "to": ("T", "UW0")}


def pronounce(tokens: list[Token], lexicon: Lexicon) -> list[Phones]:
    """Phones of each token."""
    found = [_one(token, lexicon) for token in tokens]
    for index, token in enumerate(tokens[:-1]):
        following = found[index + 1]
        if token.spoken in _BEFORE_VOWEL and following and is_vowel(following[0]):
            found[index] = _BEFORE_VOWEL[token.spoken]
    return found


def _one(token: Token, lexicon: Lexicon) -> Phones:
    word = token.spoken
    if token.phones is not None:
        return token.phones
    if word in _WEAK and not lexicon.is_own(word):
        return _WEAK[word]
    variants = lexicon.find(word)
    if variants:
        return variants[0]
    if word.endswith("'s"):
        return (*_one(Token(word[:-2], token.start, token.end), lexicon), "Z")
    return sound_out(word)
