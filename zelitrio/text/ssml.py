"""Interpret SSML tags.

These have an effect: ``<break>``, ``<phoneme>``, ``<say-as>``, ``<sub>``, ``<prosody>``, ``<emphasis>``,
``<p>`` and ``<s>``.  Of other tags, only the text inside is read.  Spaces replace tags, so spans stay valid.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence

import attrs

from zelitrio.errors import LocalError
from zelitrio.text.edits import Edit
from zelitrio.text.ipa import phones_of_ipa
from zelitrio.text.phones import parse_phones
from zelitrio.text.prosody import Stretch, asked_prosody, combined, is_prosody
from zelitrio.text.say_as import say_as
from zelitrio.text.token import Token
from zelitrio.text.types import Break, Phones, Prosody

LONGEST_BREAK_S = 3.0
"""A longer break is shortened to this, as at ElevenLabs."""

_TAG = re.compile(
    r"<(?P<close>/?)(?P<name>[A-Za-z][\w:.-]{0,30})(?P<attributes>[^<>]{0,500}?)/?>|<!--[^<>]{0,1000}-->"
)
_ATTRIBUTE = re.compile(
    r"(?P<name>[\w:-]{1,30})\s{0,5}=\s{0,5}(?:\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)')"
)
_TIME = re.compile(r"(?P<amount>\d{1,6}(?:\.\d{0,6})?|\.\d{1,6})\s*(?P<unit>ms|s)")
_ENTITY = re.compile(r"&(?:amp|lt|gt|quot|apos);")
_ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'"}
_DECIDING = ("phoneme", "say-as", "sub")
_LONGEST_IPA = 200
_SPELT = ("characters", "spell-out", "verbatim")
_STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.2, "medium": 0.4, "strong": 0.8, "x-strong": 1.2}


@attrs.frozen
class Pause:
    """A requested pause at a place in the text."""

    at: int
    seconds: float


@attrs.frozen
class PhonemePart:
    """A part of the text with a given pronunciation, from ``<phoneme>``."""

    start: int
    end: int
    phones: Phones
    """Empty if it has phones that English lacks."""
    ipa: str = ""
    """The pronunciation as written in the tag; empty if its alphabet is not IPA."""


@attrs.frozen
class SayAsPart:
    """A part of the text with words that are decided already: the content of ``<say-as>``."""

    start: int
    end: int
    tokens: Sequence[Token]


@attrs.frozen
class Markup:
    """A text without its tags, and the requests of the tags."""

    text: str
    """The source with spaces in place of tags, of the same length."""
    pauses: Sequence[Pause]
    said: Sequence[PhonemePart]
    spoken: Sequence[SayAsPart] = ()
    edits: Sequence[Edit] = ()
    stretches: Sequence[Stretch] = ()
    left_open: tuple[Prosody, ...] = ()
    """Prosody of the elements that end in a later chunk."""


@attrs.define(eq=False)
class _Elements:
    source: str
    english: bool = True
    pauses: list[Pause] = attrs.field(factory=list)
    said: list[PhonemePart] = attrs.field(factory=list)
    spoken: list[SayAsPart] = attrs.field(factory=list)
    edits: list[Edit] = attrs.field(factory=list)
    stretches: list[Stretch] = attrs.field(factory=list)
    stack: list[Prosody] = attrs.field(factory=list)
    prosody_since: int = 0
    opened: tuple[str, int, Mapping[str, str]] | None = None
    """The open element that replaces its content, if any: name, begin of the content, attributes."""

    def open(self, name: str, tag: re.Match[str]) -> None:
        """Handle a start tag."""
        if name == "break":
            self.pauses.append(Pause(tag.start(), _seconds(_attributes(tag))))
        elif name in _DECIDING and not tag[0].endswith("/>"):
            self.opened = name, tag.end(), _attributes(tag)
        elif is_prosody(name) and not tag[0].endswith("/>"):
            self.end_stretch(tag.start())
            self.stack.append(asked_prosody(name, _attributes(tag)))

    def close(self, name: str, tag: re.Match[str]) -> None:
        """Handle an end tag."""
        if name in _DECIDING and self.opened is not None and self.opened[0] == name:
            _, start, attributes = self.opened
            self.opened = None
            if self.source[start : tag.start()].strip():
                self.decide(name, start, tag.start(), attributes)
        elif is_prosody(name) and self.stack:
            self.end_stretch(tag.start())
            self.stack.pop()

    def decide(self, name: str, start: int, end: int, attributes: Mapping[str, str]) -> None:
        """Handle the content of an element that decides how it is read."""
        if name == "phoneme":
            said = PhonemePart(start, end, _phones(attributes) or (), _ipa(attributes))
            if said.phones or said.ipa:
                self.said.append(said)
        elif name == "sub":
            alias = html.unescape(attributes.get("alias", "")).strip()
            if alias:
                self.edits.append(Edit(start, end, alias, "sub"))
        elif not self.english:
            if attributes.get("interpret-as", "") in _SPELT:
                self.edits.append(Edit(start, end, " ".join(self.source[start:end]), "say-as"))
        else:
            written = self.source[start:end]
            tokens = say_as(attributes.get("interpret-as", ""), attributes.get("format", ""), written, start)
            if tokens is not None:
                self.spoken.append(SayAsPart(start, end, tokens))

    def end_stretch(self, place: int) -> None:
        """End the present stretch of prosody at a place."""
        prosody = combined(self.stack)
        if prosody is not None and place > self.prosody_since:
            self.stretches.append(Stretch(self.prosody_since, place, prosody))
        self.prosody_since = place


def read_markup(source: str, opened: Sequence[Prosody] = (), *, english: bool = True) -> Markup:
    """Find the tags of a text.  Never raises: an invalid tag has no effect.

    Args:
        source: the text.
        opened: prosody of the elements that an earlier chunk left open.
        english: whether the text is English.  In other languages `<say-as>` only spells.
    """
    elements = _Elements(source, english, stack=list(opened))
    parts: list[str] = []
    place = 0
    for tag in _TAG.finditer(source):
        parts.append(_unescape(source[place : tag.start()]))
        parts.append(" " * len(tag[0]))
        place = tag.end()
        name = (tag["name"] or "").lower()
        if tag["close"]:
            elements.close(name, tag)
            if name in ("p", "s", "paragraph", "sentence"):
                parts[-1] = ("\n\n" if name[0] == "p" else ". ") + parts[-1][2:]
        else:
            elements.open(name, tag)
    parts.append(_unescape(source[place:]))
    elements.end_stretch(len(source))
    text = _without(elements.spoken, "".join(parts))
    return Markup(
        text,
        elements.pauses,
        elements.said,
        elements.spoken,
        elements.edits,
        elements.stretches,
        tuple(elements.stack),
    )


def _without(spoken: Sequence[SayAsPart], text: str) -> str:
    """The text with a placeholder word for each decided part."""
    chars = list(text)
    for one in spoken:
        chars[one.start : one.end] = "o" * (one.end - one.start)
    return "".join(chars)


def apply_markup(markup: Markup, tokens: list[Token], *, english: bool = True) -> list[Token]:
    """Give the tokens the pauses, pronunciations and prosody that the tags request.

    Args:
        markup: of the text.
        tokens: of the text.
        english: whether the text is English.  Then a pronunciation with other phones has no effect.
    """
    said = [one for one in markup.said if one.phones] if english else [one for one in markup.said if one.ipa]
    tokens = _with_phones(said, _with_spoken(markup.spoken, tokens))
    _give_prosody(markup.stretches, tokens)
    index = 0
    for pause in markup.pauses:  # pauses and tokens are both in order
        while index < len(tokens) and tokens[index].end <= pause.at:
            index += 1
        if index:
            token = tokens[index - 1]
            token.pause_s = min((token.pause_s or 0.0) + pause.seconds, LONGEST_BREAK_S)
            if token.after is Break.NONE and pause.seconds:
                token.after = Break.COMMA
    return tokens


def leading_pause_s(markup: Markup, tokens: Sequence[Token]) -> float | None:
    """Requested seconds of silence before the first word, if any."""
    first = tokens[0].end if tokens else 0
    seconds = [pause.seconds for pause in markup.pauses if pause.at < first]
    return min(sum(seconds), LONGEST_BREAK_S) if seconds else None


def _with_spoken(spoken: Sequence[SayAsPart], tokens: list[Token]) -> list[Token]:
    if not spoken:
        return tokens
    result: list[Token] = []
    waiting = list(reversed(spoken))
    end = 0
    for token in tokens:
        if waiting and token.start >= waiting[-1].start:
            one = waiting.pop()
            result += one.tokens
            end = one.end
        if token.start >= end:
            result.append(token)
        elif result:  # part of the placeholder: only its break counts
            result[-1].after = token.after if token.after is not Break.NONE else result[-1].after
    return result


def _give_prosody(stretches: Sequence[Stretch], tokens: Sequence[Token]) -> None:
    index = 0
    for stretch in stretches:
        while index < len(tokens) and tokens[index].start < stretch.start:
            index += 1
        while index < len(tokens) and tokens[index].start < stretch.end:
            tokens[index].prosody = stretch.prosody
            index += 1


def _with_phones(said: Sequence[PhonemePart], tokens: list[Token]) -> list[Token]:
    if not said:
        return tokens
    result: list[Token] = []
    stretches = iter(said)
    current = next(stretches, None)
    last: PhonemePart | None = None
    for token in tokens:
        while current is not None and token.start >= current.end:
            current = next(stretches, None)
        if current is None or token.end <= current.start:
            result.append(token)
        elif last is current:
            merged = result[-1]
            merged.spoken, merged.end, merged.after = (
                f"{merged.spoken} {token.spoken}",
                token.end,
                token.after,
            )
        else:
            token.phones, token.ipa, token.is_letter = current.phones, current.ipa, False
            result.append(token)
            last = current
    return result


def _attributes(tag: re.Match[str]) -> dict[str, str]:
    return {
        found["name"].lower(): found["double"] if found["double"] is not None else found["single"]
        for found in _ATTRIBUTE.finditer(tag["attributes"])
    }


def _seconds(attributes: Mapping[str, str]) -> float:
    match = _TIME.fullmatch(attributes.get("time", "").strip())
    if match is None:
        return _STRENGTHS.get(attributes.get("strength", "medium"), _STRENGTHS["medium"])
    seconds = float(match["amount"]) * (0.001 if match["unit"] == "ms" else 1.0)
    return min(seconds, LONGEST_BREAK_S)


def _phones(attributes: Mapping[str, str]) -> Phones | None:
    written = attributes.get("ph", "")
    try:
        if attributes.get("alphabet", "ipa").lower() == "ipa":
            return phones_of_ipa(written)
        return parse_phones(written)
    except LocalError:
        return None  # the word is then read as it is written


def _ipa(attributes: Mapping[str, str]) -> str:
    if attributes.get("alphabet", "ipa").lower() != "ipa":
        return ""
    return attributes.get("ph", "").strip()[:_LONGEST_IPA]


def _unescape(text: str) -> str:
    """Replace entities by their character, and add spaces after the word to keep the length."""
    if "&" not in text:
        return text
    return _ENTITY.sub(lambda found: _ENTITIES[found[0]].ljust(len(found[0]), "\u200b"), text)
