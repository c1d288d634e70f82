"""The front end: it turns a chunk of text into words with phones and breaks."""

from __future__ import annotations

import functools
import logging
from collections.abc import Sequence

import attrs

from zelitrio.text.letter_to_sound import load_letter_to_sound
from zelitrio.text.lexicon import Lexicon, load_lexicon
from zelitrio.text.normalise import tokenise
from zelitrio.text.pronounce import pronounce
from zelitrio.text.spoken_text import spoken_text
from zelitrio.text.ssml import Markup, apply_markup, leading_pause_s, read_markup
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones, Prosody, Utterance, Word

_log = logging.getLogger(__name__)


@attrs.define(eq=False)
class ReadText:
    """A text before it becomes an utterance: its tokens, their phones, and its tags."""

    tokens: list[Token]
    phones: list[Phones]
    markup: Markup | None


@attrs.frozen(eq=False)
class FrontEnd:
    """Reads text.  Immutable, so all streams and threads share it."""

    lexicon: Lexicon = attrs.field(factory=load_lexicon)

    def utterance(
        self,
        text: str,
        *,
        ends_sentence: bool = True,
        normalise: bool = True,
        ssml: bool = False,
        opened: Sequence[Prosody] = (),
    ) -> Utterance:
        """Read one chunk into words with phones and breaks.

        Never waits or raises.  Time is linear in the length, about 0.05 ms for a sentence.  Text that cannot
        be spoken is skipped, so the result may have no words.

        Args:
            text: the chunk.
            ends_sentence: whether the sentence ends with the chunk.  If not, and no mark ends the text, the
                last break is `Break.CUT`.
            normalise: whether to read abbreviations, dates, money and so on as words; plain numbers are
                always read.
            ssml: whether tags such as ``<break>`` and ``<phoneme>`` are instructions.
            opened: prosody of elements that an earlier chunk left open; see `left_open`.
        """
        return self._utterance(text, self._read(text, normalise, ssml, opened), ends_sentence)

    def explained(
        self, text: str, *, normalise: bool = True, ssml: bool = False
    ) -> tuple[Utterance, tuple[str, ...]]:
        """Read a text; return the utterance, and the rule's name of each word."""
        read = self._read(text, normalise, ssml)
        rules = [token.rule for token, phones in zip(read.tokens, read.phones, strict=True) if phones]
        return self._utterance(text, read, ends_sentence=True), tuple(rules)

    def _read(self, text: str, normalise: bool, ssml: bool, opened: Sequence[Prosody] = ()) -> ReadText:
        markup = read_markup(text, opened) if ssml and ("<" in text or opened) else None
        readable = markup.text if markup is not None else text
        edits = markup.edits if markup is not None else ()
        reader = tokenise(readable, self.lexicon, is_plain=not normalise, edits=edits)
        if reader.skipped:
            _log_once("text in a script that this voice does not speak is skipped")
        tokens = apply_markup(markup, reader.tokens) if markup is not None else reader.tokens
        return ReadText(tokens, pronounce(tokens, readable, self.lexicon), markup)

    def _utterance(self, text: str, read: ReadText, ends_sentence: bool) -> Utterance:
        words = [
            Word(token.spoken, (token.start, token.end), phones, token.after, token.pause_s, token.prosody)
            for token, phones in zip(read.tokens, read.phones, strict=True)
            if phones
        ]
        if words and words[-1].after is Break.NONE:
            words[-1] = attrs.evolve(words[-1], after=Break.STOP if ends_sentence else Break.CUT)
        pause_s = leading_pause_s(read.markup, read.tokens) if read.markup is not None else None
        return Utterance(text, tuple(words), pause_s)

    def normalise(self, text: str) -> str:
        """The text as it is spoken: lower-case words with the marks between them."""
        return spoken_text(self.utterance(text)).text

    def with_lexicon(self, lexicon: Lexicon) -> FrontEnd:
        """The same front end with another lexicon."""
        return attrs.evolve(self, lexicon=lexicon)


@functools.cache
def load_front_end() -> FrontEnd:
    """The front end with the built-in lexicon, cached.  The first call takes about half a second."""
    load_letter_to_sound()  # loaded now, so that no stream waits for it
    return FrontEnd()


@functools.cache
def _log_once(message: str) -> None:
    _log.warning(message)
