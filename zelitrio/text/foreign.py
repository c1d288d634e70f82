"""Reading a language that our own rules do not know: words and marks here, their sounds from another program.

Abbreviations, dates and money stand as they are written, and numbers are read by that program.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from zelitrio.text.front_end import FrontEnd
from zelitrio.text.ssml import apply_markup, leading_pause_s, read_markup
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones, Prosody, Utterance, Word

Pronounce = Callable[[Sequence[str]], list[str]]
"""The words of one clause to the symbols of each; an empty string for a word that cannot be spoken."""

# Letters, and the combining marks of scripts that write vowels as marks.
_LETTER = r"(?:[^\W_]|[\u0300-\u036f\u0591-\u05c7\u064b-\u065f\u0900-\u0963\u0981-\u0dff])"
_WORD = re.compile(rf"\d+(?:[.,:]\d+)*[^\W\d_]*|{_LETTER}+(?:['’\-]{_LETTER}+)*")
_BREAKS = {
    **dict.fromkeys(",،、，", Break.COMMA),
    **dict.fromkeys(";:；：", Break.COLON),
    **dict.fromkeys("—–", Break.DASH),
    **dict.fromkeys(".…。।", Break.STOP),
    **dict.fromkeys("?？؟", Break.QUESTION),
    **dict.fromkeys("!！", Break.EXCLAIM),
}
_STRENGTH = (Break.NONE, Break.COMMA, Break.DASH, Break.COLON, Break.STOP, Break.EXCLAIM, Break.QUESTION)


def symbols_of(phones: Phones) -> str | None:
    """The symbols of a word that was read here; None for a word in our own phones."""
    return phones[0][1:-1] if phones and phones[0].startswith("/") else None


@attrs.frozen(eq=False)
class ForeignFrontEnd(FrontEnd):
    """Reads text of one language.

    A word has one phone: the symbols that its voice is written in, between slashes.
    """

    pronounce: Pronounce = attrs.field(default=lambda words: ["" for _ in words])

    def utterance(
        self,
        text: str,
        *,
        ends_sentence: bool = True,
        normalise: bool = True,
        ssml: bool = False,
        opened: Sequence[Prosody] = (),
    ) -> Utterance:
        """Words, symbols and breaks of one chunk; see `FrontEnd.utterance`."""
        markup = read_markup(text, opened) if ssml and ("<" in text or opened) else None
        tokens = _tokens(markup.text if markup is not None else text)
        if markup is not None:
            tokens = apply_markup(markup, tokens)
        words: list[Word] = []
        clause: list[Token] = []
        for token in tokens:
            clause.append(token)
            if token.after is not Break.NONE or token is tokens[-1]:
                said = self.pronounce([one.spoken for one in clause])
                words += [
                    Word(one.spoken, (one.start, one.end), (f"/{symbols}/",), one.after, one.pause_s)
                    for one, symbols in zip(clause, said, strict=True)
                    if symbols
                ]
                clause = []
        if words and words[-1].after is Break.NONE:
            words[-1] = attrs.evolve(words[-1], after=Break.STOP if ends_sentence else Break.CUT)
        pause_s = leading_pause_s(markup, tokens) if markup is not None else None
        return Utterance(text, tuple(words), pause_s)


def _tokens(text: str) -> list[Token]:
    tokens: list[Token] = []
    for match in _WORD.finditer(text):
        if tokens:
            tokens[-1].after = _break(text[tokens[-1].end : match.start()])
        tokens.append(Token(match.group(), match.start(), match.end()))
    if tokens:
        tokens[-1].after = _break(text[tokens[-1].end :])
    return tokens


def _break(between: str) -> Break:
    """The strongest mark between two words."""
    if "\n\n" in between:
        return Break.PARAGRAPH
    marks = [_BREAKS[character] for character in between if character in _BREAKS]
    return max(marks, key=_STRENGTH.index, default=Break.NONE)
