"""One reader per stream: chunks of text in, finished utterances out.

Everything that a text decides about speech is decided here: tags, words, breaks, how a sentence continues,
and where a long utterance is split.  Nothing after this changes a word.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from zelitrio.text.blocks import Blocks, Unheard, knows_performance_tags
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
        front_end: None for the one that all streams share.
        normalise: read numbers, dates and the like as words.
        ssml: obey `<break>` and `<phoneme>` tags.
        model_id: as the client asked for it; some models have tags such as `[happy]`.
        previous_text: of an earlier request.  If its last sentence is open, the first chunk continues
            that sentence.
        next_text: of a later request.  If there is any, a text without a mark at its end stays
            level.
    """

    front_end: FrontEnd | None = None
    normalise: bool = True
    ssml: bool = False
    model_id: str | None = None
    previous_text: str = ""
    next_text: str = ""


@attrs.define(eq=False)
class StreamReader:
    """Reads the text of one stream.  Never waits and never raises, whatever the text.

    Args:
        front_end: finds the words of a chunk.
        reading: how the text is read.
        limit: of the model that speaks it.
        unheard: what of the text is not spoken.
    """

    _front_end: FrontEnd
    _reading: Reading = attrs.field(factory=Reading)
    _limit: Limit = attrs.field(factory=Limit)
    _continuation: Continuation = attrs.field(init=False)
    _unheard: Unheard = attrs.field(factory=Unheard)
    _blocks: Blocks = attrs.field(init=False)
    _tags: TagKeeper = attrs.field(factory=TagKeeper, init=False)
    _formulas: FormulaKeeper = attrs.field(factory=FormulaKeeper, init=False)
    _is_first: bool = attrs.field(default=True, init=False)
    _opened: tuple[Prosody, ...] = attrs.field(default=(), init=False)
    """Elements that earlier chunks left open."""

    def __attrs_post_init__(self) -> None:
        self._continuation = Continuation(self._limit)
        performs = knows_performance_tags(self._reading.model_id)
        self._blocks = Blocks(attrs.evolve(self._unheard, performance=performs or self._unheard.performance))

    @property
    def held_chars(self) -> int:
        """Characters that `hold_tags` holds."""
        return self._tags.held_chars + self._formulas.held_chars

    def hold_tags(self, piece: str) -> str:
        """Take a piece and return what may be cut into chunks: tags, formulas and links are whole, and
        have no spaces.

        One that is still open is held until its end comes.
        """
        return self._formulas.feed(self._tags.feed(piece) if self._reading.ssml else piece)

    def release_tags(self) -> str:
        """Return the open tag that is held; its end will not come."""
        return self._formulas.finish(self._tags.take())

    def read(self, chunk: str, *, ends_sentence: bool = True, is_flushed: bool = True) -> list[Utterance]:
        """Read the next chunk.

        Args:
            chunk: as the chunk schedule released it.
            ends_sentence: whether the sentence may end here.
            is_flushed: whether the client asked to speak this now, or ended the text.

        Returns:
            Utterances in order.  A chunk without words gives one utterance that has none and no number.
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
        """Words of the sentence that an earlier request left open."""
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
    """Read a whole text, or the chunks of one; every chunk but the last ends in mid-sentence."""
    reader = StreamReader(front_end or load_front_end(), Reading(), limit or Limit())
    last = len(chunks) - 1
    read = [reader.read(chunk, ends_sentence=at == last) for at, chunk in enumerate(chunks)]
    return [utterance for utterances in read for utterance in utterances if not utterance.is_empty]
