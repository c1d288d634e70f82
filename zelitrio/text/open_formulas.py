"""Keep formulas, links and long numbers in one chunk while text arrives in pieces.

The chunk schedule cuts at spaces, and half a formula or link would be read wrongly.  So a character without
cuts replaces the spaces inside them; `restore_spaces` undoes this.  An open formula is held until it ends,
for at most `LONGEST_CHARS` and to the end of the line.  A space after a number or variable is held until the
next character shows whether a formula follows.
"""

from __future__ import annotations

import re

from zelitrio.text.math_pattern import LATEX

GLUE = "\uf8fd"
"""A private-use character, which does not occur in texts."""
LONGEST_CHARS = 240
BEFORE_CHARS = 32
"""Characters before a piece that are searched again, because a number or formula may continue in the
piece."""

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
    """Holds text back until its formulas are complete.  No call waits; the length of the text stays."""

    def __init__(self) -> None:
        self._held = ""
        self._before = ""

    @property
    def held_chars(self) -> int:
        """Characters of the held formula."""
        return len(self._held)

    def feed(self, text: str) -> str:
        """Take a piece of text; return the text that may be cut now."""
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
        """Take the last piece; return it and all held text."""
        passed, held, self._held = self.feed(text), self._held, ""
        return passed + held


def restore_spaces(text: str) -> str:
    """Undo the replacements of `FormulaKeeper`."""
    return text.replace(GLUE, " ")
