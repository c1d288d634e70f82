"""An utterance as captions would show it: the spoken words with the marks between them."""

from __future__ import annotations

import attrs

from zelitrio.text.types import Break, Utterance

_MARKS = {
    Break.COMMA: ",",
    Break.COLON: ":",
    Break.DASH: " —",
    Break.STOP: ".",
    Break.QUESTION: "?",
    Break.EXCLAIM: "!",
    Break.PARAGRAPH: ".",
}


@attrs.frozen
class SpokenText:
    """The spoken words as one text; `spans` are the half-open ranges of its words."""

    text: str
    spans: tuple[tuple[int, int], ...]


def spoken_text(utterance: Utterance) -> SpokenText:
    """Join the words, in lower case, with their marks: "$5!" gives "five dollars!"."""
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for word in utterance.words:
        spoken = word.spoken
        end = length + len(spoken)
        spans.append((length, end))
        part = f"{spoken} " if word.after is Break.NONE else f"{spoken}{_MARKS.get(word.after, '')} "
        parts.append(part)
        length += len(part)
    if parts:
        # The last word always has a break, but the text may not have the mark for it.
        last = utterance.words[-1]
        is_written = utterance.source[last.span[1] :].strip() != ""
        parts[-1] = parts[-1][:-1] if is_written else last.spoken
    return SpokenText("".join(parts), tuple(spans))
