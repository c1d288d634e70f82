"""The front end: a chunk of text in, words with phones and breaks out."""

from __future__ import annotations

import functools

import attrs

from zelitrio.text.alignment import normalised_text
from zelitrio.text.lexicon import Lexicon, load_lexicon
from zelitrio.text.normalise import tokenise
from zelitrio.text.pronounce import pronounce
from zelitrio.text.types import Break, Utterance, Word


@attrs.frozen(eq=False)
class FrontEnd:
    """Reads text.  Immutable, so one is shared by every stream and thread."""

    lexicon: Lexicon = attrs.field(factory=load_lexicon)

    def utterance(
        self, text: str, *, ends_sentence: bool = True, normalise: bool = True, ssml: bool = False
    ) -> Utterance:
        """Words, phones and breaks of one chunk.

        Never waits and never raises, whatever the text; time is linear in its length.  What cannot
        be spoken is skipped, so the result may be empty.

        Args:
            text: the chunk.
            ends_sentence: False when the sentence goes on in the next chunk: the last break is then
                `Break.CUT`, unless a mark in the text says otherwise.
            normalise: False reads digits one by one and leaves abbreviations as they are.
            ssml: whether tags are instructions (``<break>``, ``<phoneme>``) instead of text.
        """
        reader = tokenise(text, self.lexicon, is_plain=not normalise)
        tokens = reader.tokens
        words: list[Word] = []
        for token, phones in zip(tokens, pronounce(tokens, self.lexicon), strict=True):
            if phones:
                span = (token.start, token.end)
                words.append(Word(token.spoken, span, phones, token.after, token.pause_s))
        if words and words[-1].after is Break.NONE:
            words[-1] = attrs.evolve(words[-1], after=Break.STOP if ends_sentence else Break.CUT)
        return Utterance(text, tuple(words))

    def normalise(self, text: str) -> str:
        """The text as it is spoken, in lower case."""
        return normalised_text(self.utterance(text))


@functools.cache
def load_front_end() -> FrontEnd:
    """The front end with the built-in lexicon; made once, about 0.2 s."""
    return FrontEnd()
