"""Text that a stream's voice cannot speak: emoji, other scripts, unusual symbols, another language."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import attrs

from zelitrio.text import LanguageGuess, Utterance, first_unspoken, seems_other

if TYPE_CHECKING:
    from zelitrio.session.service import Observer


@attrs.define(eq=False)
class Notices:
    """Problems of one stream's text, for the log and for reports.  Each kind is logged once per stream.

    Attributes:
        skipped: the first unspoken text, or "".
        seems: the language that the text seems to be in, if the voice reads another one.
    """

    _observer: Observer
    skipped: str = attrs.field(default="", init=False)
    seems: str | None = attrs.field(default=None, init=False)
    _guess: LanguageGuess = attrs.field(factory=LanguageGuess, init=False)

    def of(self, language: str, *, ssml: bool) -> Callable[[Utterance], None] | None:
        """Return the function to call with each read utterance; None with SSML, because tags are unspoken."""
        return None if ssml else partial(self.read, language=language)

    def read(self, utterance: Utterance, language: str) -> None:
        """Check an utterance in a language."""
        if not self.skipped and (skipped := first_unspoken(utterance)):
            self.skipped = skipped
            self._observer.text_skipped(skipped)
        if self.seems is None and not self._guess.is_done:
            self.seems = seems_other(self._guess, utterance.source, language)
            if self.seems is not None:
                self._observer.language_differs(self.seems, language)
