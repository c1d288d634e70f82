"""Rules for abbreviations with a full stop, which depend on their neighbours; initials; degrees."""

from __future__ import annotations

import re

import attrs

from zelitrio.text import abbreviations as short
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.sentences import ends_after_abbreviation
from zelitrio.text.tables import words
from zelitrio.text.types import Break

_NOT_NAMES = words(
    "the a an and or but if when so in on at to of for from with by as is was it he she they we you i"
)
_WORDS_TOO = words("co ref art min max ca ch sec fig")
"""Abbreviations that are also words, and are read as words without a word after and a name before them."""
_AFTER_PLACES = words("unit apt suite ste floor room north south east west n s e w nw ne sw se and at po")
"""Words that follow a street in an address; before them "St." is a street, not a saint."""
_BEFORE_DAYS = words("on this next last until by every closed open each and from")
_NEXT_WORD = re.compile(r"[\"'“‘(]?\s*(?P<word>\w{0,40})")


@rule(
    Rank.ABBREVIATION,
    "a",
    r"(?:e\.g\.|i\.e\.|a\.k\.a\.|et\ al\.|w/o|b/c|w/)(?![^\W\d_])",
    re.IGNORECASE,
    plain_words=("et",),
    examples={"e.g. this": "for example this", "w/o cheese": "without cheese", "et al.": "and others"},
)
def lettered(reader: Reader, match: re.Match[str]) -> bool:
    """Read an abbreviation of letters with full stops or slashes."""
    if reader.touches(match.start()):
        return False
    said = match[0].lower().replace(" ", "_")
    reader.say(short.LETTERED.get(said, short.LETTERED.get(match[0].lower(), said)), *match.span())
    return True


@rule(
    Rank.ABBREVIATION,
    "PMBEDL",
    r"(?:Ph\.?\s?D|M\.D|B\.Sc|M\.Sc|B\.A|M\.A|Ed\.D|D\.Phil|LL\.[BM])(?P<stop>\.?)"
    r"(?P<ending>['’]?s(?![^\W_]))?(?![^\W_])",
    plain_words=("ph",),
    examples={"Ph.D.": "p h d", "M.A.": "m a", "two Ph.D.s": "two p h d's"},
)
def degree(reader: Reader, match: re.Match[str]) -> bool:
    """Spell an academic degree."""
    if reader.touches(match.start()):
        return False
    letters = "".join([char for char in match[0][: match.start("stop") - match.start()] if char.isalpha()])
    if letters == "DPhil":
        reader.say("d phil", *match.span())
    else:
        reader.spell(letters, *match.span(), ending="'s" if match["ending"] else "")
    _stop(reader, match)
    return True


@rule(
    Rank.ABBREVIATION,
    "a",
    r"(?:[A-Za-z]\.){2,12}(?P<last>[A-Z](?![^\W_]))?(?P<ending>['’]s(?![^\W_]))?(?![^\W_])",
    examples={
        "the U.S.": "the u s",
        "the a.m. train": "the a m train",
        "J.R.R. Tolkien": "j r r tolkien",
        "the U.K.'s": "the u k's",
    },
)
def dotted_initialism(reader: Reader, match: re.Match[str]) -> bool:
    """Spell letters that each have a full stop."""
    if reader.touches(match.start()):
        return False
    for letter in re.finditer(r"(?<!['’])[A-Za-z]\.?", match[0]):
        reader.spell(letter[0][0], match.start() + letter.start(), match.start() + letter.end())
    if match["ending"]:
        reader.tokens[-1].spoken += "'s"
        reader.tokens[-1].end = match.end()
    elif not match["last"]:
        _stop(reader, match)
    return True


