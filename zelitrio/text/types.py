"""The values of the front end: words with their phones, breaks between them, utterances."""

from __future__ import annotations

import enum

import attrs

Phones = tuple[str, ...]
"""Phones in order.

English: ARPAbet, vowels with a stress digit: ``("HH", "AH0", "L", "OW1")``.  Other languages: IPA without
stress marks.
"""


class Break(enum.Enum):
    """The break after a word: none, the pause of a punctuation mark, or the end of the chunk."""

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
    """The chunk ends in mid-sentence, so the intonation does not fall."""


SENTENCE_ENDS = (Break.STOP, Break.QUESTION, Break.EXCLAIM, Break.PARAGRAPH)
"""Breaks that end a sentence."""
PHRASE_ENDS = (Break.COMMA, Break.COLON, Break.DASH)
"""Breaks inside a sentence."""


@attrs.frozen
class Prosody:
    """Rate, pitch and volume of a word, as tags request them."""

    rate: float = 1.0
    """Speed relative to the usual one."""
    pitch: float = 0.0
    """Added to ln f0."""
    volume_db: float = 0.0
    """Gain in dB."""


@attrs.frozen(slots=False)  # one is made for every word; with slots that takes twice as long
class Word:
    """One spoken word."""

    spoken: str
    """Lower-case spoken form: "twenty" for the first half of "20"."""
    span: tuple[int, int]
    """Half-open range of the source characters it came from; several words may share one."""
    phones: Phones
    after: Break = Break.NONE
    pause_s: float | None = None
    """Seconds of silence that ``<break time=...>`` requests after the word; None: the model chooses."""
    prosody: Prosody | None = None
    """Set by ``<prosody>`` and ``<emphasis>``; None: no change."""
    symbols: str | None = None
    """Its pronunciation in the alphabet of its voice; None: the voice converts the phones."""

    @property
    def pauses(self) -> bool:
        """Whether a pause follows."""
        return self.pause_s is not None or self.after not in (Break.NONE, Break.CUT)


@attrs.frozen
class Utterance:
    """A chunk of text after text processing.  Immutable, so streams and threads share it.

    Attributes:
        source: the characters that it came from.
        words: the spoken words.
        pause_s: requested seconds of silence before the first read word; None: the model chooses.
        number: its index among the stream's utterances with words, from 0.
        context: earlier words of the same sentence.  The model reads them before `words`, so that the
            intonation continues, but they are not heard again.  Empty at the beginning of a sentence.
        joins: whether the previous utterance stopped in mid-sentence, so that no pause is between them.
    """

    source: str
    words: tuple[Word, ...]
    pause_s: float | None = None
    number: int = 0
    context: tuple[Word, ...] = ()
    joins: bool = False

    @property
    def read_words(self) -> tuple[Word, ...]:
        """All words that the model reads: the context, then `words`."""
        return (*self.context, *self.words) if self.context else self.words

    @property
    def phones(self) -> Phones:
        """The phones of `words`, in order."""
        return tuple(phone for word in self.words for phone in word.phones)

    @property
    def is_empty(self) -> bool:
        """Whether it has no words."""
        return not self.words

    @property
    def is_cut(self) -> bool:
        """Whether it stops in mid-sentence."""
        return bool(self.words) and self.words[-1].after is Break.CUT
