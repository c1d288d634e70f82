"""Convert text to spoken words, each with the span of the source characters it came from."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from zelitrio.text import (
    rules_abbreviations,
    rules_codes,
    rules_contact,
    rules_dates,
    rules_emoticons,
    rules_marks,
    rules_math,
    rules_money,
    rules_names,
    rules_numbers,
    rules_sizes,
    rules_times,
    rules_units,
    rules_web,
    rules_words,
)
from zelitrio.text.edits import Edit, Edited
from zelitrio.text.lexicon import Lexicon
from zelitrio.text.plain_words import PlainWords
from zelitrio.text.reader import Reader, Rule, RuleSet
from zelitrio.text.token import Token
from zelitrio.text.written import edited, is_unusual

RULES: tuple[Rule, ...] = (
    *rules_abbreviations.RULES,
    *rules_codes.RULES,
    *rules_contact.RULES,
    *rules_dates.RULES,
    *rules_emoticons.RULES,
    *rules_marks.RULES,
    *rules_math.RULES,
    *rules_money.RULES,
    *rules_names.RULES,
    *rules_numbers.RULES,
    *rules_sizes.RULES,
    *rules_times.RULES,
    *rules_units.RULES,
    *rules_web.RULES,
    *rules_words.RULES,
)
"""All rules.  A rule's `Rank` decides when it is tried."""
PLAIN_RULES = tuple(each for each in RULES if each.is_plain)
_FULL = RuleSet(RULES, PlainWords(RULES).read)
_PLAIN = RuleSet(PLAIN_RULES, PlainWords(PLAIN_RULES).read)


def tokenise(text: str, lexicon: Lexicon, *, is_plain: bool = False, edits: Sequence[Edit] = ()) -> Reader:
    """Read a text; the words are in the result's `tokens`.

    Never raises.  Time is linear in the length of the text.

    Args:
        text: any text.
        lexicon: has the aliases, and decides whether capitals are a word or are spelled.
        is_plain: whether to leave abbreviations, dates, money and so on as they are written.
        edits: replacements that tags request, in order.
    """
    has_edits = bool(edits) or lexicon.alias_pattern is not None or is_unusual(text)
    seen = edited(text, lexicon, edits) if has_edits else None
    readable = text if seen is None else seen.text
    reader = Reader(readable, lexicon, is_shouting=_is_shouting(readable))
    (_PLAIN if is_plain else _FULL).read_all(reader)
    if not reader.tokens:
        _name_pictures(reader)
    if seen is not None:
        _return_to_source(reader.tokens, seen, text)
    return reader


def _return_to_source(tokens: Sequence[Token], seen: Edited, source: str) -> None:
    """Map the tokens' spans to the source, in order; two spans are equal or do not overlap."""
    before = last = (0, 0)
    for token in tokens:
        token.rule = seen.rule_at(token.start) or token.rule
        if (token.start, token.end) != before:
            before = token.start, token.end
            start, end = seen.span(*before)
            if start < last[1]:  # it begins in the replacement of an earlier word
                start = last[1]
                is_free = source[start:end].strip() != ""
                start, end = (start, end) if is_free else last
            last = start, end
        token.start, token.end = last


def _is_shouting(text: str) -> bool:
    """Whether the whole text is in capitals: at least three words, none in lower case."""
    return text.isupper() and sum(len(part) > 2 for part in text.split()) >= 3


def _name_pictures(reader: Reader) -> None:
    """Speak the names of emoji in a text without words; beside words they are silent."""
    for index, char in enumerate(reader.text[:200]):
        if unicodedata.category(char) == "So":
            name = unicodedata.name(char, "").lower().replace("-", " ")
            name = name.removesuffix(" sign").removeprefix("heavy ").removeprefix("black ")
            reader.say(
                "".join([letter for letter in name if letter.isalpha() or letter == " "]), index, index + 1
            )
