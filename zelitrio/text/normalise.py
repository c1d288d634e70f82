"""From characters to the words that are spoken, each with the source characters it came from."""

from __future__ import annotations

import unicodedata

from zelitrio.text import (
    rules_abbreviations,
    rules_contact,
    rules_dates,
    rules_marks,
    rules_money,
    rules_numbers,
    rules_times,
    rules_units,
    rules_web,
    rules_words,
)
from zelitrio.text.lexicon import Lexicon
from zelitrio.text.plain_words import PlainWords
from zelitrio.text.reader import Reader, Rule, RuleSet

RULES: tuple[Rule, ...] = (
    *rules_abbreviations.RULES,
    *rules_contact.RULES,
    *rules_dates.RULES,
    *rules_marks.RULES,
    *rules_money.RULES,
    *rules_numbers.RULES,
    *rules_times.RULES,
    *rules_units.RULES,
    *rules_web.RULES,
    *rules_words.RULES,
)
"""Every rule.  Its `Rank` says when it is asked."""
PLAIN_RULES = tuple(each for each in RULES if each.is_plain)
_FULL = RuleSet(RULES, PlainWords(RULES).read)
_PLAIN = RuleSet(PLAIN_RULES, PlainWords(PLAIN_RULES).read)


def tokenise(text: str, lexicon: Lexicon, *, is_plain: bool = False) -> Reader:
    """Read a text; the words are in the result's `tokens`.

    Never raises and is linear in the length of the text.

    Args:
        text: any text at all.
        lexicon: settles whether capitals are a word or are spelled.
        is_plain: leave abbreviations, dates, money and the like as they stand.
    """
    reader = Reader(text, lexicon, is_shouting=_is_shouting(text))
    (_PLAIN if is_plain else _FULL).read_all(reader)
    if not reader.tokens:
        _name_pictures(reader)
    return reader


def _is_shouting(text: str) -> bool:
    """Whether capitals are the writer's habit: several words, none of them in lower case."""
    return text.isupper() and sum(len(part) > 2 for part in text.split()) >= 3


def _name_pictures(reader: Reader) -> None:
    """Emoji are silent beside words; a message that is nothing else is read by name."""
    for index, char in enumerate(reader.text[:200]):
        if unicodedata.category(char) == "So":
            name = unicodedata.name(char, "").lower().replace("-", " ")
            name = name.removesuffix(" sign").removeprefix("heavy ").removeprefix("black ")
            reader.say(
                "".join([letter for letter in name if letter.isalpha() or letter == " "]), index, index + 1
            )
