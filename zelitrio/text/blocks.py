"""Parts of a stream that are not spoken: reasoning, fenced code, performance tags.

They may span many chunks, so one `Blocks` follows one stream.  Spaces replace them one by one, so spans stay
valid.
"""

from __future__ import annotations

import re

import attrs

_MODELS_WITH_TAGS = ("eleven_v3",)
_REASONING = re.compile(r"<(?P<name>think|thinking|thought|reasoning)>", re.IGNORECASE)
_FENCE = re.compile(r"(?P<fence>`{3,9}|~{3,9})[^\n`~]{0,80}(?=\n|\Z)")
_PERFORMANCE = re.compile(r"\[(?=[A-Za-z])[A-Za-z ,'’-]{1,40}\](?!\()")
_NOT_NEW_LINE = re.compile(r"[^\n]")


@attrs.frozen(kw_only=True)
class SkippedParts:
    """The parts of a text that are not spoken.

    Attributes:
        reasoning: whether to skip `<think>...</think>` at the start of the text or of a line.
        code: whether to skip fenced code blocks.
        performance: whether to skip tags in brackets, such as `[happy]`.
    """

    reasoning: bool = True
    code: bool = False
    performance: bool = False


def knows_performance_tags(model_id: str | None) -> bool:
    """Whether clients that name this model use `[happy]` as an instruction, not as words."""
    return (model_id or "").lower().startswith(_MODELS_WITH_TAGS)


@attrs.define(eq=False)
class Blocks:
    """Replaces the unspoken parts of one stream by spaces."""

    _skipped: SkippedParts = attrs.field(factory=SkippedParts)
    _ends: re.Pattern[str] | None = attrs.field(default=None, init=False)
    """Matches the end of the open block, if any."""
    _is_line_start: bool = attrs.field(default=True, init=False)

    def blank(self, chunk: str) -> str:
        """Replace a chunk's unspoken parts by spaces.  Call it for each chunk, in order."""
        if self._ends is None and not any(sign in chunk for sign in "<`~["):
            self._follow(chunk)
            return chunk
        parts: list[str] = []
        place = 0
        while place < len(chunk):
            if self._ends is not None:
                found = self._ends.search(chunk, place)
                end = len(chunk) if found is None else found.end()
                parts.append(_blank(chunk[place:end]))
                self._ends = self._ends if found is None else None
            else:
                end = self._next_block(chunk, place, parts)
            self._follow(chunk[place:end])
            place = end
        return "".join(parts)

    def _next_block(self, chunk: str, place: int, parts: list[str]) -> int:
        line_end = chunk.find("\n", place) + 1 or len(chunk)
        start = place + len(chunk[place:line_end]) - len(chunk[place:line_end].lstrip(" \t"))
        if self._is_line_start:
            for wanted, pattern, end in (
                (self._skipped.reasoning, _REASONING, _end_of_reasoning),
                (self._skipped.code, _FENCE, _end_of_fence),
            ):
                found = pattern.match(chunk, start) if wanted else None
                if found is not None:
                    self._ends = end(found)
                    parts.append(_blank(chunk[place : found.end()]))
                    return found.end()
        line = chunk[place:line_end]
        if self._skipped.performance:
            line = _PERFORMANCE.sub(lambda tag: _blank(tag[0]), line)
        parts.append(line)
        return line_end

    def _follow(self, text: str) -> None:
        last = text.rpartition("\n")
        if last[2].strip():
            self._is_line_start = False
        elif last[1]:
            self._is_line_start = True


def _end_of_reasoning(found: re.Match[str]) -> re.Pattern[str]:
    return re.compile(f"</{found['name']}>", re.IGNORECASE)


def _end_of_fence(found: re.Match[str]) -> re.Pattern[str]:
    return re.compile(rf"^[ \t]*{re.escape(found['fence'])}[`~]*[ \t]*$", re.MULTILINE)


def _blank(text: str) -> str:
    return _NOT_NEW_LINE.sub(" ", text)
