"""Tags kept whole while text arrives in pieces and leaves in chunks.

The chunk schedule cuts at spaces.  So the spaces inside a tag, from `<phoneme>` to `</phoneme>`, in
`<say-as>` and `<sub>`, and from
`<break>` to the next word become a character that nothing cuts at; `restore_tags` undoes it.  A pause must
stay in one chunk with the word after it.  A tag that is still open waits for its end.
"""

from __future__ import annotations

import re

JOINER = "\u2060"
"""WORD JOINER: means "no break here", is not white space, and is on no keyboard."""
LONGEST_CHARS = 600
"""A "<" without a ">" within this length is not a tag; the text continues as it is."""

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
    """Passes text on with its tags made whole.  Plain and synchronous; never changes a text's length."""

    def __init__(self) -> None:
        self._held = ""

    @property
    def held_chars(self) -> int:
        """Characters of the open tag that is held."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Take a piece of text; returns what may go on now, perhaps nothing."""
        text = self._held + text
        self._held = ""
        opened = _OPEN.search(text, max(0, len(text) - LONGEST_CHARS))
        if opened is not None:
            text, self._held = text[: opened.start()], text[opened.start() :]
        return _WHOLE.sub(lambda tag: _SPACE.sub(JOINER, tag[0]), text)

    def take(self) -> str:
        """Return the open tag that is held; its end will not come."""
        held, self._held = self._held, ""
        return held


def restore_tags(text: str) -> str:
    """The text as it was before `TagKeeper`."""
    return text.replace(JOINER, " ")
