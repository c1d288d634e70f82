"""Formulas, links and long numbers kept in one chunk while text arrives in pieces.

The chunk schedule cuts at spaces.  Half a formula or half a link is read wrongly, so the spaces inside them
become a character that nothing cuts at; `restore_spaces` undoes it.  One that is still open waits for its
end, within `LONGEST_CHARS` and on its line.  A space after a number or a variable waits for what follows it.
"""

from __future__ import annotations

import re

from zelitrio.text.math_pattern import LATEX

GLUE = "\uf8fd"
"""A private character: no text has it."""
LONGEST_CHARS = 240
BEFORE_CHARS = 32
"""Text before a piece that is read again: a number or a formula may go on in the piece."""

_OPERATORS = "=<>≤≥≠≈×÷+∈→"
_WHOLE = re.compile(
    rf"{LATEX}"
    r"|!?\[[^\[\]\n]{1,200}\]\([^()\s]{0,200}\)"
    r"|\[(?:\d{1,3}(?:[,;–-][ ]?|[ ])){1,8}\d{1,3}\]|\[citation[ ]needed\]"
    r"|(?<![\w.,])\+?\(?\d{1,6}\)?(?:[ ]\d{1,6}){1,8}(?![\w])"
    rf"|(?<=[\w)\]²³%])[ ][{_OPERATORS}][ ](?=[\w(√])|(?<=[\d)²³])[ ]-[ ](?=[\d(])"
)
_OPEN = re.compile(
    r"(?:\$(?=[A-Za-z\\(|])[^$\n]{0,200}|\\[(\[](?:(?!\\[)\]])[^\n]){0,200}|(?<!\])\[[^\[\]\n]{0,120}|\[[^\[\]\n]{1,120}\](?:\([^()\s]{0,200})?)\Z"
    rf"|(?<=[\w)\]²³%])[ ][{_OPERATORS}][ ]?\Z"
    r"|(?<=[\d)²³])[ ]\Z|(?<=(?<![A-Za-z])[b-hj-zB-HJ-Z])[ ]\Z"
)
_STARTS = re.compile(rf"^[ ]\d|[$\\\[{_OPERATORS}]|[\d)²³][ ]|[ ]-[ ]|(?<![A-Za-z])[b-hj-zB-HJ-Z][ ]")


class FormulaKeeper:
    """Passes text on with its formulas made whole.  Plain and synchronous; never changes a text's length."""

    def __init__(self) -> None:
        self._held = ""
        self._before = ""

    @property
    def held_chars(self) -> int:
        """Characters of the open formula that is held."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Take a piece of text; returns what may go on now, perhaps nothing."""
        if not self._held and _STARTS.search(text) is None:
            self._before = (self._before + text)[-BEFORE_CHARS:]
            return text
        first = len(self._before)
        text = self._before + self._held + text
        self._held = ""
        opened = _OPEN.search(text, max(first, len(text) - LONGEST_CHARS))
        if opened is not None:
            text, self._held = text[: opened.start()], text[opened.start() :]
        passed = _WHOLE.sub(lambda whole: whole[0].replace(" ", GLUE), text)[first:]
        self._before = text[-BEFORE_CHARS:]
        return passed

    def finish(self, text: str) -> str:
        """Take the last piece, and return it with what is held; its end will not come."""
        passed, held, self._held = self.feed(text), self._held, ""
        return passed + held


def restore_spaces(text: str) -> str:
    """The text as it was before `FormulaKeeper`."""
    return text.replace(GLUE, " ")
