"""Check whether a text fits a recording, by script, language and length."""

from __future__ import annotations

import unicodedata

from zelitrio.text import Lexicon, Utterance

SLOWEST, FASTEST = 4.0, 25.0
"""Range of phones per second of speech without pauses; readers are between 9 and 16."""
_UNSPEAKABLE = 0.1
_FOREIGN = ((0.15, 0.1), (0.25, 0.2))
"""A text is not English if, for one of these pairs, at least the first share of its words is unknown and less
than the second share are function words."""
_WORDS = 4
# About half of the words of an English text; other languages have few of them.
_FUNCTION_WORDS = frozenset(
    "the of to in on at by for from with as and or but nor so if than that this these those is am are"
    " was were be been being do does did has have had will would shall should can could may might must"
    " i you he she it we they him her us them my your his its our their who which what there not no a"
    " an up out all one when then into over more some any only now here how where why very just".split()
)


def text_fault(utterance: Utterance, lexicon: Lexicon) -> str | None:
    """Why a text is not English, judged by its reading; None if it is."""
    text = utterance.source
    letters = [at for at, char in enumerate(text) if unicodedata.category(char).startswith("L")]
    spoken = {at for word in utterance.words for at in range(*word.span)}
    lost = sum(at not in spoken for at in letters)
    if not utterance.words:
        return f"nothing in it can be spoken: {text[:40]!r}"
    if lost > _UNSPEAKABLE * len(letters):
        return f"{lost} of its {len(letters)} letters cannot be spoken: {text[:40]!r}"
    words = [word.spoken for word in utterance.words]
    unknown = sum(
        word.spoken not in lexicon or not text[slice(*word.span)].isascii() for word in utterance.words
    )
    usual = sum(word in _FUNCTION_WORDS for word in words)
    if len(words) >= _WORDS and any(
        unknown >= most * len(words) and usual < least * len(words) for most, least in _FOREIGN
    ):
        return (
            f"it does not look like English: {unknown} of its {len(words)} words are unknown: {text[:40]!r}"
        )
    return None


def pace_fault(utterance: Utterance, speech_s: float) -> str | None:
    """Why a text is too long or too short for `speech_s` of speech; None if it fits."""
    pace = len(utterance.phones) / max(speech_s, 0.01)
    if SLOWEST <= pace <= FASTEST:
        return None
    return (
        f"the text does not fit the sound: {len(utterance.source)} characters in {speech_s:.1f} s of speech, "
        f"{pace:.1f} sounds a second; people speak {SLOWEST:.0f} to {FASTEST:.0f}"
    )
