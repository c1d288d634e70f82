"""Rules for plain numbers: ordinals, fractions, ranges, powers, decimals, cardinals."""

from __future__ import annotations

import re
from math import gcd

from zelitrio.text.numbers import MOST_DIGITS, cardinal, digits, number_words, ordinal, plural
from zelitrio.text.patterns import DASH, NUMBER, SPACE, WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.tables import table

_WHOLE_SLASHES = table(
    "24/7=twenty_four_seven 9/11=nine_eleven 50/50=fifty_fifty 7/11=seven_eleven 20/20=twenty_twenty"
)
VULGAR = {
    "½": (1, 2), "⅓": (1, 3), "⅔": (2, 3), "¼": (1, 4), "¾": (3, 4), "⅕": (1, 5), "⅖": (2, 5), "⅗": (3, 5),
    "⅘": (4, 5), "⅙": (1, 6), "⅚": (5, 6), "⅐": (1, 7), "⅛": (1, 8), "⅜": (3, 8), "⅝": (5, 8), "⅞": (7, 8),
    "⅑": (1, 9), "⅒": (1, 10),
}  # fmt: skip
_VULGARS = "".join(VULGAR)
_DENOMINATORS = frozenset({2, 3, 4, 5, 6, 7, 8, 9, 12, 16, 20, 32, 64, 100})
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_SIGNS = {"-": "minus", "−": "minus", "+": "plus", "±": "plus or minus", "~": "about", "≈": "about"}


@rule(
    Rank.NUMBER,
    "0",
    r"[1-9]\d{0,2}(?:[ \u00a0\u2009\u202f]\d{3}){2,6}(?![ .,]?\d)",
    examples={"1 000 000": "one million"},
)
def spaced(reader: Reader, match: re.Match[str]) -> bool:
    """Read "1 000 000" as one number; "1 000", with a single space, is two numbers."""
    if reader.touches(match.start()):
        return False
    reader.say(cardinal(int("".join(match[0].split()))), *match.span())
    return True


@rule(Rank.NUMBER, "0", rf"(?P<number>\d{{1,3}})s{WORD_END}", examples={"B-52s": "b fifty twos"})
def plural_number(reader: Reader, match: re.Match[str]) -> None:
    """Read the plural of a number."""
    reader.say(plural(cardinal(int(match["number"]))), *match.span())


@rule(
    Rank.NUMBER,
    "0",
    rf"(?P<score>\d{{1,2}}\.\d{{1,2}})(?P<slash>/)(?P<most>5|10|20|100){WORD_END}",
    examples={"4.5/5": "four point five out of five"},
)
def rating(reader: Reader, match: re.Match[str]) -> None:
    """Read a rating with a decimal."""
    reader.say(number_words(match["score"]), *match.span("score"))
    reader.say("out of", *match.span("slash"))
    reader.say(cardinal(int(match["most"])), *match.span("most"))


@rule(
    Rank.NUMBER,
    "0",
    rf"(?P<number>\d{{1,3}}(?:,\d{{3}}){{1,9}}|\d{{1,30}})(?:st|nd|rd|th|ST|ND|RD|TH){WORD_END}",
    examples={"1st": "first", "22nd": "twenty second", "1,000th": "one thousandth"},
)
def ordinals(reader: Reader, match: re.Match[str]) -> None:
    """Read an ordinal number."""
    reader.say(ordinal(int(match["number"].replace(",", ""))), *match.span())


@rule(
    Rank.NUMBER,
    "0",
    rf"(?:(?P<whole>\d{{1,6}})[ -])?(?P<top>\d{{1,6}})[/⁄](?P<bottom>\d{{1,6}})"
    rf"(?:(?P<th>st|nd|rd|th)s?)?{WORD_END}(?!/\d)",
    examples={
        "3/4": "three quarters",
        "2 1/2": "two and a half",
        "8/10": "eight out of ten",
        "5/3": "five slash three",
    },
)
def fraction(reader: Reader, match: re.Match[str]) -> bool:
    """Read a fraction; pairs that are not one are read with "out of" or "slash"."""
    whole, top, bottom = match["whole"], int(match["top"]), int(match["bottom"])
    is_split = top + bottom == 100 and not whole and not match["th"]
    if is_split and match[0] not in _WHOLE_SLASHES:
        reader.say(cardinal(top), *match.span("top"))
        reader.say(cardinal(bottom), *match.span("bottom"))
    elif match[0] in _WHOLE_SLASHES:
        reader.say(_WHOLE_SLASHES[match[0]], *match.span())
    elif (bottom in _DENOMINATORS and 0 < top < bottom and gcd(top, bottom) == 1) or match["th"] or whole:
        if whole and not 0 < top < bottom:
            return False
        if whole:
            reader.say(f"{cardinal(int(whole))} and {fraction_words(top, bottom, 'a')}", *match.span())
        else:
            reader.say(fraction_words(top, bottom, "one"), *match.span())
    else:
        reader.say(cardinal(top), *match.span("top"))
        reader.say(
            "out of" if top <= bottom and bottom in (5, 10, 20, 100) else "slash",
            match.end("top"),
            match.start("bottom"),
        )
        reader.say(cardinal(bottom), *match.span("bottom"))
    return True


