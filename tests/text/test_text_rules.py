"""Every rule reads its own examples, and only ranks decide the order of rules."""

from __future__ import annotations

import re

import attrs
import pytest

from zelitrio.text import load_front_end, load_lexicon
from zelitrio.text.normalise import PLAIN_RULES, RULES, tokenise
from zelitrio.text.reader import Reader, Rule, RuleSet

_LEXICON = load_lexicon()
_MARKS_ONLY = {"new_line", "ellipsis"}
"""These set the break and leave the characters to later rules."""
_PLAIN_ONLY = {"any_digits"}
"""In the full set, earlier rules read all digits."""
_EXAMPLES = [(rule, text, said) for rule in RULES for text, said in rule.examples.items()]


def test_names_of_rules_are_unique_and_every_rule_has_an_example() -> None:
    names = [rule.name for rule in RULES]
    assert len(set(names)) == len(names)
    assert [rule.name for rule in RULES if not rule.examples] == []


@pytest.mark.parametrize(("rule", "text", "said"), _EXAMPLES, ids=[f"{r.name}:{t}" for r, t, _ in _EXAMPLES])
def test_a_rule_reads_its_examples(rule: Rule, text: str, said: str) -> None:
    assert " ".join(token.spoken for token in tokenise(text, _LEXICON).tokens) == said
    accepted: list[bool] = []

    def read(reader: Reader, match: re.Match[str]) -> bool | None:
        result = rule.read(reader, match)
        accepted.append(result is not False)
        return result

    watched = attrs.evolve(rule, read=read)
    rules = PLAIN_RULES if rule.name in _PLAIN_ONLY else RULES
    RuleSet([watched if each is rule else each for each in rules]).read_all(Reader(text, _LEXICON))
    assert accepted
    assert any(accepted) or rule.name in _MARKS_ONLY


def test_the_order_in_which_modules_are_listed_changes_nothing() -> None:
    def read(rules: RuleSet, text: str) -> list[tuple[str, str]]:
        reader = Reader(text, _LEXICON)
        rules.read_all(reader)
        return [(token.spoken, token.rule) for token in reader.tokens]

    # Rules of one rank stay in the order of their file; the files themselves may come in any order.
    files: dict[str, list[Rule]] = {}
    for rule in RULES:
        files.setdefault(rule.read.__module__, []).append(rule)
    usual = RuleSet(RULES)
    turned = RuleSet([rule for rules in reversed(files.values()) for rule in rules])
    for _, text, _ in _EXAMPLES:
        assert read(usual, text) == read(turned, text), text


def test_every_word_names_the_rule_that_read_it() -> None:
    words = load_front_end().utterance("Dr. Lee paid $5 today.").words
    assert [word.spoken for word in words] == ["doctor", "lee", "paid", "five", "dollars", "today"]
