"""The chunk schedule: when buffered text becomes speech."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs


@attrs.frozen
class Chunk:
    """Text released to be spoken."""

    text: str
    """Exactly as in the stream's text, spaces included."""
    start_char: int
    """Where `text` starts in the stream's text."""
    ends_sentence: bool
    """Whether the voice may come to rest here: a sentence ends, or the text was flushed."""
    flushed: bool
    """Whether a flush released it."""


class ChunkSchedule:
    """Buffered text of one stream."""

    def __init__(
        self,
        schedule_chars: Sequence[float] = (120, 160, 250, 290),
        *,
        auto_mode: bool = False,
        find_sentence_end: Callable[[str, int], int | None] | None = None,
        find_phrase_end: Callable[[str, int], int | None] | None = None,
    ) -> None:
        self._buffer = ""
        self._start = 0

    def reschedule(self, schedule_chars: Sequence[float]) -> None:
        """Use another schedule from now on; what was counted stays counted."""

    def feed(self, text: str, now: float) -> list[Chunk]:
        """Take text as it comes; returns what is to be spoken now."""
        self._buffer += text
        return []

    def trigger(self, now: float) -> list[Chunk]:
        """Release at the next boundary, if that gives more than a crumb."""
        return []

    def flush(self, now: float) -> list[Chunk]:
        """Release everything."""
        text, self._buffer = self._buffer, ""
        start, self._start = self._start, self._start + len(text)
        return [Chunk(text, start, True, True)] if text.strip() else []

    def end(self, now: float) -> list[Chunk]:
        """No more text comes: release everything."""
        return self.flush(now)

    def next_deadline(self) -> float | None:
        """When to call `expire`, in seconds on the caller's clock."""
        return None

    def expire(self, now: float) -> list[Chunk]:
        """Release what has waited long enough."""
        return []
