"""Convert the rules that clients write to dictionaries, and dictionaries and files to rules."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

import attrs

from zelitrio.errors import LocalError
from zelitrio.text.dictionaries import Dictionary
from zelitrio.text.ipa import phones_of_ipa
from zelitrio.text.lexicon_table import lexemes, parse_table
from zelitrio.text.phones import parse_phones
from zelitrio.text.types import Phones

_NAMESPACE = "http://www.w3.org/2005/01/pronunciation-lexicon"
_DIGITS = str.maketrans("0123456789", "abcdefghij")


@attrs.frozen
class Rule:
    """A text, and the words or phones that are spoken in its place.

    Attributes:
        written: the text: one or more words.
        alias: the words to read instead; None for a pronunciation.
        phoneme: the phones; None for an alias.
        alphabet: of `phoneme`: ipa, cmu-arpabet or cmu.
        case_sensitive: whether an alias matches only this case; a pronunciation matches any case.
        word_boundaries: whether an alias replaces whole words only; a pronunciation always does.
    """

    written: str
    alias: str | None = None
    phoneme: str | None = None
    alphabet: str = "ipa"
    case_sensitive: bool = True
    word_boundaries: bool = True


def rules_from_file(text: str) -> tuple[Rule, ...]:
    """The rules of a PLS document, or of a table in the format of `--lexicon`.

    Raises:
        LocalError: it is neither; the error names line or word, expected and found.
    """
    if not text.lstrip().startswith("<"):
        entries = parse_table(text)
        said = [
            Rule(word, phoneme=" ".join(phones), alphabet="cmu") for word, phones in entries.phones.items()
        ]
        return (*said, *(Rule(word, alias, case_sensitive=False) for word, alias in entries.aliases.items()))
    rules = []
    for lexeme in lexemes(text):
        alphabet = "ipa" if lexeme.alphabet == "ipa" else "cmu-arpabet"
        for word in lexeme.words:
            if lexeme.phoneme is not None:
                rules.append(Rule(word, phoneme=lexeme.phoneme, alphabet=alphabet))
            elif lexeme.alias is not None:
                rules.append(Rule(word, lexeme.alias))
    return tuple(rules)


def rules_of(dictionary: Dictionary) -> tuple[Rule, ...]:
    """Rules that `compile_rules` would turn into this dictionary."""
    said = [
        Rule(word, phoneme=" ".join(phones), alphabet="cmu-arpabet", case_sensitive=False)
        for word, phones in dictionary.entries.items()
    ]
    replaced = [
        Rule(word, alias, case_sensitive=word != word.lower() or word in dictionary.exact)
        for word, alias in dictionary.aliases.items()
    ]
    return (*said, *replaced)


def pls_of(rules: Sequence[Rule]) -> bytes:
    """The rules as a PLS document."""
    root = ET.Element(
        "lexicon", {"version": "1.0", "xmlns": _NAMESPACE, "alphabet": "ipa", "xml:lang": "en-US"}
    )
    for rule in rules:
        lexeme = ET.SubElement(root, "lexeme")
        ET.SubElement(lexeme, "grapheme").text = rule.written
        if rule.alias is not None:
            ET.SubElement(lexeme, "alias").text = rule.alias
        else:
            named = {} if rule.alphabet == "ipa" else {"alphabet": "x-cmu-arpabet"}
            ET.SubElement(lexeme, "phoneme", named).text = rule.phoneme
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'.encode()


def compile_rules(dictionary_id: str, rules: Sequence[Rule], modified_at: int = 0) -> Dictionary:
    """Make a dictionary from rules.  If two rules have the same text, the last one is used.

    The version id is a hash of the rules.

    Raises:
        LocalError: a pronunciation has an unknown phone; the error names the rule's index and text.
    """
    entries: dict[str, Phones] = {}
    aliases: dict[str, str] = {}
    exact: set[str] = set()
    inside: set[str] = set()
    for at, rule in enumerate(rules):
        written = " ".join(rule.written.split())
        if rule.alias is not None:
            key = written if rule.case_sensitive else written.lower()
            aliases[key] = rule.alias
            (exact.add if rule.case_sensitive else exact.discard)(key)
            (inside.discard if rule.word_boundaries else inside.add)(key)
            continue
        try:
            read = phones_of_ipa if rule.alphabet == "ipa" else parse_phones
            phones = read(rule.phoneme or "")
        except LocalError as error:
            raise LocalError(f"rules.{at}: {written!r}: {error}") from None
        word = _word_for(written)
        entries[word] = phones
        if word != written.lower():
            aliases[written.lower()] = word
    digest = hashlib.sha256(repr([attrs.astuple(rule) for rule in rules]).encode()).hexdigest()[:16]
    return Dictionary(
        dictionary_id, digest, entries, modified_at, aliases, frozenset(exact), frozenset(inside)
    )


def _word_for(written: str) -> str:
    """The lexicon's word for a text: the text itself if it is one word, else a made-up word for an alias."""
    text = written.lower()
    if re.fullmatch(r"[^\W\d_]+", text):
        return text
    letters = "".join(re.findall(r"[^\W_]", text)).translate(_DIGITS)
    return letters if " " in text and not re.search(r"\d", text) and len(letters) > 3 else f"zq{letters}"
