"""Explain how a text is read: the characters, rule, phones and break of each word."""

from __future__ import annotations

from typing import Any

import attrs

from zelitrio.text.blocks import Blocks
from zelitrio.text.front_end import FrontEnd
from zelitrio.text.guess import LanguageGuess, seems_other
from zelitrio.text.spoken_text import spoken_text
from zelitrio.text.types import Utterance, Word
from zelitrio.text.unspoken import unspoken


@attrs.frozen
class Explanation:
    """A text that was read, with the rule that read each of its words."""

    utterance: Utterance
    rules: tuple[str, ...]
    """One name per word of the utterance."""
    skipped: tuple[tuple[str, int], ...] = ()
    """Texts that are not spoken, each with the index of its first character."""
    language: str | None = None
    """The language that the text seems to be in, if it is another one."""

    def to_json(self) -> dict[str, Any]:
        """The answer of `POST /v1/text/normalise`."""
        words = zip(self.utterance.words, self.rules, strict=True)
        return {
            "text": self.utterance.source,
            "normalized_text": spoken_text(self.utterance).text,
            "words": [_word_json(word, rule) for word, rule in words],
            "skipped": [{"text": text, "start": start} for text, start in self.skipped],
            "language": self.language,
        }

    def to_lines(self) -> list[str]:
        """A table for the terminal: word, characters, rule, phones, break."""
        rows = [("word", "from", "rule", "phones", "break")]
        for word, rule in zip(self.utterance.words, self.rules, strict=True):
            start, end = word.span
            written = " ".join(self.utterance.source[start:end].split())
            pause = "" if word.pause_s is None else f" {word.pause_s:g} s"
            rows.append(
                (
                    word.spoken,
                    f"{start}-{end} {written}",
                    rule,
                    " ".join(word.phones),
                    word.after.value + pause,
                )
            )
        widths = [max(len(row[column]) for row in rows) for column in range(4)]
        return [
            "  ".join(
                [*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]
            ).rstrip()
            for row in rows
        ]


def explain(
    front_end: FrontEnd, text: str, *, normalise: bool = True, ssml: bool = False, language: str = "en"
) -> Explanation:
    """Read a text and record the rule of each word.

    Args:
        front_end: reads the text.
        text: any text.
        normalise, ssml: see `FrontEnd.utterance`.
        language: code of the front end's language.
    """
    utterance, rules = front_end.explained(Blocks().blank(text), normalise=normalise, ssml=ssml)
    utterance = attrs.evolve(utterance, source=text)
    skipped = () if ssml else tuple(unspoken(utterance))
    return Explanation(utterance, rules, skipped, seems_other(LanguageGuess(), text, language))


def _word_json(word: Word, rule: str) -> dict[str, Any]:
    return {
        "spoken": word.spoken,
        "start": word.span[0],
        "end": word.span[1],
        "rule": None if rule == "word" else rule,
        "phones": list(word.phones),
        "break": word.after.value,
        "pause_seconds": word.pause_s,
    }
