"""The chunk schedule: when buffered text becomes speech.  Text and time in, chunks and the next deadline out.

The vendor speaks the buffer when it holds 120 characters, then a further 160, 250, and 290 from then on;
counting restarts after each release.  This schedule is never later.  It is often earlier:

- A sentence that certainly ends is released at once.  The first one needs MIN_FIRST_CHARS, a later one
  MIN_EARLY_CHARS.  An early release does not change the place in the schedule, so the text after it does not
  wait longer.
- No word is cut: at the threshold a word that may still grow stays in the buffer.  Only a "word" of 400
  characters is cut, because it could grow without end.
- Text that ends like a sentence is released after 100 ms without more text.  The mark alone is no proof: "3."
  may become "3.14".  But a language model has its next token within about 20 ms, so after 100 ms it has
  stopped.  Without this rule a short answer would wait for a flush that many clients never send.  If the mark
  may belong to an abbreviation or a decimal, the pause is half a second, longer than a slow model's token.

Pieces are joined as they come.  One space is added where a piece ends in sentence punctuation and the next
piece starts with a letter.  Clients that send whole sentences leave the space out ("...first." "And..."), and
clients that send single tokens need none ("Hel" "lo").
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
"""Takes a text and a start position; returns the position just after a certain boundary, or None."""

MIN_FIRST_CHARS = 10
"""A shorter first sentence ("1. ") waits for more text, a flush, or the deadline."""
MIN_EARLY_CHARS = 50
"""A later sentence of this length is released early: the vendor's minimum for a generation."""
MIN_TRIGGER_CHARS = 50
"""`try_trigger_generation` releases at once a buffer of this length."""
MIN_ARMED_CHARS = 20
"""The shortest phrase that the next boundary releases, after a trigger that found too little text."""
MAX_WORD_CHARS = 400
"""A run without a space as long as this is cut."""
SENTENCE_PAUSE_S = 0.1
"""Silence after a terminal mark that makes it a sentence's end."""
DOUBTFUL_PAUSE_S = 0.5
"""The same where the mark may belong to an abbreviation or a number."""
_SLACK = 1.5
"""A release of at most this many thresholds is one chunk: a cut would leave a very short rest."""
_MAX_IDLE_SPACES = 16
"""Spaces that are kept while only spaces come: keep-alives must not grow the buffer."""

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
    """Where `text` starts in the stream's text: all pieces, joined."""
    ends_sentence: bool
    """Whether the voice may come to rest here: a sentence ends, or the text was flushed or ended."""
    flushed: bool
    """Whether a flush or the end released it."""


class ChunkSchedule:
    """The text of one stream on its way to speech.  Never waits; `now` is seconds on the caller's clock.

    Chunks come in order, none is blank, and each says where it starts, so that together they spell the
    stream's text but for dropped runs of spaces.  Not thread-safe.

    Args:
        schedule_chars: characters to buffer before each release; the last holds for ever.
        auto_mode: no schedule: text that ends in a word boundary is released as it comes, a partial word
            waits for its rest.
        find_sentence_end: finds the first certain sentence end after a position; without it nothing is
            released early.
        find_phrase_end: finds the last comma, colon or dash to break at; a plain one is built in.
    """

    def __init__(
        self,
        schedule_chars: Sequence[float] = DEFAULT_CHUNK_SCHEDULE,
        *,
        auto_mode: bool = False,
        find_sentence_end: Finder | None = None,
        find_phrase_end: Finder | None = None,
    ) -> None:
        self._auto_mode = auto_mode
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
        """Characters that have not been released."""
        return len(self._buffer)

    def reschedule(self, schedule_chars: Sequence[float]) -> None:
        """Use another schedule from now on; the place in it is kept.

        Raises:
            LocalError: the schedule is empty or holds something below one character.
        """
        if not schedule_chars or min(schedule_chars) < 1:
            raise LocalError(f"schedule_chars: expected positive numbers, found {tuple(schedule_chars)}")
        self._schedule = tuple(schedule_chars)

    def feed(self, text: str, now: float, *, continues: bool = False) -> list[Chunk]:
        """Take a piece of text; returns what is to be spoken now.

        A long piece takes about a microsecond per character: feed it in slices where that matters, with
        `continues` for all but the first, so that no space is put where the slices meet.
        """
        if not text:
            return []
        self._join(text, continues)
        chunks = self._release_auto() if self._auto_mode else self._release_due()
        self._set_deadline(now)
        return chunks

    def trigger(self, now: float) -> list[Chunk]:
        """Release up to the last sentence or phrase end, if 50 characters wait; else at the next such end."""
        self._is_armed = not self._auto_mode
        if self._auto_mode or len(self._buffer.strip()) < MIN_TRIGGER_CHARS:
            return []
        chunks = self._release_armed(MIN_FIRST_CHARS)
        if chunks:
            self._set_deadline(now)
        return chunks

    def flush(self, now: float) -> list[Chunk]:
        """Release everything, partial words too; nothing when only spaces wait."""
        return self._release_all(flushed=True)

    def end(self, now: float) -> list[Chunk]:
        """No more text comes: the same as a flush."""
        return self._release_all(flushed=True)

    def next_deadline(self) -> float | None:
        """When to call `expire`, in seconds on the caller's clock; None: only more text can release more."""
        return self._deadline

    def expire(self, now: float) -> list[Chunk]:
        """Release a sentence that has had its 100 ms; nothing before `next_deadline`."""
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
        # "example." "com" are tokens of one word; a whole sentence before the mark says that they are not.
        return not first.islower() or self._previous_has_space

    def _set_deadline(self, now: float) -> None:
        self._deadline = None
        if self._ends_sentence(self._buffer):
            tail = self._buffer[-_LOOK_BACK_CHARS:].rstrip()
            # Before a name "Dr." goes on and "done." does not.
            is_sure = not _OPEN_NUMBER.search(tail) and self._ends_before(tail, "Zed")
            self._deadline = now + (SENTENCE_PAUSE_S if is_sure else DOUBTFUL_PAUSE_S)

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
        """Length of the next chunk of buffer[start:end], by sentences, phrases, words, in this order."""
        rest = end - start
        # The text after a mark decides whether a sentence ends there, so the finder sees more than can be
        # cut.
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
        """Whether the text would be a sentence if nothing, or another sentence, followed."""
        tail = text[-_LOOK_BACK_CHARS:].rstrip()
        if not _TERMINAL.search(tail):
            return False
        return self._ends_before(tail, "The")

    def _ends_before(self, tail: str, word: str) -> bool:
        """Whether a text that ends in a terminal mark is a sentence if `word` comes next."""
        if self._find_sentence_end is None:
            return True
        return any(end >= len(tail) for end in self._sentence_ends(f"{tail} {word} "))


def _after_last_space(text: str) -> int:
    """Position just after the last space of a text; 0 when it has none."""
    if text[-1:].isspace():
        return len(text)
    words = text.rsplit(None, 1)
    return len(text) - len(words[-1]) if words else 0
