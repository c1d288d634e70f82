"""Connect the utterances of a sentence that comes in several chunks, or in several requests."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from zelitrio.text.limit import Limit
from zelitrio.text.sentences import find_sentence_end
from zelitrio.text.types import PHRASE_ENDS, SENTENCE_ENDS, Break, Utterance, Word

PREVIOUS_CHARS = 200
"""Characters of earlier text that are read; more than any model uses."""
FOLLOWING_CHARS = 60
"""Characters after a mark that decide whether it ends a sentence."""


@attrs.define(eq=False)
class Continuation:
    """A stream's current sentence: it numbers the utterances and gives each its context.

    Args:
        limit: the model's limit of context tokens.
    """

    limit: Limit
    _sentence: tuple[Word, ...] = attrs.field(default=(), init=False)
    """Words of the open sentence, if any."""
    _is_cut: bool = attrs.field(default=False, init=False)
    _numbered: int = attrs.field(default=0, init=False)

    def place(self, utterance: Utterance, previous: tuple[Word, ...] = ()) -> Utterance:
        """Return the utterance with its number and context.

        Args:
            utterance: must have words.
            previous: words of an earlier request, before the stream's first utterance.
        """
        joins = self._is_cut
        before = self._sentence if joins else previous
        context = _context(before, utterance.pause_s, self.limit)
        placed = attrs.evolve(
            utterance,
            number=self._numbered,
            context=context,
            joins=joins,
            # With a context, the pause before the utterance is stored in the context's last word.
            pause_s=None if context else utterance.pause_s,
        )
        self._numbered += 1
        self._is_cut = utterance.is_cut
        said = (*before, *utterance.words)
        start = max((at for at, word in enumerate(said, 1) if word.after in SENTENCE_ENDS), default=0)
        # Each word has at least one token, so no more words than this fit the limit.
        self._sentence = said[start:][-self.limit.context_tokens :] if self.limit.context_tokens else ()
        return placed


def _context(before: Sequence[Word], pause_s: float | None, limit: Limit) -> tuple[Word, ...]:
    """The last words before an utterance that fit the limit, with the breaks of the whole sentence."""
    context: list[Word] = []
    tokens = 0
    for word in reversed(before):
        tokens += limit.count(word)
        if tokens > limit.context_tokens:
            break
        # The whole sentence has no break where an earlier utterance was cut.
        context.insert(0, attrs.evolve(word, after=Break.NONE) if word.after is Break.CUT else word)
    if context:
        last = context[-1]
        after = last.after if last.after in PHRASE_ENDS else Break.NONE
        context[-1] = attrs.evolve(last, after=after, pause_s=pause_s)
    return tuple(context)


def open_sentence(previous: str, text: str) -> str:
    """Return the end of `previous` in the same sentence as the beginning of `text`; empty if a sentence
    ended.

    Only the last PREVIOUS_CHARS of `previous` are read.
    """
    before = previous[-PREVIOUS_CHARS:]
    if len(before) < len(previous):
        before = before.partition(" ")[2]  # the first word may be incomplete
    if not before[-1:].isspace():
        before += " "
    joined = before + text.lstrip()[:FOLLOWING_CHARS]
    start = 0
    while (end := find_sentence_end(joined, start)) is not None and end <= len(before):
        start = end
    return before[start:].strip()
