"""What the front end makes of a text: words with their phones, and the breaks between them."""

from __future__ import annotations

import enum

import attrs

Phones = tuple[str, ...]
"""ARPAbet phones in order; a vowel ends in its stress digit: ``("HH", "AH0", "L", "OW1")``."""


class Break(enum.Enum):
    """What follows a word: nothing, the pause of a punctuation mark, or the end of the chunk."""

    START = "start"
    NONE = "none"
    COMMA = "comma"
    COLON = "colon"
    DASH = "dash"
    STOP = "stop"
    QUESTION = "question"
    EXCLAIM = "exclaim"
    PARAGRAPH = "paragraph"
    CUT = "cut"
    """The chunk ended in mid-sentence: the speech goes on in the next one, so no falling tone."""


@attrs.frozen
class Word:
    """One spoken word."""

    spoken: str
    """Lower-case spoken form: "twenty" for the first half of "20"."""
    span: tuple[int, int]
    """Half-open range of the source characters it came from; several words may share one."""
    phones: Phones
    after: Break = Break.NONE
    pause_s: float | None = None
    """Seconds of silence asked for after the word by ``<break time=...>``; None: the model chooses."""


@attrs.frozen
class Utterance:
    """One chunk of text, read: immutable, safe to share between threads."""

    source: str
    words: tuple[Word, ...]
    pause_s: float | None = None
    """Seconds of silence asked for before the first word; None: the model chooses."""
    said_before: tuple[Word, ...] = ()
    """Words of the same sentence that were spoken earlier, elsewhere.  They are not heard again, but the
    melody goes on from them, and so does the speech, without a pause."""

    @property
    def phones(self) -> Phones:
        """All phones of all words, in order."""
        return tuple(phone for word in self.words for phone in word.phones)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to speak."""
        return not self.words
