"""The chunk schedule: it decides when buffered text is released to be spoken.

ElevenLabs releases the buffer at 120 characters, then at 160, 250, and always 290 from then on, counted from
the last release.  This schedule is never later, and often earlier:

- A sentence that certainly ends is released at once.  The first one needs MIN_FIRST_CHARS, later ones
  MIN_EARLY_CHARS.  An early release keeps the place in the schedule, so later text does not wait longer.
- No word is cut: at the threshold an unfinished word stays in the buffer.  Only a "word" of MAX_WORD_CHARS is
  cut, because it could grow without end.
- Text that ends like a sentence is released after 100 ms without more text.  The mark alone is not enough:
  "3." may become "3.14".  But a language model sends its next token within about 20 ms, so after 100 ms it
  has stopped.  Without this rule a short answer would wait for a flush, which many clients never send.  If
  the mark may belong to an abbreviation or a decimal, the pause is half a second, longer than between two
  tokens of a slow model.

Pieces are joined as they come.  A space is added only if a piece ends in sentence punctuation and the next
one begins with a letter.  Clients that send whole sentences often omit it ("...first." "And...").  The tokens
of a word are joined without a space ("Hel" "lo").
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

import attrs

from zelitrio.errors import LocalError
from zelitrio.protocol.fields import DEFAULT_CHUNK_SCHEDULE

Finder: TypeAlias = Callable[[str, int], "int | None"]
"""Takes a text and a start; returns the position just after a certain boundary, or None."""

MIN_FIRST_CHARS = 10
"""A shorter first sentence ("1. ") waits for more text, a flush, or the deadline."""
MIN_EARLY_CHARS = 50
"""A later sentence of at least this length is released early.  It is ElevenLabs' minimum for a chunk."""
MIN_TRIGGER_CHARS = 50
"""`try_trigger_generation` releases a buffer of at least this length at once."""
MIN_ARMED_CHARS = 20
"""After a trigger with too little text, the next boundary releases a phrase of at least this length."""
MAX_WORD_CHARS = 400
"""A run of this length without a space is cut."""
SENTENCE_PAUSE_S = 0.1
"""A mark ends a sentence after this time without text."""
DOUBTFUL_PAUSE_S = 0.5
"""The same for a mark that may belong to an abbreviation or a number."""
_SLACK = 1.5
"""Released text of up to this many thresholds is one chunk, because a cut would leave a very short rest."""
_MAX_IDLE_SPACES = 16
"""Kept spaces while only spaces come, so that keep-alives do not fill the buffer."""

_TERMINAL = re.compile(r"[.!?…。！？][\"'”’)\]»]*\Z")
_LATIN_TERMINAL = re.compile(r"[.!?…][\"'”’)\]»]*\Z")
_ANY_TERMINAL = re.compile(r"[.!?…。！？\n]")
_PHRASE = re.compile(r"[.!?…,;:–—][\"'”’)\]»]*\s+|\s[-–—]\s+")
_OPEN_NUMBER = re.compile(r"\d\.\Z")
_SPACES = re.compile(r"\s+")
_LOOK_BACK_CHARS = 80


@attrs.frozen
class Chunk:
    """Text released to be spoken."""

    text: str
    """Exactly as in the stream's text, spaces included."""
    start_char: int
    """Index of its first character in the stream's text (all pieces joined)."""
    ends_sentence: bool
    """Whether the intonation may fall at its end, because a sentence, or the text, ends or was flushed."""
    flushed: bool
    """Whether a flush or the end of the text released it."""


