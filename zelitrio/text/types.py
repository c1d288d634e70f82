"""The values of the front end: words with their phones, breaks between them, utterances."""

from __future__ import annotations

import enum

import attrs

Phones = tuple[str, ...]
"""ARPAbet phones in order; a vowel ends in its stress digit: ``("HH", "AH0", "L", "OW1")``.

Of other languages they are IPA, without stress."""


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
    """The chunk ended in mid-sentence: the speech goes on in the next one, so no falling tone."""


SENTENCE_ENDS = (Break.STOP, Break.QUESTION, Break.EXCLAIM, Break.PARAGRAPH)
"""Breaks that end a sentence."""
PHRASE_ENDS = (Break.COMMA, Break.COLON, Break.DASH)
"""Breaks inside a sentence."""


@attrs.frozen
class Prosody:
    """How tags ask to speak a word."""

    rate: float = 1.0
    """How much faster than usual."""
    pitch: float = 0.0
    """ln f0 to add to the melody."""
    volume_db: float = 0.0
    """How much louder than usual."""


@attrs.frozen(slots=False)  # made for every word, and in half the time that slots take
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
    prosody: Prosody | None = None
    """What ``<prosody>`` and ``<emphasis>`` ask for."""
    symbols: str | None = None
    """How its voice writes it; None: the voice spells the phones by its own table."""

    @property
    def pauses(self) -> bool:
        """Whether a pause follows."""
        return self.pause_s is not None or self.after not in (Break.NONE, Break.CUT)


@attrs.frozen
class Utterance:
    """A chunk of text after text processing.  Immutable, so streams and threads share it.

    Attributes:
        source: the characters that it came from.
        words: the words that are heard.
        pause_s: seconds of silence asked for before the first word that is read; None: the model chooses.
        number: its place among the spoken utterances of its stream, from 0.
        context: earlier words of the same sentence.  The model reads them before `words`, so that the melody
            continues, but they are not heard again.  Empty at the beginning of a sentence.
        joins: whether the utterance before it stopped in mid-sentence, so that no pause comes between.
    """

    source: str
    words: tuple[Word, ...]
    pause_s: float | None = None
    number: int = 0
    context: tuple[Word, ...] = ()
    joins: bool = False

    @property
    def read_words(self) -> tuple[Word, ...]:
        """All words that the model reads: the context, then what is heard."""
        return (*self.context, *self.words) if self.context else self.words

    @property
    def phones(self) -> Phones:
        """All phones of what is heard, in order."""
        return tuple(phone for word in self.words for phone in word.phones)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to speak."""
        return not self.words

    @property
    def is_cut(self) -> bool:
        """Whether it stops in mid-sentence."""
        return bool(self.words) and self.words[-1].after is Break.CUT
