"""Heteronyms, words with one spelling and two pronunciations: three groups, and a table of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from zelitrio.text.context import BE, DETERMINERS, HAVE, MODALS, OBJECTS, PREPOSITIONS, SUBJECTS, PartOfSpeech
from zelitrio.text.tables import words

STRESSED = words(
    """
    record permit present object subject project produce progress protest rebel refuse reject contract
    conduct conflict contest contrast convert convict decrease increase import export insult digest discount
    exploit extract impact incline insert perfect pervert refund refill segment survey suspect transfer
    transport torment upset ally compound compress console construct defect discharge escort essay attribute
    update upgrade combat combine conscript converse ferment implant imprint incense purport recall
    transplant traverse abstract accent addict annex confines retake redress recap rewrite desert frequent
    """
)
"""Words in which the noun is stressed on an earlier syllable than the verb."""
STRESSED_VERBS = words(
    """
    refuse produce convert reject exploit extract incline pervert combine construct converse purport recall
    confine
    """
)
"""Words of `STRESSED` that are verbs unless the context shows a noun."""
ENDS_IN_ATE = words(
    """
    graduate estimate separate deliberate duplicate appropriate alternate associate advocate delegate
    elaborate articulate animate aggregate approximate intimate predicate subordinate syndicate coordinate
    moderate degenerate affiliate designate laminate postulate confederate consummate
    """
)
"""Words in which the verb has a full vowel in "-ate"."""
ENDS_IN_ATE_VERBS = words("coordinate animate designate postulate consummate")
"""Words of `ENDS_IN_ATE` that are verbs unless the context shows a noun."""
HISSES = words("use abuse excuse misuse diffuse house")
"""Words in which the noun ends in S and the verb in Z."""
HISSES_VERBS = words("use excuse")
"""Words of `HISSES` that are verbs unless the context shows a noun."""


@attrs.frozen(kw_only=True)
class Case:
    """A pronunciation and its conditions, which must all hold.  An empty condition always holds.

    A neighbour across a break counts as the empty string.
    """

    sound: str
    """Consecutive phones that only the chosen pronunciation has."""
    before: frozenset[str] | None = None
    not_before: frozenset[str] = frozenset()
    before_2: frozenset[str] | None = None
    after: frozenset[str] | None = None
    not_after: frozenset[str] = frozenset()
    near: frozenset[str] | None = None
    """One of these words must be at most two words away."""
    anywhere: frozenset[str] | None = None
    """One of these words must be in the utterance."""
    skips: frozenset[str] = frozenset()
    """If the word before is one of these or ends in "-ly", the word before it counts instead."""
    begins: bool | None = None
    ends: bool | None = None
    is_capital: bool | None = None
    part: PartOfSpeech | None = None


_NOTHING = frozenset({""})
_A_THE = words("a the")
_ADVERBS = words("just already never ever also only always")
_PAST = words("yesterday ago last once already when was were had then after before earlier")
_LONG_AGO = words("yesterday ago")
_LIVE_NOUNS = words(
    """
    music show shows concert concerts stream streams streaming broadcast broadcasts tv television event
    events band performance performances chat demo audience recording recordings coverage update updates
    data wire wires action session sessions video feed system server traffic ammunition ammo album game
    games support call captions
    """
)
_METAL = words(
    """
    paint paints pipe pipes poisoning pencil acid bullet bullets glass weight weights shot ore crystal free
    levels
    """
)
_RIPPED = words("apart down up off away through open")
_SHORT_TITLES = words("i'm you're he's she's we're they're am")


def _town(name: str, other: str) -> Sequence[Case]:
    leads = words("in to from near of at visit visited")
    return (Case(sound=name, is_capital=True, before=leads, begins=False), Case(sound=other))


def _long_ed(long: str, short: str, nouns: str) -> Sequence[Case]:
    """An adjective before one of the nouns has its "-ed" as a syllable."""
    return (Case(sound=long, after=words(nouns)), Case(sound=short))


def _plural_of_is(singular_is: str, usual: str, near: str) -> Sequence[Case]:
    """The plural of a word in "-is", beside one of these."""
    return (Case(sound=singular_is, near=words(near)), Case(sound=usual))


_TEAR = (
    Case(sound="EH1", part=PartOfSpeech.VERB, not_after=words("gas drop drops duct ducts")),
    Case(sound="EH1", after=_RIPPED | words("in out and gas's")),
    Case(sound="EH1", begins=True, not_after=words("gas drop drops duct ducts")),
    Case(sound="IH1"),
)

TABLE: Mapping[str, Sequence[Case]] = {
    "read": (
        Case(sound="IY1", before=MODALS, skips=_ADVERBS),
        Case(sound="IY1", begins=True),
        Case(sound="EH1", before=HAVE | BE | words("he she it well"), skips=_ADVERBS),
        Case(sound="EH1", before=SUBJECTS, anywhere=_PAST, skips=_ADVERBS),
        Case(sound="EH1", not_before=SUBJECTS, anywhere=_LONG_AGO, skips=_ADVERBS),
        Case(sound="IY1"),
    ),
    "live": (
        Case(sound="AY1", after=_LIVE_NOUNS),
        Case(sound="AY1", before=words("go goes going went gone streamed broadcast aired performed is's")),
        Case(sound="AY1", before=_A_THE, not_after=_NOTHING),
        Case(sound="AY1", before=BE, after=_NOTHING | words("on now from at")),
        Case(sound="IH1"),
    ),
    "lives": (
        Case(sound="AY1", before=DETERMINERS - {"this"}),
        Case(
            sound="AY1",
            before=words("of save saved saving many lost human people's our nine past real daily"),
        ),
        Case(sound="IH1"),
    ),
    "lead": (
        Case(sound="EH1", after=_METAL),
        Case(sound="EH1", before=words("of contains contain from as"), ends=True),
        Case(sound="EH1", before=words("as of"), before_2=words("heavy made")),
        Case(sound="IY1"),
    ),
    "tear": _TEAR,
    "tears": (
        Case(sound="EH1", before=words("he she it")),
        Case(sound="EH1", after=_RIPPED),
        Case(sound="IH1"),
    ),
    "wind": (
        Case(sound="AY1", before=MODALS | SUBJECTS),
        Case(sound="AY1", after=words("up down"), not_before=DETERMINERS),
        Case(sound="AY1", begins=True, after=OBJECTS | words("back forward through")),
        Case(sound="AY1", before=words("then and or now carefully gently slowly always"), after=OBJECTS),
        Case(sound="IH1"),
    ),
    "winds": (
        Case(sound="AY1", before=words("he she it road river path trail street stream")),
        Case(
            sound="AY1",
            after=words("up its through around along his her the my your"),
            not_before=DETERMINERS,
        ),
        Case(sound="IH1"),
    ),
    "wound": (
        Case(
            sound="AW1",
            after=words("up around round down through tightly its the back"),
            not_before=DETERMINERS,
        ),
        Case(sound="UW1"),
    ),
    "bow": (
        Case(
            sound="OW1",
            near=words(
                """
                tie ties arrow arrows violin cello hair ribbon tied red pink string compound archery
                """
            ),
        ),
        Case(sound="AW1"),
    ),
    "sow": (Case(sound="AW1", before=DETERMINERS), Case(sound="OW1")),
    "bass": (
        Case(
            sound="AE1",
            near=words(
                """
                fishing fish sea striped largemouth smallmouth caught catch lake river grilled pond boat
                """
            ),
        ),
        Case(sound="EY1"),
    ),
    "dove": (
        Case(
            sound="OW1",
            after=words("into in off down under right straight for headfirst deep deeper from through to"),
            not_before=DETERMINERS,
        ),
        Case(sound="AH1"),
    ),
    "close": (
        Case(sound="S", after=words("to by enough together")),
        Case(sound="Z", before=(MODALS - {"not", "never"}) | SUBJECTS),
        Case(
            sound="Z",
            after=words("the a an your my his her its our their this that it all up down"),
            not_before=BE,
        ),
        Case(sound="Z", after=words("of")),
        Case(sound="S"),
    ),
    "minute": (
        Case(
            sound="UW1",
            after=words(
                """
                detail details amount amounts particles particle quantities quantity differences difference
                changes traces fraction fractions inspection
                """
            ),
        ),
        Case(sound="IH1"),
    ),
    "content": (
        Case(
            sound="EH1",
            before=BE | words("feel feels felt quite perfectly very seemed seems not"),
            after=words("with to and just"),
        ),
        Case(
            sound="EH1",
            before=BE | words("feel feels felt quite perfectly very seemed seems not"),
            ends=True,
        ),
        Case(sound="AA1"),
    ),
    "complex": (
        Case(sound="AA1", before=DETERMINERS, ends=True),
        Case(sound="AA1", before=DETERMINERS, after=BE | PREPOSITIONS),
        Case(sound="AA1", before=words("apartment sports housing shopping inferiority industrial military")),
        Case(sound="EH1"),
    ),
    "invalid": (
        Case(sound="IH1", before=DETERMINERS, ends=True),
        Case(sound="IH1", before=DETERMINERS, after=BE | HAVE | words("who for")),
        Case(sound="AE1"),
    ),
    "resume": (
        Case(sound="EY2", before=DETERMINERS | words("of in on with cover strong good updated")),
        Case(sound="UW1"),
    ),
    "polish": (
        Case(sound="OW1", is_capital=True, begins=False),
        Case(
            sound="OW1",
            is_capital=True,
            after=words(
                """
                people language food government army border citizen citizens president woman man culture
                zloty
                """
            ),
        ),
        Case(sound="AA1"),
    ),
    "august": (Case(sound="AO1", is_capital=True), Case(sound="AO0")),
    "reading": _town("EH1", "IY1"),
    "nice": _town("IY1", "AY1"),
    "buffet": (Case(sound="AH1", part=PartOfSpeech.VERB), Case(sound="EY1")),
    "used": (
        Case(sound="T", after=words("to"), not_before=BE - _SHORT_TITLES),
        Case(sound="D"),
    ),
    "learned": _long_ed(
        "IH0", "N D", "man men woman scholar scholars judge society professor colleague friend counsel"
    ),
    "aged": _long_ed("IH0", "JH D", "man men woman women parents mother father relatives care"),
    "blessed": _long_ed("IH0", "S T", "virgin mother trinity event sacrament relief silence"),
    "axes": _plural_of_is(
        "IY2", "IH2", "x y z coordinate both three graph chart vertical horizontal rotation"
    ),
    "bases": _plural_of_is("IY0", "AH0", "theoretical legal factual scientific moral mathematical regular"),
    "address": (Case(sound="EH1", part=PartOfSpeech.VERB), Case(sound="AE1")),
    "entrance": (Case(sound="AE1", part=PartOfSpeech.VERB), Case(sound="EH1")),
}
"""The cases of each word: the first one that holds is used; the last one always holds."""
