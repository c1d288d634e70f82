"""The fast path around the rules gives the same result as the rules, for every text."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zelitrio.text import load_lexicon
from zelitrio.text.normalise import PLAIN_RULES, RULES
from zelitrio.text.plain_words import PlainWords
from zelitrio.text.reader import Reader, RuleSet

_READING = Path(__file__).parent / "reading.tsv"
_LEXICON = load_lexicon()
_SETS = [(RuleSet(rules), RuleSet(rules, PlainWords(rules).read)) for rules in (RULES, PLAIN_RULES)]
_KNOWN = sorted({word for rule in RULES for word in rule.plain_words})
"""Plain words that some rule may read."""
_FRAMES = [
    *(
        "%s",
        "%s. ",
        "the %s is",
        "%s 5",
        "5 1/2 %s of it",
        "John %s. He",
        "Chapter %s, then",
        "%s. 5",
        "%s: no",
    ),
    *(
        "%s al. too",
        "%s d",
        "%s-fi-x y",
        "%s.com",
        "%s. com",
        "%s@b.co",
        "%s's one",
        "%s\n5",
        "%s, 2024",
        "%s!",
    ),
]
_PIECES = st.sampled_from(
    [
        *"a A I The the read Dr dr st. www http :// x . . , ; : ! ? ' ’ ’s 's n't - - -- _ + / \\ @".split(),
        *'& ( ) " ” … é K ſ com pdf 5 2024 ½ $ km May jan et al. wi fi ph D vi King NASA hmm'.split(),
        *("", " ", "\n", "\n\n", "\t", "\u00a0", "well", "known"),
        *_KNOWN[::7],
    ]
)
_TEXTS = st.one_of(
    st.lists(_PIECES, max_size=12).map("".join),
    st.lists(_PIECES, max_size=12).map(" ".join),
    st.text(st.sampled_from("aAbwst1.,:;'’-@/& \n"), max_size=40),
)


def _tokens(rules: RuleSet, text: str) -> list[tuple[object, ...]]:
    reader = Reader(text, _LEXICON)
    rules.read_all(reader)
    return [attrs.astuple(token) for token in reader.tokens]


def _check(text: str) -> None:
    for slow, fast in _SETS:
        assert _tokens(fast, text) == _tokens(slow, text), text


@settings(max_examples=300, deadline=None)
@given(_TEXTS)
def test_any_text_is_read_alike_with_the_shortcut_and_without(text: str) -> None:
    _check(text)


@pytest.mark.parametrize("frame", _FRAMES)
def test_the_words_that_rules_know_are_read_alike_wherever_they_stand(frame: str) -> None:
    for word in _KNOWN:
        _check(frame % word)
        _check(frame % word.title())


@pytest.mark.parametrize(
    "text",
    [
        *("the wifi here", "Wi-Fi for all", "wi-fi", "Smith et al. say", "a Ph D, or Ph. D", "see www. or"),
        *(
            "Chapter I is",
            "King Louis I'm",
            "If I am",
            "Vitamin A is",
            "A man",
            "I, too",
            "B & I are",
            "A - b",
        ),
        *("No 5. no. 5", "well-known.com is", "my-file.pdf, say", "john-doe@b.co", "well-known+x@b.co"),
    ],
)
def test_what_a_rule_finds_in_several_words_is_read_alike(text: str) -> None:
    _check(text)


def test_the_reading_list_is_read_alike() -> None:
    for line in _READING.read_text(encoding="utf-8").splitlines():
        _check(line.split("\t")[1])


def test_plain_words_are_read_without_asking_a_rule() -> None:
    text = "Well-known men don't sail, she said; it’s a glorpling shame! Why? Ask: them. A man and I'm ill."
    assert PlainWords(RULES).read(Reader(text, _LEXICON), 0) == len(text)


@pytest.mark.parametrize(
    "word", ["March", "Dr", "mg", "xiv", "USA", "iPhone", "V", "www", "a.b", "b2b", "naïve"]
)
def test_words_that_a_rule_may_read_are_left_to_it(word: str) -> None:
    assert PlainWords(RULES).read(Reader(f"so {word} there", _LEXICON), 0) == 3
