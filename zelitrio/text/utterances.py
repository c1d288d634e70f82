"""The reader of a stream: it turns chunks of text into finished utterances.

It handles everything that depends on the text: tags, words, breaks, sentences that continue in the next
chunk, and utterances that are too long for the model.  Later stages do not change words.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from zelitrio.text.blocks import Blocks, SkippedParts, knows_performance_tags
from zelitrio.text.continuation import Continuation, open_sentence
from zelitrio.text.front_end import FrontEnd, load_front_end
from zelitrio.text.limit import Limit
from zelitrio.text.open_formulas import FormulaKeeper, restore_spaces
from zelitrio.text.open_tags import TagKeeper, restore_tags
from zelitrio.text.splitting import split_utterance
from zelitrio.text.ssml import read_markup
from zelitrio.text.types import Prosody, Utterance, Word


@attrs.frozen(kw_only=True)
class Reading:
    """How the text of one stream is read.

    Attributes:
        front_end: reads the words; None: the shared front end.
        normalise: whether to read dates, money, abbreviations and so on as words.
        ssml: whether SSML tags have an effect.
        model_id: the model that the client named; with some models `[happy]` is a tag.
        previous_text: text of an earlier request.  The first chunk continues its last sentence if
            that is open.
        next_text: text of a later request.  If given, the intonation does not fall at the end of a text
            without a mark.
    """

    front_end: FrontEnd | None = None
    normalise: bool = True
    ssml: bool = False
    model_id: str | None = None
    previous_text: str = ""
    next_text: str = ""


@attrs.define(eq=False)
class StreamReader:
    """Reads the text of one stream.  Never waits or raises.

    Args:
        front_end: finds the words of a chunk.
        reading: how the text is read.
        limit: the model's limits.
        skipped: the parts of the text that are not spoken.
    """

    _front_end: FrontEnd
    _reading: Reading = attrs.field(factory=Reading)
    _limit: Limit = attrs.field(factory=Limit)
    _continuation: Continuation = attrs.field(init=False)
    _skipped: SkippedParts = attrs.field(factory=SkippedParts)
    _blocks: Blocks = attrs.field(init=False)
    _tags: TagKeeper = attrs.field(factory=TagKeeper, init=False)
    _formulas: FormulaKeeper = attrs.field(factory=FormulaKeeper, init=False)
    _is_first: bool = attrs.field(default=True, init=False)
    _opened: tuple[Prosody, ...] = attrs.field(default=(), init=False)
    """Prosody of the elements that earlier chunks left open."""

    def __attrs_post_init__(self) -> None:
        self._continuation = Continuation(self._limit)
        performs = knows_performance_tags(self._reading.model_id)
        self._blocks = Blocks(attrs.evolve(self._skipped, performance=performs or self._skipped.performance))

    @property
    def held_chars(self) -> int:
        """Number of characters that `hold_tags` holds."""
        return self._tags.held_chars + self._formulas.held_chars

    def hold_tags(self, piece: str) -> str:
        """Take a piece and return the text that may be cut into chunks.

        Tags, formulas and links in it are complete and have no spaces, so that they are not cut.  An open one
        is held.
        """
        return self._formulas.feed(self._tags.feed(piece) if self._reading.ssml else piece)

    def release_tags(self) -> str:
        """Return the held text, because no more will come before the next chunk."""
        return self._formulas.finish(self._tags.take())

    def read(self, chunk: str, *, ends_sentence: bool = True, is_flushed: bool = True) -> list[Utterance]:
        """Read the next chunk.

        Args:
            chunk: from the chunk schedule.
            ends_sentence: whether the sentence may end with it.
            is_flushed: whether the client flushed or ended the text here.

        Returns:
            Utterances in order.  A chunk without words gives one utterance without words or number.
        """
        is_first, self._is_first = self._is_first, False
        source = restore_spaces(restore_tags(chunk) if self._reading.ssml else chunk)
        readable = self._blocks.blank(source)
        opened = self._opened
        if self._reading.ssml and ("<" in readable or opened):
            self._opened = read_markup(readable, opened).left_open
        goes_on = is_flushed and bool(self._reading.next_text.strip())
        utterance = self._utterance(readable, ends_sentence=ends_sentence and not goes_on, opened=opened)
        if readable is not source:
            utterance = attrs.evolve(utterance, source=source)
        if utterance.is_empty:
            return [utterance]
        previous = self._previous(source) if is_first else ()
        first, *others = split_utterance(utterance, self._limit)
        place = self._continuation.place
        return [place(first, previous), *(place(other) for other in others)]

    def _previous(self, source: str) -> tuple[Word, ...]:
        before = self._reading.previous_text and open_sentence(self._reading.previous_text, source)
        return self._utterance(before).words if before else ()

    def _utterance(
        self, text: str, *, ends_sentence: bool = True, opened: Sequence[Prosody] = ()
    ) -> Utterance:
        reading = self._reading
        return self._front_end.utterance(
            text,
            ends_sentence=ends_sentence,
            normalise=reading.normalise,
            ssml=reading.ssml,
            opened=opened,
        )


def read_text(*chunks: str, front_end: FrontEnd | None = None, limit: Limit | None = None) -> list[Utterance]:
    """Read a whole text or its chunks; every chunk but the last ends in mid-sentence."""
    reader = StreamReader(front_end or load_front_end(), Reading(), limit or Limit())
    last = len(chunks) - 1
    read = [reader.read(chunk, ends_sentence=at == last) for at, chunk in enumerate(chunks)]
    return [utterance for utterances in read for utterance in utterances if not utterance.is_empty]
