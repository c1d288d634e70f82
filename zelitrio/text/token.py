"""The normaliser's result: spoken words without phones."""

from __future__ import annotations

import attrs

from zelitrio.text.types import Break, Phones, Prosody


@attrs.define(eq=False)
class Token:
    """One spoken word before its phones are found; it becomes a `Word`."""

    spoken: str
    start: int
    end: int
    """Half-open range of source characters."""
    is_letter: bool = False
    """Whether it is a letter's name: the "a" of "AC" is EY1, not the article."""
    phones: Phones | None = None
    """Phones from a tag; None: they are looked up."""
    ipa: str | None = None
    """The pronunciation as written in a tag, for languages with phones that English lacks."""
    after: Break = Break.NONE
    pause_s: float | None = None
    prosody: Prosody | None = None
    rule: str = "word"
    """The rule that read it."""