class ChunkSchedule:
    """The buffered text of one stream.  Never waits; `now` is in seconds of the caller's clock.

    Chunks are in order and never blank.  Together they are the stream's text without some runs of spaces.
    Not thread-safe.

    Args:
        schedule_chars: characters to buffer before each release; the last number repeats.
        auto_mode: whether to release text up to the last whole word as it comes, without a schedule.
        takes_sentences: whether clients end each whole sentence with a space: such text is released at
            once, unless its mark may belong to an abbreviation or a number.
        find_sentence_end: finds the first certain sentence end after a position; None: no early release.
        find_phrase_end: finds the last comma, colon or dash to cut at; None: a simple pattern.
    """

    def __init__(
        self,
        schedule_chars: Sequence[float] = DEFAULT_CHUNK_SCHEDULE,
        *,
        auto_mode: bool = False,
        takes_sentences: bool = False,
        find_sentence_end: Finder | None = None,
        find_phrase_end: Finder | None = None,
    ) -> None:
        self._auto_mode = auto_mode
        self._takes_sentences = takes_sentences
        self._find_sentence_end = find_sentence_end
        self._find_phrase_end = find_phrase_end
        self._buffer = ""
        self._buffer_start = 0
        self._text_so_far_tail = ""
        self._previous_has_space = False
        self._index = 0
        self._has_released = False
        self._is_armed = False
        self._deadline: float | None = None
        self.reschedule(schedule_chars)

    @property
    def pending_chars(self) -> int:
        """Number of buffered characters."""
        return len(self._buffer)

    def reschedule(self, schedule_chars: Sequence[float]) -> None:
        """Use another schedule from now on, at the same place in it.

        Raises:
            LocalError: the schedule is empty or has a number below 1.
        """
        if not schedule_chars or min(schedule_chars) < 1:
            raise LocalError(f"schedule_chars: expected positive numbers, found {tuple(schedule_chars)}")
        self._schedule = tuple(schedule_chars)

    def feed(self, text: str, now: float, *, continues: bool = False) -> list[Chunk]:
        """Take a piece of text and return the chunks that it releases.

        This takes about 1 us per character.  Feed a long piece in slices if that is too long, with
        `continues` for all but the first, so that no space is added between them.
        """
        if not text:
            return []
        self._join(text, continues)
        chunks = self._release_auto() if self._auto_mode else self._release_due()
        if self._takes_sentences and self._buffer[-1:].isspace() and self._pause_s() == SENTENCE_PAUSE_S:
            return chunks + self._release_all(flushed=False)
        self._set_deadline(now)
        return chunks

    def trigger(self, now: float) -> list[Chunk]:
        """Release text up to its last sentence or phrase end.

        With fewer than MIN_TRIGGER_CHARS buffered, the next such end releases it instead.
        """
        self._is_armed = not self._auto_mode
        if self._auto_mode or len(self._buffer.strip()) < MIN_TRIGGER_CHARS:
            return []
        chunks = self._release_armed(MIN_FIRST_CHARS)
        if chunks:
            self._set_deadline(now)
        return chunks

    def flush(self, now: float) -> list[Chunk]:
        """Release everything, including a partial word; a buffer of only spaces gives no chunk."""
        return self._release_all(flushed=True)

    def end(self, now: float) -> list[Chunk]:
        """Release everything at the end of the text, as `flush` does."""
        return self._release_all(flushed=True)

    def next_deadline(self) -> float | None:
        """Time of the next `expire` on the caller's clock, if any."""
        return self._deadline

    def expire(self, now: float) -> list[Chunk]:
        """Release the sentence at its deadline; do nothing before."""
        if self._deadline is None or now < self._deadline:
            return []
        return self._release_all(flushed=False)

    # Taking text.

    def _join(self, text: str, continues: bool) -> None:
        if not continues and self._needs_space(text):
            text = " " + text
        self._previous_has_space = " " in text.strip()
        self._text_so_far_tail = (self._text_so_far_tail + text[-_LOOK_BACK_CHARS:])[-_LOOK_BACK_CHARS:]
        if len(self._buffer) >= _MAX_IDLE_SPACES and not text.strip() and not self._buffer.strip():
            return
        self._buffer += text

    def _needs_space(self, text: str) -> bool:
        first = text[0]
        if not first.isalpha() or not _LATIN_TERMINAL.search(self._text_so_far_tail):
            return False
        # "example." "com" are tokens of one word, unless the piece before has several words.
        return not first.islower() or self._previous_has_space

    def _set_deadline(self, now: float) -> None:
        pause_s = self._pause_s()
        self._deadline = None if pause_s is None else now + pause_s

    def _pause_s(self) -> float | None:
        """The pause after which the buffer is released; None if it does not end like a sentence."""
        if not self._ends_sentence(self._buffer):
            return None
        tail = self._buffer[-_LOOK_BACK_CHARS:].rstrip()
        # Tested with a name: a sentence continues after "Dr." and ends after "done.".
        is_sure = not _OPEN_NUMBER.search(tail) and self._ends_before(tail, "Zed")
        return SENTENCE_PAUSE_S if is_sure else DOUBTFUL_PAUSE_S

    # Releasing.

    def _release_due(self) -> list[Chunk]:
        chunks = self._release_armed(MIN_ARMED_CHARS) if self._is_armed else []
        while True:
            is_due = len(self._buffer) >= self._threshold()
            end = self._last_word_end() if is_due else self._early_end()
            if end == 0:
                return chunks
            released = self._release(end)
            self._index += is_due and bool(released)
            chunks += released

    def _release_auto(self) -> list[Chunk]:
        tail = self._buffer[-_LOOK_BACK_CHARS:]
        is_whole = _TERMINAL.search(tail) and not _OPEN_NUMBER.search(tail)
        return self._release(len(self._buffer) if is_whole else self._last_word_end())

    def _release_armed(self, min_chars: int) -> list[Chunk]:
        end = max([*self._sentence_ends(self._buffer), self._phrase_end(self._buffer)])
        if end < min_chars:
            return []
        self._is_armed = False
        chunks = self._release(end)
        self._index += bool(chunks)
        return chunks

    def _release_all(self, *, flushed: bool) -> list[Chunk]:
        self._deadline = None
        if flushed:
            self._is_armed = False
            self._index += bool(self._buffer.strip())
        chunks = self._release(len(self._buffer), flushed=flushed)
        if chunks:
            chunks[-1] = attrs.evolve(chunks[-1], ends_sentence=True)
        return chunks

    def _release(self, end: int, *, flushed: bool = False) -> list[Chunk]:
        chunks: list[Chunk] = []
        done = 0
        while done < end:
            size = self._piece_size(done, end, self._threshold(len(chunks)))
            text = self._buffer[done : done + size]
            if text.strip():
                start_char = self._buffer_start + done
                chunks.append(Chunk(text, start_char, self._ends_sentence(text), flushed))
                self._has_released = True
            done += size
        self._buffer = self._buffer[done:]
        self._buffer_start += done
        return chunks

    # Where to cut.

    def _threshold(self, ahead: int = 0) -> int:
        return math.ceil(self._schedule[min(self._index + ahead, len(self._schedule) - 1)])

    def _piece_size(self, start: int, end: int, threshold: int) -> int:
        """Length of the next chunk of buffer[start:end]: cut at a sentence, else a phrase, else a word."""
        rest = end - start
        # The finder also needs the text after a mark to decide whether a sentence ends.
        seen = self._buffer[start : start + int(threshold * _SLACK) + _LOOK_BACK_CHARS]
        if not self._has_released:
            for size in self._sentence_ends(seen):
                if size <= min(rest, threshold) and len(seen[:size].strip()) >= MIN_FIRST_CHARS:
                    return size
        if rest <= threshold * _SLACK:
            return rest
        sizes = [size for size in self._sentence_ends(seen) if MIN_EARLY_CHARS <= size <= threshold]
        if sizes:
            return sizes[-1]
        size = self._phrase_end(seen[:threshold])
        if size >= MIN_EARLY_CHARS:
            return size
        run = self._buffer[start : start + min(rest, MAX_WORD_CHARS)]
        if size := _after_last_space(run[:threshold]):
            return size
        space = _SPACES.search(run)
        return space.end() if space else len(run)

    def _last_word_end(self) -> int:
        end = _after_last_space(self._buffer)
        return len(self._buffer) if len(self._buffer) - end >= MAX_WORD_CHARS else end

    def _early_end(self) -> int:
        best = 0
        for end in self._sentence_ends(self._buffer):
            chars = len(self._buffer[:end].strip())
            if not self._has_released and chars >= MIN_FIRST_CHARS:
                return end
            if chars >= MIN_EARLY_CHARS:
                best = end
        return best

    def _phrase_end(self, text: str) -> int:
        if self._find_phrase_end is not None:
            return self._find_phrase_end(text, 0) or 0
        return max((match.end() for match in _PHRASE.finditer(text)), default=0)

    def _sentence_ends(self, text: str) -> Iterator[int]:
        if self._find_sentence_end is None or not _ANY_TERMINAL.search(text):
            return
        start = 0
        while (end := self._find_sentence_end(text, start)) is not None and end > start:
            yield end
            start = end

    def _ends_sentence(self, text: str) -> bool:
        """Whether a sentence ends with the text, if nothing or a new sentence follows."""
        tail = text[-_LOOK_BACK_CHARS:].rstrip()
        if not _TERMINAL.search(tail):
            return False
        return self._ends_before(tail, "The")

    def _ends_before(self, tail: str, word: str) -> bool:
        """Whether a sentence ends with a text that ends in a terminal mark, if `word` follows."""
        if self._find_sentence_end is None:
            return True
        return any(end >= len(tail) for end in self._sentence_ends(f"{tail} {word} "))


def _after_last_space(text: str) -> int:
    if text[-1:].isspace():
        return len(text)
    words = text.rsplit(None, 1)
    return len(text) - len(words[-1]) if words else 0
