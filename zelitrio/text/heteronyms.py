"""Words of one spelling and two sounds: which one, by the words beside them.

The sounds are the dictionary's variants; a rule here only chooses.  Most are of three families: the
noun is stressed earlier than the verb (a REcord, to reCORD), the noun ends in a weak "-ate" and the
verb in a full one, or the noun ends in S and the verb in Z (the use, to use).  The others have a
rule each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from zelitrio.text.context import BE, DETERMINERS, HAVE, MODALS, PREPOSITIONS, SUBJECTS, Part, Place, part_of
from zelitrio.text.morphology import plural_sound
from zelitrio.text.phones import is_vowel, stress_of
from zelitrio.text.tables import words
from zelitrio.text.types import Phones

_STRESS = words(
    """
    record permit present object subject project produce progress protest rebel refuse reject contract
    conduct conflict contest contrast convert convict decrease increase import export insult digest discount
    exploit extract impact incline insert perfect pervert refund refill segment survey suspect transfer
    transport torment upset ally compound compress console construct defect discharge escort essay attribute
    update upgrade combat combine conscript converse ferment implant imprint incense purport recall
    transplant traverse abstract accent addict annex confines retake redress recap rewrite desert frequent
    """
)
_VERBS = words(
    """
    refuse produce perfect_verb convert reject exploit extract incline pervert combine construct converse
    purport recall confine
    """
)
"""Of those: a verb unless shown otherwise."""
_ATE = words(
    """
    graduate estimate separate deliberate duplicate appropriate alternate associate advocate delegate
    elaborate articulate animate aggregate approximate intimate predicate subordinate syndicate coordinate
    moderate degenerate affiliate designate laminate postulate confederate consummate
    """
)
_ATE_VERBS = words("coordinate animate designate postulate consummate")
_HISS = words("use abuse excuse misuse diffuse house")

Choose = Callable[[Place], "Callable[[Phones], bool]"]


def choose(place: Place, find: Callable[[str], Sequence[Phones]]) -> Phones | None:
    """The sound that fits the place; None when the word is no heteronym or no sound of it fits.

    Args:
        place: the word among the others.
        find: all the dictionary's sounds of a word.
    """
    word = place.word
    rule = _RULES.get(word)
    if rule is not None:
        return _first(find(word), rule(place))
    stem = word[:-1] if word.endswith("s") and word not in _FAMILIES else word
    family = _FAMILIES.get(stem)
    if family is None:
        return None
    variants = find(word)
    if len(variants) < 2 and stem != word:
        variants = [plural_sound(said) for said in find(stem)]
    if len(variants) < 2:
        return None
    part = part_of(place, is_inflected=stem != word)
    return family(stem, part, variants)


def _first(variants: Sequence[Phones], fits: Callable[[Phones], bool]) -> Phones | None:
    return next((said for said in variants if fits(said)), None)


def _by_stress(stem: str, part: Part, variants: Sequence[Phones]) -> Phones:
    is_verb = part is Part.VERB or (part is Part.UNKNOWN and stem in _VERBS)
    # Of variants stressed alike the dictionary's first is kept: min and max take the first of equals.
    return max(variants, key=_main_stress) if is_verb else min(variants, key=_main_stress)


def _by_ate(stem: str, part: Part, variants: Sequence[Phones]) -> Phones | None:
    is_verb = part is Part.VERB or (part is Part.UNKNOWN and stem in _ATE_VERBS)
    return _first(variants, lambda said: ("EY2" in said[-3:] or "EY1" in said[-3:]) == is_verb)


def _by_hiss(stem: str, part: Part, variants: Sequence[Phones]) -> Phones | None:
    is_verb = part is Part.VERB or (part is Part.UNKNOWN and stem in ("use", "excuse"))
    # The hiss is the last sound, or stands before the IH0 Z of an inflected form.
    return _first(variants, lambda said: (said[-3 if said[-2] in ("IH0", "AH0") else -1] == "Z") == is_verb)


def _main_stress(said: Phones) -> int:
    stresses = [stress_of(phone) for phone in said if is_vowel(phone)]
    return stresses.index(1) if 1 in stresses else len(stresses)


_FAMILIES: dict[str, Callable[[str, Part, Sequence[Phones]], Phones | None]] = {
    **dict.fromkeys(_STRESS, _by_stress),
    **dict.fromkeys(_ATE, _by_ate),
    **dict.fromkeys(_HISS, _by_hiss),
}

# Words with a rule of their own.  Each returns a test that the fitting variant passes.

_PAST_SIGNS = words("yesterday ago last once already when was were had then after before earlier")


def _has(*phones: str) -> Callable[[Phones], bool]:
    return lambda said: any(phone in said for phone in phones)


def _read(place: Place) -> Callable[[Phones], bool]:
    before = place.before()
    if before in ("just", "already", "never", "ever", "also", "only", "always") or before.endswith("ly"):
        before = place.before(2)
    is_past = (
        before in HAVE
        or before in BE
        or before in ("he", "she", "it", "well")
        or (before in SUBJECTS and bool(_PAST_SIGNS & set(place.words)))
        or (before not in MODALS and before not in SUBJECTS and bool({"yesterday", "ago"} & set(place.words)))
    )
    if before in MODALS or place.begins:
        is_past = False
    return _has("EH1") if is_past else _has("IY1")


_LIVE_NOUNS = words(
    """
    music show shows concert concerts stream streams streaming broadcast broadcasts tv television event
    events band performance performances chat demo audience recording recordings coverage update updates
    data wire wires action session sessions video feed system server traffic ammunition ammo album game
    games support call captions
    """
)


def _live(place: Place) -> Callable[[Phones], bool]:
    before, after = place.before(), place.after()
    is_adjective = (
        after in _LIVE_NOUNS
        or before in words("go goes going went gone streamed broadcast aired performed is's")
        or (before in ("a", "the") and after != "")
        or (before in BE and after in ("", "on", "now", "from", "at"))
    )
    return _has("AY1") if is_adjective else _has("IH1")


def _lives(place: Place) -> Callable[[Phones], bool]:
    before = place.before()
    is_noun = (before in DETERMINERS and before not in ("this",)) or before in words(
        "of save saved saving many lost human people's our nine past real daily"
    )
    return _has("AY1") if is_noun else _has("IH1")


def _lead(place: Place) -> Callable[[Phones], bool]:
    is_metal = (
        place.after()
        in words(
            "paint paints pipe pipes poisoning pencil acid bullet bullets glass weight weights "
            "shot ore crystal free levels"
        )
        or (place.before() in ("of", "contains", "contain", "from", "as") and place.ends)
        or (place.before(2) in ("heavy", "made") and place.before() in ("as", "of"))
    )
    return _has("EH1") if is_metal else _has("IY1")


def _tear(place: Place) -> Callable[[Phones], bool]:
    after, before = place.after(), place.before()
    is_plural = place.word == "tears"
    if is_plural:
        is_rip = before in words("he she it") or after in words("apart down up off away through open")
    else:
        is_rip = part_of(place) is Part.VERB or after in words(
            "in apart down up off away through open out and gas's"
        )
        is_rip = (is_rip or place.begins) and after not in words("gas drop drops duct ducts")
    return _has("EH1") if is_rip else _has("IH1")


def _wind(place: Place) -> Callable[[Phones], bool]:
    is_turning = place.before() in MODALS | SUBJECTS or (
        place.after() in ("up", "down") and place.before() not in DETERMINERS
    )
    return _has("AY1") if is_turning else _has("IH1")


def _wound(place: Place) -> Callable[[Phones], bool]:
    is_turned = place.after() in words("up around round down through tightly its the back") and (
        place.before() not in DETERMINERS
    )
    return _has("AW1") if is_turned else _has("UW1")


def _bow(place: Place) -> Callable[[Phones], bool]:
    near = {place.before(), place.before(2), place.after(), place.after(2)}
    is_knot = bool(
        near & words("tie ties arrow arrows violin cello hair ribbon tied red pink string compound archery")
    )
    return _has("OW1") if is_knot else _has("AW1")


def _sow(place: Place) -> Callable[[Phones], bool]:
    return _has("AW1") if place.before() in DETERMINERS else _has("OW1")


def _bass(place: Place) -> Callable[[Phones], bool]:
    near = {place.before(), place.before(2), place.after(), place.after(2)}
    is_fish = bool(
        near
        & words("fishing fish sea striped largemouth smallmouth caught catch lake river grilled pond boat")
    )
    return _has("AE1") if is_fish else _has("EY1")


def _dove(place: Place) -> Callable[[Phones], bool]:
    is_jump = place.before() not in DETERMINERS and place.after() in words(
        "into in off down under right straight for headfirst deep deeper from through to"
    )
    return _has("OW1") if is_jump else _has("AH1")


def _close(place: Place) -> Callable[[Phones], bool]:
    before, after = place.before(), place.after()
    is_verb = (
        before in MODALS - words("not never") | SUBJECTS
        or (
            after in words("the a an your my his her its our their this that it all up down")
            and before not in BE
        )
        or after == "of"
    ) and after not in ("to", "by", "enough", "together")
    return _has("Z") if is_verb else (lambda said: said[-1] == "S")


def _minute(place: Place) -> Callable[[Phones], bool]:
    is_small = place.after() in words(
        "detail details amount amounts particles particle quantities quantity differences difference changes "
        "traces "
        "fraction fractions inspection"
    )
    return _has("UW1") if is_small else _has("IH1")


def _content(place: Place) -> Callable[[Phones], bool]:
    is_pleased = place.before() in BE | words("feel feels felt quite perfectly very seemed seems not") and (
        place.after() in words("with to and just") or place.ends
    )
    return (lambda said: _main_stress(said) == 1) if is_pleased else (lambda said: _main_stress(said) == 0)


def _complex(place: Place) -> Callable[[Phones], bool]:
    is_noun = place.before() in DETERMINERS and (place.ends or place.after() in BE | PREPOSITIONS)
    is_noun = is_noun or place.before() in words(
        "apartment sports housing shopping inferiority industrial military"
    )
    return (lambda said: _main_stress(said) == 0) if is_noun else (lambda said: _main_stress(said) == 1)


def _invalid(place: Place) -> Callable[[Phones], bool]:
    is_person = place.before() in DETERMINERS and (
        place.ends or place.after() in BE | HAVE | words("who for")
    )
    return (lambda said: _main_stress(said) == 0) if is_person else (lambda said: _main_stress(said) == 1)


def _resume(place: Place) -> Callable[[Phones], bool]:
    is_paper = place.before() in DETERMINERS or place.before() in words(
        "of in on with cover strong good updated"
    )
    return (lambda said: said[-1].startswith("EY")) if is_paper else (lambda said: said[-1] == "M")


def _polish(place: Place) -> Callable[[Phones], bool]:
    follows = words(
        "people language food government army border citizen citizens president woman man culture zloty"
    )
    is_nation = place.is_capital and (not place.begins or place.after() in follows)
    return _has("OW1") if is_nation else _has("AA1")


def _august(place: Place) -> Callable[[Phones], bool]:
    return (lambda said: said[0].endswith("1")) if place.is_capital else (lambda said: said[0].endswith("0"))


def _town(name_phone: str, other_phone: str) -> Choose:
    def rule(place: Place) -> Callable[[Phones], bool]:
        is_town = (
            place.is_capital
            and place.before() in words("in to from near of at visit visited")
            and not place.begins
        )
        return _has(name_phone) if is_town else _has(other_phone)

    return rule


def _buffet(place: Place) -> Callable[[Phones], bool]:
    return _has("EY1") if part_of(place) is not Part.VERB else _has("AH1")


def _used(place: Place) -> Callable[[Phones], bool]:
    before = place.before()
    is_custom = place.after() == "to" and (
        before not in BE or before in words("i'm you're he's she's we're they're am")
    )
    return (lambda said: said[-1] == "T") if is_custom else (lambda said: said[-1] == "D")


def _adjective_ed(*nouns: str) -> Choose:
    wanted = words(" ".join(nouns))

    def rule(place: Place) -> Callable[[Phones], bool]:
        is_long = place.after() in wanted
        return lambda said: (said[-2] in ("AH0", "IH0")) == is_long

    return rule


def _plural_of_is(*near: str) -> Choose:
    wanted = words(" ".join(near))

    def rule(place: Place) -> Callable[[Phones], bool]:
        is_long = bool({place.before(), place.before(2), place.after(), place.after(2)} & wanted)
        return lambda said: said[-2].startswith("IY") == is_long

    return rule


def _address(place: Place) -> Callable[[Phones], bool]:
    is_verb = part_of(place) is Part.VERB
    return (lambda said: _main_stress(said) == 1) if is_verb else (lambda said: _main_stress(said) == 0)


def _entrance(place: Place) -> Callable[[Phones], bool]:
    is_verb = part_of(place) is Part.VERB
    return (lambda said: _main_stress(said) == 1) if is_verb else (lambda said: _main_stress(said) == 0)


_RULES: dict[str, Choose] = {
    "read": _read,
    "live": _live,
    "lives": _lives,
    "lead": _lead,
    "tear": _tear,
    "tears": _tear,
    "wind": _wind,
    "wound": _wound,
    "bow": _bow,
    "sow": _sow,
    "bass": _bass,
    "dove": _dove,
    "close": _close,
    "minute": _minute,
    "content": _content,
    "complex": _complex,
    "invalid": _invalid,
    "resume": _resume,
    "polish": _polish,
    "august": _august,
    "reading": _town("EH1", "IY1"),
    "nice": _town("IY1", "AY1"),
    "buffet": _buffet,
    "used": _used,
    "learned": _adjective_ed(
        "man men woman scholar scholars judge society professor colleague friend counsel"
    ),
    "aged": _adjective_ed("man men woman women parents mother father relatives care"),
    "blessed": _adjective_ed("virgin mother trinity event sacrament relief silence"),
    "axes": _plural_of_is("x y z coordinate both three graph chart vertical horizontal rotation"),
    "bases": _plural_of_is("theoretical legal factual scientific moral mathematical regular"),
    "address": _address,
    "entrance": _entrance,
}

HETERONYMS = frozenset({*_FAMILIES, *_RULES, *(f"{word}s" for word in _FAMILIES)})
"""Every word for which `choose` has a rule."""
