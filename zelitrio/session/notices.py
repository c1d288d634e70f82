"""Text of a stream that its voice cannot speak: emoji, other scripts, odd symbols, another language."""

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
    """Problems of one stream's text, for the log and for reports.  Each is logged once per stream.

    Attributes:
        skipped: the first text that is not spoken; empty if there is none.
        seems: the language that the text seems to be in, if the voice reads another one.
    """

    _observer: Observer
    skipped: str = attrs.field(default="", init=False)
    seems: str | None = attrs.field(default=None, init=False)
    _guess: LanguageGuess = attrs.field(factory=LanguageGuess, init=False)

    def of(self, language: str, *, ssml: bool) -> Callable[[Utterance], None] | None:
        """The function to call with each utterance that is read; None with SSML, whose tags are unspoken."""
        return None if ssml else partial(self.read, language=language)

    def read(self, utterance: Utterance, language: str) -> None:
        """Look for problems in an utterance that was read in a language."""
        if not self.skipped and (skipped := first_unspoken(utterance)):
            self.skipped = skipped
            self._observer.text_skipped(skipped)
        if self.seems is None and not self._guess.is_done:
            self.seems = seems_other(self._guess, utterance.source, language)
            if self.seems is not None:
                self._observer.language_differs(self.seems, language)
