"""Guess a word's part of speech from its neighbours, with a few tables and no tagger."""

from __future__ import annotations

import enum
from collections.abc import Sequence

import attrs

from zelitrio.text.tables import words


class PartOfSpeech(enum.Enum):
    """The likely part of speech of a word."""

    NOUN = "noun"
    """A noun or an adjective: names a thing or a quality."""
    VERB = "verb"
    UNKNOWN = "unknown"


DETERMINERS = words(
    """
    the a an this these those my your his her its our their whose no any some every each another either
    neither one two three four five six seven eight nine ten
    """
)
OBJECTS = words(
    "the a an this that these those my your his her its our their it them him me us all every each what how"
)
MODALS = words(
    """
    to will would can could should may might must shall cannot can't won't don't didn't doesn't couldn't
    wouldn't shouldn't let's please gonna wanna not never i'll you'll he'll she'll we'll they'll it'll i'd
    you'd he'd she'd we'd they'd did do does help
    """
)
SUBJECTS = words("i you we they who")
SINGULAR_SUBJECTS = words("he she it who which")
BE = words(
    "is are was were be been being am i'm you're he's she's it's we're they're isn't aren't wasn't weren't"
)
HAVE = words("have has had having i've you've we've they've haven't hasn't hadn't he's she's")
PREPOSITIONS = words("of in on at by for with from about into under over than per between against without")
_AFTER_VERBS = words("with when that if because to at as against")
_ADJECTIVE_ENDINGS = ("al", "ic", "ous", "ive", "able", "ful", "less", "est", "ary")
_ADJECTIVES = words(
    """
    new old good bad big small great high low more most less few many several first second last next own
    whole entire recent modern major minor same other fresh local organic poor stark sharp strong weak rapid
    slow huge tiny world current previous long short public private main free daily best
    """
)


@attrs.frozen
class Place:
    """One word among the others of its utterance."""

    words: Sequence[str]
    """Spoken words, lower case."""
    index: int
    begins: bool
    """Whether it is the first word, or follows a break."""
    ends: bool
    """Whether it is the last word, or a break follows it."""
    is_capital: bool
    """Whether it is written with a capital letter."""

    @property
    def word(self) -> str:
        """The word itself."""
        return self.words[self.index]

    def before(self, distance: int = 1) -> str:
        """The word `distance` places before; empty outside of the text or across a break."""
        at = self.index - distance
        return self.words[at] if at >= 0 and not self.begins else ""

    def after(self, distance: int = 1) -> str:
        """The word `distance` places after; empty outside of the text or across a break."""
        at = self.index + distance
        return self.words[at] if at < len(self.words) and not self.ends else ""


def part_of(place: Place, *, is_inflected: bool = False) -> PartOfSpeech:
    """Decide whether a word that can be both is a noun (or adjective) or a verb here.

    Args:
        place: the word among its neighbours.
        is_inflected: whether it ends in -s; as a verb it then follows a singular subject.
    """
    before, after = place.before(), place.after()
    if before.endswith("ly") and len(before) > 4:
        before = place.before(2)
    if before in MODALS and not is_inflected:
        return PartOfSpeech.VERB
    if before in (SINGULAR_SUBJECTS if is_inflected else SUBJECTS):
        return PartOfSpeech.VERB
    if before in DETERMINERS or before in PREPOSITIONS or before in BE or before in HAVE:
        return PartOfSpeech.NOUN
    if before.endswith(("'s", "s'")) or before in _ADJECTIVES:
        return PartOfSpeech.NOUN
    follows_noun = place.before(2) in DETERMINERS and before not in MODALS
    is_plural_before = before.endswith("s") and not before.endswith(("ss", "us", "is")) and len(before) > 3
    if follows_noun and not is_plural_before and not is_inflected:
        return PartOfSpeech.NOUN  # "a stark contrast": after a singular the verb would have its -s
    if is_plural_before and after in _AFTER_VERBS and not is_inflected:
        return PartOfSpeech.VERB  # "muscles contract when cold"
    if after in OBJECTS:
        return PartOfSpeech.VERB
    if before.endswith(_ADJECTIVE_ENDINGS) and len(before) > 4:
        return PartOfSpeech.NOUN
    if after in BE or after in HAVE or after == "of":
        return PartOfSpeech.NOUN
    return PartOfSpeech.UNKNOWN
