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
    for index, word in enumerate(utterance.words):
        is_last = index == len(utterance.words) - 1
        # The last word always has a break, but the text may not have the mark for it.
        is_written = not is_last or utterance.source[word.span[1] :].strip() != ""
        spans.append((length, length + len(word.spoken)))
        part = word.spoken + (_MARKS.get(word.after, "") if is_written else "") + ("" if is_last else " ")
        parts.append(part)
        length += len(part)
    return SpokenText("".join(parts), tuple(spans))
