"""The few tags that mean something: ``<break>`` and ``<phoneme>``; all others go, their text stays.

A tag is blanked out with spaces of the same length, so every span stays true to the source.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import attrs

from zelitrio.errors import LocalError
from zelitrio.text.ipa import phones_of_ipa
from zelitrio.text.phones import parse_phones
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones

LONGEST_BREAK_S = 3.0
"""As the vendor's: a longer break is cut to this."""

_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]{0,30})(?P<attributes>[^<>]{0,500}?)/?>|<!--[^<>]{0,1000}-->"
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[\w:-]{1,30})\s{0,5}=\s{0,5}(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')"
)
_TIME = re.compile(r"(?P<amount>\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})\s*(?P<unit>ms|s)")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos);")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.2}


@attrs.frozen
class Pause:
    """Silence asked for at a place in the text."""

    at: int
    seconds: float


@attrs.frozen
class Said:
    """A stretch of text with its pronunciation given."""

    start: int
    end: int
    phones: Phones


@attrs.frozen
class Markup:
    """What was found in a text with tags."""

    text: str
    """As long as the source, with the tags blanked out."""
    pauses: Sequence[Pause]
    said: Sequence[Said]


def read_markup(source: str) -> Markup:
    """Take the tags out of a text.

    Never raises: a tag that cannot be understood has no effect.
    """
    pauses: list[Pause] = []
    said: list[Said] = []
    parts: list[str] = []
    place = 0
    opened: tuple[int, Phones | None] | None = None
    for tag in _TAG.finditer(source):
        parts.append(_unescape(source[place : tag.start()]))
        parts.append(" " * len(tag[0]))
        place = tag.end()
        name = (tag["name"] or "").lower()
        if name == "break" and not tag["close"]:
            pauses.append(Pause(tag.start(), _seconds(_attributes(tag))))
        elif name == "phoneme" and not tag["close"]:
            opened = (tag.end(), _phones(_attributes(tag)))
        elif name == "phoneme" and opened is not None:
            start, phones = opened
            if phones and source[start : tag.start()].strip():
                said.append(Said(start, tag.start(), phones))
            opened = None
        elif name in ("p", "s", "paragraph", "sentence") and tag["close"]:
            parts[-1] = ("\n\n" if name[0] == "p" else ". ") + parts[-1][2:]
    parts.append(_unescape(source[place:]))
    return Markup("".join(parts), pauses, said)


def apply_markup(markup: Markup, tokens: list[Token]) -> list[Token]:
    """Give the tokens the pauses and pronunciations that the tags asked for."""
    tokens = _with_phones(markup.said, tokens)
    index = 0
    for pause in markup.pauses:  # both in order of place
        while index < len(tokens) and tokens[index].end <= pause.at:
            index += 1
        if index:
            token = tokens[index - 1]
            token.pause_s = min((token.pause_s or 0.0) + pause.seconds, LONGEST_BREAK_S)
            if token.after is Break.NONE and pause.seconds:
                token.after = Break.COMMA
    return tokens


def leading_pause_s(markup: Markup, tokens: Sequence[Token]) -> float | None:
    """Seconds of silence asked for before the first word; None if none were."""
    first = tokens[0].end if tokens else 0
    seconds = [pause.seconds for pause in markup.pauses if pause.at < first]
    return min(sum(seconds), LONGEST_BREAK_S) if seconds else None


def _with_phones(said: Sequence[Said], tokens: list[Token]) -> list[Token]:
    """Replace the tokens inside each stretch by one that carries its phones."""
    if not said:
        return tokens
    result: list[Token] = []
    stretches = iter(said)
    current = next(stretches, None)
    for token in tokens:
        while current is not None and token.start >= current.end:
            current = next(stretches, None)
        if current is None or token.end <= current.start:
            result.append(token)
        elif result and result[-1].phones is current.phones:
            merged = result[-1]
            merged.spoken, merged.end, merged.after = (
                f"{merged.spoken} {token.spoken}",
                token.end,
                token.after,
            )
        else:
            token.phones, token.is_letter = current.phones, False
            result.append(token)
    return result


def _attributes(tag: re.Match[str]) -> dict[str, str]:
    return {
        found["name"].lower(): found["double"] if found["double"] is not None else found["single"]
        for found in _ATTRIBUTE.finditer(tag["attributes"])
    }


def _seconds(attributes: dict[str, str]) -> float:
    match = _TIME.fullmatch(attributes.get("time", "").strip())
    if match is None:
        return _STRENGTHS.get(attributes.get("strength", "medium"), _STRENGTHS["medium"])
    seconds = float(match["amount"]) * (0.001 if match["unit"] == "ms" else 1.0)
    return min(seconds, LONGEST_BREAK_S)


def _phones(attributes: dict[str, str]) -> Phones | None:
    written = attributes.get("ph", "")
    try:
        if attributes.get("alphabet", "ipa").lower() == "ipa":
            return phones_of_ipa(written)
        return parse_phones(written)
    except LocalError:
        return None  # the word is then read as it is written


def _unescape(text: str) -> str:
    """Entities as their character, padded to their own length; the padding goes after the word."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]].ljust(len(found[0]), "\u200b"), text)
