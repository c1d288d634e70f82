"""The normaliser's result: words to speak, still without phones."""

from __future__ import annotations

import attrs

from zelitrio.text.types import Break, Phones, Prosody


@attrs.define(eq=False)
class Token:
    """One spoken word on its way to become a `Word`."""

    spoken: str
    start: int
    end: int
    """Half-open range of source characters."""
    is_letter: bool = False
    """A letter said by its name: the "a" of "AC" is EY1, not the article."""
    phones: Phones | None = None
    """Set when the text itself says how: a phoneme tag."""
    ipa: str | None = None
    """The same as the tag has it, for a language with sounds that English lacks."""
    after: Break = Break.NONE
    pause_s: float | None = None
    prosody: Prosody | None = None
    rule: str = "word"
    """The rule that read it."""
