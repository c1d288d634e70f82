"""Read the content of `<say-as interpret-as="...">` as the kind of text that the client names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from zelitrio.text.numbers import MOST_DIGITS, cardinal, digits, number_words, ordinal, year
from zelitrio.text.token import Token
from zelitrio.text.types import Break

_SIGNS = {
    ".": "dot", "-": "dash", "_": "underscore", "@": "at", "/": "slash", "+": "plus", "#": "hash", "&": "and",
    "*": "star", ":": "colon", "%": "percent", "$": "dollar", "=": "equals", "!": "exclamation mark",
    "?": "question mark", "'": "apostrophe", ",": "comma", "(": "open bracket", ")": "close bracket",
}  # fmt: skip
_MONTHS = "january february march april may june july august september october november december".split()
_MOST_CHARS = 400


def say_as(kind: str, format_: str, written: str, start: int) -> list[Token] | None:
    """The words of `written`, which begins at `start` in the source; None: left to the rules."""
    read = _KINDS.get(kind.lower())
    if read is None or len(written) > _MOST_CHARS or not written.strip():
        return None
    tokens = read(written, format_.lower())
    if tokens is None:
        return None
    for token in tokens:
        token.start, token.end, token.rule = token.start + start, token.end + start, "say_as"
    return tokens


def _words(said: str, written: str) -> list[Token]:
    first = len(written) - len(written.lstrip())
    end = len(written.rstrip())
    return [
        Token(word, first, end, is_letter=len(word) == 1 and word.isalpha() and word != "a")
        for word in said.split()
    ]


def _characters(written: str, format_: str) -> list[Token]:
    tokens: list[Token] = []
    for index, char in enumerate(written):
        if char.isascii() and char.isalpha():
            tokens.append(Token(char.lower(), index, index + 1, is_letter=True))
        elif char.isdecimal():
            tokens.append(Token(digits(char), index, index + 1))
        elif char in _SIGNS:
            tokens += [Token(word, index, index + 1) for word in _SIGNS[char].split()]
        elif char.isspace() and tokens:
            tokens[-1].after = Break.COMMA
    return tokens


def _digits(written: str, format_: str) -> list[Token]:
    return [Token(digits(char), index, index + 1) for index, char in enumerate(written) if char.isdecimal()]


def _number(written: str) -> str | None:
    found = re.fullmatch(r"\s*([-−+]?)\s*(\d[\d,]*(?:\.\d+)?|\.\d+)\s*", written)
    if found is None:
        return None
    sign = {"": "", "+": "plus "}.get(found[1], "minus ")
    return sign + number_words(found[2])


def _cardinal(written: str, format_: str) -> list[Token] | None:
    said = _number(written)
    return None if said is None else _words(said, written)


def _ordinal(written: str, format_: str) -> list[Token] | None:
    found = re.fullmatch(r"\s*(\d[\d,]*)(?:st|nd|rd|th)?\s*", written, re.IGNORECASE)
    if found is None or len(found[1]) > MOST_DIGITS:
        return None
    return _words(ordinal(int(found[1].replace(",", ""))), written)


def _telephone(written: str, format_: str) -> list[Token] | None:
    tokens: list[Token] = []
    for part in re.finditer(r"\+|\d+|[A-Za-z]+", written):
        if tokens and tokens[-1].spoken != "plus":
            tokens[-1].after = Break.COMMA
        if part[0] == "+":
            tokens.append(Token("plus", part.start(), part.end()))
        elif part[0].isdigit():
            tokens += [
                Token(digits(char), part.start() + at, part.start() + at + 1)
                for at, char in enumerate(part[0])
            ]
        elif part[0].lower().startswith("x") or part[0].lower().startswith("ext"):
            tokens.append(Token("extension", part.start(), part.end()))
        else:
            tokens += [
                Token(char.lower(), part.start() + at, part.start() + at + 1, is_letter=True)
                for at, char in enumerate(part[0])
            ]
    return tokens or None


def _date(written: str, format_: str) -> list[Token] | None:
    parts = re.findall(r"\d+", written)
    order = format_ if re.fullmatch(r"[ymd]{1,3}", format_) else ""
    if not order:
        if len(parts) == 1 and len(parts[0]) == 8:
            parts = [parts[0][:4], parts[0][4:6], parts[0][6:]]
        order = "ymd" if parts and len(parts[0]) == 4 else "mdy"
    if len(parts) == 1 and len(parts[0]) == 8 and len(order) == 3:
        sizes = iter({"y": 4}.get(letter, 2) for letter in order)
        text, place, cut = parts[0], 0, []
        for size in sizes:
            cut.append(text[place : place + size])
            place += size
        parts = cut
    if re.search(r"[A-Za-z]", written) or not parts or len(parts) > len(order):
        return None
    values = {letter: int(part) for letter, part in zip(order, parts, strict=False)}
    month, day, written_year = values.get("m"), values.get("d"), values.get("y")
    if (month is not None and not 1 <= month <= 12) or (day is not None and not 1 <= day <= 31):
        return None
    if written_year is not None and written_year < 100:
        written_year += 2000 if written_year < 50 else 1900
    said = [] if month is None else [_MONTHS[month - 1]]
    said += [] if day is None else [ordinal(day)]
    said += [] if written_year is None else [year(written_year)]
    return _words(" ".join(said), written)


def _time(written: str, format_: str) -> list[Token] | None:
    found = re.fullmatch(
        r"\s*(?P<hour>\d{1,2})(?:[:.h]?(?P<minute>\d{2}))?(?::(?P<second>\d{2}))?\s*(?P<half>[ap]\.?m\.?)?\s*",
        written,
        re.IGNORECASE,
    )
    if found is None or int(found["hour"]) > 24:
        return None
    hour, minute = int(found["hour"]), int(found["minute"] or 0)
    said = cardinal(hour)
    if minute:
        said += f" {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    elif not found["half"]:
        said = "midnight" if hour in (0, 24) else f"{said} o'clock" if hour <= 12 else f"{said} hundred"
    if found["second"] and int(found["second"]):
        said += f" and {cardinal(int(found['second']))} seconds"
    tokens = _words(said, written)
    if found["half"]:
        start, end = found.span("half")
        tokens += [Token(letter, start, end, is_letter=True) for letter in (found["half"][0].lower(), "m")]
        for token in tokens[:-2]:
            token.end = len(written[:start].rstrip())
    return tokens


_KINDS: Mapping[str, Callable[[str, str], list[Token] | None]] = {
    "characters": _characters,
    "spell-out": _characters,
    "verbatim": _characters,
    "spell": _characters,
    "letters": _characters,
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "digits": _digits,
    "telephone": _telephone,
    "date": _date,
    "time": _time,
}
