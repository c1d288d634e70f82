"""Keep SSML tags in one chunk while text arrives in pieces.

The chunk schedule cuts at spaces.  A character without cuts replaces the spaces inside tags, inside
`<phoneme>`, `<say-as>` and `<sub>`, and from `<break>` to the next word, because a pause belongs to that
word's chunk.  `restore_tags` undoes this.  An open tag is held until it ends.
"""

from __future__ import annotations

import re

JOINER = "\u2060"
"""WORD JOINER: it means "no break here", is not white space, and is rarely typed."""
LONGEST_CHARS = 600
"""A "<" without a ">" within this length is not a tag."""

_WHOLE = re.compile(
    r"<(phoneme|say-as|sub)\b[^<>]*[^<>/]>[^<>]*</\1\s*>|<break\b[^<>]*>\s*|<[A-Za-z/!][^<>]*>", re.IGNORECASE
)
_OPEN = re.compile(
    r"<(?:phoneme|say-as|sub)\b[^<>]*(?<!/)>[^<>]*(?:<(?:/[^<>]*)?)?\Z"
    r"|(?:<break\b[^<>]*>\s*)*(?:<break\b[^<>]*>\s*|<(?:[A-Za-z/!][^<>]*)?)\Z",
    re.IGNORECASE,
)
_SPACE = re.compile(r"\s")


class TagKeeper:
    """Holds text back until its tags are complete.  No call waits; the length of the text stays."""

    def __init__(self) -> None:
        self._held = ""

    @property
    def held_chars(self) -> int:
        """Characters of the held tag."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Take a piece of text; return the text that may be cut now."""
        text = self._held + text
        self._held = ""
        opened = _OPEN.search(text, max(0, len(text) - LONGEST_CHARS))
        if opened is not None:
            text, self._held = text[: opened.start()], text[opened.start() :]
        return _WHOLE.sub(lambda tag: _SPACE.sub(JOINER, tag[0]), text)

    def take(self) -> str:
        """Return the held tag, because no more text will come."""
        held, self._held = self._held, ""
        return held


def restore_tags(text: str) -> str:
    """Undo the replacements of `TagKeeper`."""
    return text.replace(JOINER, " ")
