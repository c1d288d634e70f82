"""How much text a model reads at once."""

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
        tokens: of the words that are heard, with their breaks.  The tokens that a model puts before the first
            word and after the last are not counted.
        context_tokens: of the context before them; 0 for a model that reads none.
        count: tokens of one word and the break after it.
    """

    tokens: int = 318
    context_tokens: int = 64
    """A dozen words.  With more of them an utterance no longer costs as little as a short one."""
    count: Callable[[Word], int] = phones_and_break
