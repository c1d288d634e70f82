"""How many tokens a model takes in one utterance."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from zelitrio.text.types import Word


def phones_and_break(word: Word) -> int:
    """Tokens of a word for a model with one token per phone and one per break."""
    return len(word.phones) + 1


@attrs.frozen(kw_only=True)
class Limit:
    """The size of an utterance, in tokens of the model that speaks it.

    Attributes:
        tokens: limit of the spoken words and their breaks, without the tokens that a model adds at both ends.
        context_tokens: limit of context before them; 0: the model takes no context.
        count: returns the tokens of one word and the break after it.
    """

    tokens: int = 318
    context_tokens: int = 64
    """A dozen words.  More context would delay short utterances noticeably."""
    count: Callable[[Word], int] = phones_and_break
