"""English read by our rules, with words in the symbols of another accent or another alphabet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from zelitrio.text.front_end import FrontEnd, ReadText
from zelitrio.text.types import Utterance, Word

Respell = Callable[[Sequence[Word], Sequence[bool]], Sequence[str]]
"""Takes the words of an utterance and returns the symbols of each; empty: the word keeps its phones.

The second argument marks spelled letters and words with phones from a tag or a dictionary.
"""


@attrs.frozen(eq=False)
class RespeltFrontEnd(FrontEnd):
    """Reads English as `FrontEnd` does, then adds symbols to the words."""

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
