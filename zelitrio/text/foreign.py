"""Read a language other than English: words and marks are found here, another program pronounces the words.

No rules apply, because that program also reads numbers, abbreviations, dates and money.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import attrs

from zelitrio.text.edits import Edited, apply_edits
from zelitrio.text.front_end import FrontEnd
from zelitrio.text.guess import script_of
from zelitrio.text.ssml import apply_markup, leading_pause_s, read_markup
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones, Prosody, Utterance, Word

Pronounce = Callable[[Sequence[str]], list[str]]
"""Takes the words of one clause and returns the symbols of each; empty: the word cannot be spoken."""

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
# One phone with its modifiers; stress marks and spaces are not phones.
_SOUND = re.compile(r"[^\s\W\dˈˌ][\u0300-\u036fːʰʲʷ]*")
_WIDE = {
    **dict(zip("AIOQWY", ("eɪ", "aɪ", "oʊ", "əʊ", "aʊ", "ɔɪ"), strict=True)),
    **dict(zip("TᵊᵻʦʣS", ("ɾ", "ə", "ɪ", "ts", "dz", "s"), strict=True)),
}
"""IPA of symbols that only Kokoro's alphabet has."""


def sounds_of(symbols: str) -> Phones:
    """The phones of a word in IPA, without stress marks."""
    return tuple(_WIDE.get(sound, sound) for sound in _SOUND.findall(symbols))


@attrs.frozen(eq=False)
class ForeignFrontEnd(FrontEnd):
    """Reads text of one language.  Its words carry symbols of the voice's alphabet."""

    pronounce: Pronounce = attrs.field(default=lambda words: ["" for _ in words])
    write: Callable[[str], str] = attrs.field(default=lambda ipa: ipa)
    """Converts IPA from a `<phoneme>` tag to the voice's symbols."""
    scripts: frozenset[str] | None = None
    """The scripts that the program reads; words in others are skipped.  None: all."""
    find_words: Callable[[str], Sequence[tuple[int, int]]] | None = None
    """Finds the begin and end of each word in a script without spaces; None: spaces separate words."""

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
        markup = read_markup(text, opened, english=False) if ssml and ("<" in text or opened) else None
        edited = Edited(text) if markup is None else apply_edits(markup.text, markup.edits)
        tokens = self._tokens(edited)
        if markup is not None:
            tokens = apply_markup(markup, tokens, english=False)
        words: list[Word] = []
        clause: list[Token] = []
        for token in tokens:
            clause.append(token)
            if token.after is not Break.NONE or token is tokens[-1]:
                words += self._words(clause)
                clause = []
        if words and words[-1].after is Break.NONE:
            words[-1] = attrs.evolve(words[-1], after=Break.STOP if ends_sentence else Break.CUT)
        pause_s = leading_pause_s(markup, tokens) if markup is not None else None
        return Utterance(text, tuple(words), pause_s)

    def explained(
        self, text: str, *, normalise: bool = True, ssml: bool = False
    ) -> tuple[Utterance, tuple[str, ...]]:
        """The words of a text, all with the rule "word"; see `FrontEnd.explained`."""
        utterance = self.utterance(text, normalise=normalise, ssml=ssml)
        return utterance, ("word",) * len(utterance.words)

    def _words(self, clause: Sequence[Token]) -> list[Word]:
        found: list[Word] = []
        read = iter(self.pronounce([one.spoken for one in clause if self._reads(one)]))
        for token in clause:
            symbols = next(read) if self._reads(token) else ""
            symbols = self.write(token.ipa) if token.ipa else symbols
            if symbols:
                found.append(
                    Word(
                        token.spoken,
                        (token.start, token.end),
                        sounds_of(symbols),
                        token.after,
                        token.pause_s,
                        token.prosody,
                        symbols,
                    )
                )
            elif found and token.after is not Break.NONE:
                found[-1] = attrs.evolve(found[-1], after=token.after)
        return found

    def _reads(self, token: Token) -> bool:
        """Whether a word is in a script of this language; the program would name letters of other scripts."""
        return self.scripts is None or all(
            script_of(character) in self.scripts or not character.isalpha() for character in token.spoken
        )

    def _tokens(self, edited: Edited) -> list[Token]:
        text = edited.text
        find = self.find_words or _find_words
        tokens: list[Token] = []
        end = 0
        for start, until in find(text):
            if tokens:
                tokens[-1].after = _break(text[end:start])
            tokens.append(Token(text[start:until], *edited.span(start, until)))
            end = until
        if tokens:
            tokens[-1].after = _break(text[end:])
        return tokens


def _find_words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in _WORD.finditer(text)]


def _break(between: str) -> Break:
    if "\n\n" in between:
        return Break.PARAGRAPH
    marks = [_BREAKS[character] for character in between if character in _BREAKS]
    return max(marks, key=_STRENGTH.index, default=Break.NONE)