@rule(
    Rank.ABBREVIATION,
    "a",
    r"(?P<word>[A-Za-z]{1,7})\.(?![^\W_])",
    plain_words=(*short.TITLES, *short.MONTHS, *short.DAYS, *short.PLACES, *short.WORDS, "no"),
    examples={
        "Dr. Lee": "doctor lee",
        "Elm Dr.": "elm drive",
        "St. Louis": "saint louis",
        "Main St.": "main street",
        "No. 5": "number five",
        "eggs, etc.": "eggs et cetera",
        "J. Smith": "j smith",
    },
)
def abbreviation(reader: Reader, match: re.Match[str]) -> bool:
    """Read an abbreviation by the words on both sides of it."""
    if reader.touches(match.start()):
        return False
    word = match["word"].lower()
    if word == "est" and match["word"].isupper():
        return False  # the time zone
    sides = _Sides.of(reader, match)
    if len(word) == 1:
        if word in ("p", "c") and sides.is_number_next and match["word"].islower():
            reader.say("page" if word == "p" else "circa", *match.span())
            return True
        is_initial = match["word"].isupper() and word != "i" and sides.is_name_next and not sides.ends
        if is_initial:
            reader.spell(word, *match.span())
        return is_initial
    said = _expand(word, sides)
    if said is None:
        return False
    reader.say(said, *match.span())
    if said != short.TITLES.get(word):  # "Dr. No": a title's full stop ends nothing
        _stop(reader, match)
    return True


@attrs.frozen
class _Sides:
    is_capital: bool
    """Whether it is written with a capital."""
    previous: str
    after: str
    is_comma_next: bool
    is_name_next: bool
    ends: bool
    """Whether its full stop also ends the sentence."""

    @classmethod
    def of(cls, reader: Reader, match: re.Match[str]) -> _Sides:
        text, end = reader.text, match.end()
        following = _NEXT_WORD.match(text, end)
        after = following["word"] if following else ""
        return cls(
            match["word"][0].isupper(),
            reader.previous(),
            after,
            text[end : end + 1] == ",",
            after[:1].isupper() and text[end : end + 1].isspace(),
            ends_after_abbreviation(text, end),
        )

    @property
    def follows_name(self) -> bool:
        """Whether it follows a capitalised word, a number or "&": "Elm Dr.", "Smith & Co."."""
        first = self.previous[:1]
        return (
            first.isupper() or first.isdecimal() or first == "&"
        ) and self.previous.lower() not in _NOT_NAMES

    @property
    def is_number_next(self) -> bool:
        """Whether a digit comes next."""
        return self.after[:1].isnumeric()


def _expand(word: str, sides: _Sides) -> str | None:
    """The words of an abbreviation with these neighbours; None if it is a plain word."""
    if word in ("no", "nos"):
        is_count = sides.is_number_next or (word == "no" and sides.after == "of")
        return short.WORDS.get(word, "number") if is_count else None
    if word in ("jr", "sr") and sides.follows_name:
        return short.WORDS[word]
    # "St. Mary" after a name is still a saint; "Main St. The ..." is a street.
    is_title_here = word in short.TITLES and sides.is_name_next and not sides.ends
    is_title_here = is_title_here and sides.after.lower() not in _AFTER_PLACES
    if word in short.PLACES and sides.follows_name and not is_title_here:
        return short.PLACES[word]
    if word in short.TITLES and sides.is_capital and (sides.is_name_next or word in ("mr", "mrs", "ms")):
        return short.TITLES[word]
    if (
        word in short.MONTHS
        and sides.is_capital
        and (sides.is_number_next or word not in ("mar", "jun", "jan"))
    ):
        return short.MONTHS[word]
    if (
        word in short.DAYS
        and sides.is_capital
        and (
            word not in ("sun", "sat")
            or sides.is_comma_next
            or sides.previous.lower() in _BEFORE_DAYS
            or sides.after[:3].lower() in short.MONTHS
        )
    ):
        return short.DAYS[word]
    if word in short.WORDS and not (word in _WORDS_TOO and not sides.after and not sides.follows_name):
        return short.WORDS[word]
    return None


def _stop(reader: Reader, match: re.Match[str]) -> None:
    if match[0].endswith(".") and ends_after_abbreviation(reader.text, match.end()):
        reader.mark(Break.STOP)


RULES = (lettered, degree, dotted_initialism, abbreviation)
