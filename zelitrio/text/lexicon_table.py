"""Read a user's pronunciations: a plain table, or a W3C Pronunciation Lexicon (PLS) in XML.

PLS 1.0: https://www.w3.org/TR/pronunciation-lexicon/
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from pathlib import Path

import attrs

from zelitrio.errors import LocalError
from zelitrio.text.ipa import phones_of_ipa
from zelitrio.text.phones import parse_phones
from zelitrio.text.types import Phones

MOST_BYTES = 8 * 1024 * 1024
"""A larger file is refused.  A hundred thousand words take a quarter of it."""


@attrs.frozen
class Entries:
    """The entries of a file: phones of words, and aliases of texts."""

    phones: Mapping[str, Phones] = attrs.field(factory=dict)
    aliases: Mapping[str, str] = attrs.field(factory=dict)


def load_entries(path: Path | str) -> Entries:
    """Read a table or a PLS document; a document begins with "<".

    Raises:
        LocalError: it is neither; the error names file, line or word, expected and found.
        OSError: it cannot be read.
    """
    path = Path(path)
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise LocalError(f"{path}: expected at most {MOST_BYTES} bytes, found {size}")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise LocalError(f"{path}: expected UTF-8 text, found byte {error.object[error.start]:#x}") from None
    try:
        return parse_pls(text) if text.lstrip().startswith("<") else parse_table(text)
    except LocalError as error:
        raise LocalError(f"{path}: {error}") from None


def parse_table(text: str) -> Entries:
    """Read lines of ``word<TAB>HH AH0 L OW1`` or ``word -> other words``.

    Empty lines and lines that begin with ``#`` are skipped.

    Raises:
        LocalError: a line is neither; the error names its number.
    """
    phones: dict[str, Phones] = {}
    aliases: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        written, arrow, words = line.partition("->")
        if arrow and written.strip() and words.strip():
            aliases[" ".join(written.split())] = words.strip()
            continue
        word, tab, said = line.partition("\t")
        if not tab or not word.strip():
            found = f"found {line[:80]!r}"
            raise LocalError(f"line {number}: expected word, tab, phones; or word -> other words; {found}")
        try:
            phones[word.strip().lower()] = parse_phones(said)
        except LocalError as error:
            raise LocalError(f"line {number}: {error}") from None
    return Entries(phones, aliases)


@attrs.frozen
class Lexeme:
    """An entry of a PLS document: words with a phoneme, or else with an alias."""

    words: tuple[str, ...]
    phoneme: str | None
    alphabet: str
    alias: str | None


def lexemes(text: str) -> list[Lexeme]:
    """The entries of a PLS document that have words and a phoneme or an alias.

    A document type declaration is refused, so that no entity is ever expanded.

    Raises:
        LocalError: it is not well-formed, or has a document type declaration.
    """
    if re.search(r"<!\s*(DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise LocalError("PLS: expected no document type, found one")
    try:
        root = ET.fromstring(text.encode())  # as bytes: an encoding declaration is then allowed
    except ET.ParseError as error:
        raise LocalError(f"PLS: expected well-formed XML, found: {error}") from None
    is_ipa = root.get("alphabet", "ipa").lower() == "ipa"
    found = []
    for lexeme in root.iter():
        if _local(lexeme) != "lexeme":
            continue
        words = [(part.text or "").strip() for part in lexeme if _local(part) == "grapheme"]
        said = next((part for part in lexeme if _local(part) == "phoneme"), None)
        alias = next((part for part in lexeme if _local(part) == "alias"), None)
        if any(words) and (said is not None or (alias is not None and (alias.text or "").strip())):
            named = said.get("alphabet") if said is not None else None
            found.append(
                Lexeme(
                    tuple(word for word in words if word),
                    None if said is None else (said.text or "").strip(),
                    (named or ("ipa" if is_ipa else "arpabet")).lower(),
                    None if alias is None else " ".join((alias.text or "").split()),
                )
            )
    return found


def parse_pls(text: str) -> Entries:
    """Read a PLS document in the alphabet ``ipa`` or ``x-cmu-arpabet``.

    Raises:
        LocalError: it is not such a document, or has an unknown phone.
    """
    entries: dict[str, Phones] = {}
    aliases: dict[str, str] = {}
    for lexeme in lexemes(text):
        if lexeme.phoneme is None:
            aliases.update(dict.fromkeys(lexeme.words, lexeme.alias or ""))
            continue
        try:
            read = phones_of_ipa if lexeme.alphabet == "ipa" else parse_phones
            phones = read(lexeme.phoneme)
        except LocalError as error:
            raise LocalError(f"lexeme {lexeme.words[0]!r}: {error}") from None
        entries.update({word.lower(): phones for word in lexeme.words})
    return Entries(entries, aliases)


def _local(element: ET.Element) -> str:
    return str(element.tag).rpartition("}")[2]