@rule(
    Rank.NUMBER,
    "0" + _VULGARS,
    rf"(?P<whole>\d{{1,9}})?{SPACE}?(?P<vulgar>[{_VULGARS}])",
    examples={"2½": "two and a half", "¾": "three quarters"},
)
def vulgar_fraction(reader: Reader, match: re.Match[str]) -> None:
    """Read a fraction that is one character."""
    top, bottom = VULGAR[match["vulgar"]]
    if match["whole"]:
        reader.say(f"{cardinal(int(match['whole']))} and {fraction_words(top, bottom, 'a')}", *match.span())
    else:
        reader.say(fraction_words(top, bottom, "one"), *match.span())


@rule(
    Rank.NUMBER,
    "0",
    rf"(?P<base>{NUMBER}|\d{{1,9}})(?:\^(?P<plain>-?\d{{1,4}})|(?P<raised>[⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]{{1,4}}))",
    examples={"10^6": "ten to the power of six", "5²": "five squared"},
)
def power_of_number(reader: Reader, match: re.Match[str]) -> None:
    """Read the power of a number."""
    reader.say(number_words(match["base"]), *match.span("base"))
    written = match["plain"] or match["raised"].translate(_SUPERSCRIPTS)
    reader.say(power_words(int(written)), match.end("base"), match.end())


@rule(
    Rank.NUMBER,
    "0",
    rf"(?P<base>\d{{1,6}}(?:\.\d{{1,9}})?)[eE](?P<exponent>[-+]?\d{{1,3}}){WORD_END}",
    examples={"1.5e-3": "one point five times ten to the minus three"},
)
def scientific(reader: Reader, match: re.Match[str]) -> bool:
    """Read a number in scientific notation."""
    if reader.touches(match.start()):
        return False
    reader.say(number_words(match["base"]), *match.span("base"))
    exponent = int(match["exponent"])
    sign = "minus " if exponent < 0 else ""
    reader.say(f"times ten to the {sign}{cardinal(abs(exponent))}", match.end("base"), match.end())
    return True


@rule(
    Rank.NUMBER,
    "0",
    rf"(?P<left>{NUMBER})(?P<dash>{DASH})(?P<right>{NUMBER}){WORD_END}(?!{DASH}\d)",
    examples={
        "5-10": "five to ten",
        "pages 12–15": "pages twelve to fifteen",
        "won 3-2": "won three to two",
        "between 5-10": "between five and ten",
    },
)
def number_range(reader: Reader, match: re.Match[str]) -> bool:
    """Read a range or a score; with spaces around the hyphen only if the second number is larger."""
    if reader.touches(match.start()):
        return False
    if match[0] == "24-7":
        reader.say("twenty four seven", *match.span())
        return True
    joint = "and" if reader.previous().lower() == "between" else "to"
    reader.say(number_words(match["left"]), *match.span("left"))
    is_sum = match["dash"] in (" - ", " − ") and _value(match["left"]) >= _value(match["right"])
    reader.say("minus" if is_sum else joint, *match.span("dash"))
    reader.say(number_words(match["right"]), *match.span("right"))
    return True


@rule(
    Rank.NUMBER,
    "0.-−+±~≈",
    rf"(?P<sign>[-−+±~≈]?)(?P<number>{NUMBER}|\.\d{{1,20}}(?!\d))(?P<plus>\+(?![\d+]))?",
    examples={
        "1,234.5": "one thousand two hundred thirty four point five",
        "-5": "minus five",
        "~50": "about fifty",
        "007": "zero zero seven",
    },
)
def number(reader: Reader, match: re.Match[str]) -> bool:
    """Read any other number."""
    if match["sign"] or match["number"][0] == ".":
        if reader.touches(match.start()):
            return False
        if match["sign"]:
            reader.say(_SIGNS[match["sign"]], *match.span("sign"))
    reader.say(number_words(match["number"]), *match.span("number"))
    if match["plus"]:
        reader.say("plus", *match.span("plus"))
    return True


@rule(Rank.NUMBER, "0", r"\d{1,100000}", is_plain=True, examples={"R2": "r two"})
def any_digits(reader: Reader, match: re.Match[str]) -> None:
    """Read any digits that no other rule has read."""
    is_amount = len(match[0]) <= MOST_DIGITS
    reader.say(number_words(match[0]) if is_amount else digits(match[0]), *match.span())


def power_words(exponent: int) -> str:
    """ "squared", "cubed", "to the power of six"."""
    if exponent in (2, 3):
        return "squared" if exponent == 2 else "cubed"
    return f"to the power of {cardinal(exponent)}"


def fraction_words(top: int, bottom: int, one: str) -> str:
    """Words of a fraction: "three quarters"; `one` is the word for a single part: "a half", "one half"."""
    if bottom == 2:
        part = "half"
        many = "halves"
    elif bottom == 4:
        part, many = "quarter", "quarters"
    else:
        part = ordinal(bottom)
        many = plural(part)
    if one == "a" and top == 1:
        return f"{'an' if part[0] in 'aeiou' else 'a'} {part}"
    return f"{cardinal(top)} {part if top == 1 else many}"


def _value(text: str) -> float:
    return float(text.replace(",", ""))


RULES = (
    spaced,
    plural_number,
    rating,
    ordinals,
    fraction,
    vulgar_fraction,
    power_of_number,
    scientific,
    number_range,
    number,
    any_digits,
)
