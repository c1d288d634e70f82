"""English that is read by our rules, in the symbols of another accent or of another program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from zelitrio.text.front_end import FrontEnd, ReadText
from zelitrio.text.types import Utterance, Word

Respell = Callable[[Sequence[Word], Sequence[bool]], Sequence[str]]
"""The words of an utterance to the symbols of each; an empty string leaves a word to its phones.

The second argument marks words with chosen phones: by a tag, a dictionary, a spelt letter.
"""


@attrs.frozen(eq=False)
class RespeltFrontEnd(FrontEnd):
    """Reads English; numbers, dates and dictionaries are read as by `FrontEnd`."""

    respell: Respell = attrs.field(default=lambda words, chosen: ["" for _ in words])

    def _utterance(self, text: str, read: ReadText, ends_sentence: bool) -> Utterance:
        utterance = FrontEnd._utterance(self, text, read, ends_sentence)
        chosen = [
            token.phones is not None or token.is_letter or self.lexicon.is_own(token.spoken)
            for token, phones in zip(read.tokens, read.phones, strict=True)
            if phones
        ]
        words = [
            attrs.evolve(word, symbols=symbols or None)
            for word, symbols in zip(utterance.words, self.respell(utterance.words, chosen), strict=True)
        ]
        return attrs.evolve(utterance, words=tuple(words))
