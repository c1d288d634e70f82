"""Rules for sizes and places: inches and feet, latitude and longitude, lines of a screen."""

from __future__ import annotations

import re

from zelitrio.text.numbers import cardinal, number_words
from zelitrio.text.patterns import NUMBER, SPACE, WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.rules_numbers import VULGAR, fraction_words
from zelitrio.text.sentences import ends_after_abbreviation
from zelitrio.text.tables import table, words
from zelitrio.text.types import Break

_MANY = {"inch": "inches", "foot": "feet"}
_DIRECTIONS = table("N=north S=south E=east W=west")


@rule(
    Rank.SIZE,
    "0-−",
    rf"(?P<sign>[-−]?)(?P<degrees>\d{{1,3}}(?:\.\d{{1,12}})?)[ ]?°[ ]?"
    rf"(?:(?P<minutes>\d{{1,2}}(?:\.\d{{1,6}})?)[′'’][ ]?)?"
    rf"(?:(?P<seconds>\d{{1,2}}(?:\.\d{{1,6}})?)(?:[″\"”]|'')[ ]?)?(?P<side>[NSEW]){WORD_END}",
    examples={
        "40.7128° N": "forty point seven one two eight degrees north",
        "120°W": "one hundred twenty degrees west",
    },
)
def coordinate(reader: Reader, match: re.Match[str]) -> bool:
    """Read a latitude or a longitude."""
    if reader.touches(match.start()):
        return False
    if match["sign"]:
        reader.say("minus", *match.span("sign"))
    for name in ("degrees", "minutes", "seconds"):
        if match[name]:
            noun = name[:-1] if match[name] == "1" else name
            reader.say(f"{number_words(match[name])} {noun}", *match.span(name))
    reader.say(_DIRECTIONS[match["side"]], *match.span("side"))
    return True


@rule(
    Rank.SIZE,
    "0",
    rf"(?P<lines>\d{{3,4}})(?P<kind>[pi])(?P<rate>\d{{2,3}})?{WORD_END}",
    examples={"1080p": "ten eighty p", "720p60": "seven twenty p sixty"},
)
def screen_lines(reader: Reader, match: re.Match[str]) -> bool:
    """Read the resolution of a video."""
    lines = match["lines"]
    if reader.touches(match.start()) or lines not in (
        "240",
        "360",
        "480",
        "540",
        "576",
        "720",
        "1080",
        "1440",
        "2160",
        "4320",
    ):
        return False
    said = f"{cardinal(int(lines[:-2]))} {cardinal(int(lines[-2:]))}"
    reader.say(said, *match.span("lines"))
    reader.spell(match["kind"], match.start("kind"))
    if match["rate"]:
        reader.say(cardinal(int(match["rate"])), *match.span("rate"))
    return True


@rule(
    Rank.SIZE,
    "0",
    rf"(?P<feet>\d{{1,3}})['’′]{SPACE}?(?P<inches>\d{{1,2}})(?:\"|”|″|''|(?!\w))",
    examples={"5'10\"": "five feet ten inches"},
)
def feet_and_inches(reader: Reader, match: re.Match[str]) -> bool:
    """Read a height in feet and inches."""
    feet, inches = int(match["feet"]), int(match["inches"])
    reader.say(
        f"{cardinal(feet)} {'foot' if feet == 1 else 'feet'}", match.start("feet"), match.start("inches")
    )
    reader.say(f"{cardinal(inches)} inch{'' if inches == 1 else 'es'}", match.start("inches"), match.end())
    return True


_SIZE_AFTER = re.compile(r"[ ]\d{1,2}K|\s*[x×]\s*\d|[ -][a-z]|\s*[).,;:]|\s*$|[ -][A-Z]")
_LONG = re.compile(
    r"[ ](?:long|wide|tall|deep|high|thick|across|in|by|of|and|or|to|from|apart|away|is|are|x)\b"
)
_SIZE_BEFORE = words("a an the my your his her our this that one each every another new old")


@rule(
    Rank.SIZE,
    "0",
    rf"(?:(?P<low>\d{{1,3}}(?:\.\d)?)(?P<dash>[-–]))?"
    rf"(?:(?P<whole>\d{{1,3}})[ -])?(?P<amount>\d{{1,3}}/\d{{1,2}}|{NUMBER}|\d{{0,3}}[½¼¾⅛⅜⅝⅞])"
    rf"(?:(?P<inches>[″”\"]|''|{SPACE}?in\.(?=\s|$|,)|{SPACE}in(?=\s*(?:[.,;:!?)]|$)))|(?P<feet>[′'’](?![^\W_])))"
    rf"(?P<by>{SPACE}?[x×]{SPACE}?(?=\d))?",
    examples={
        "27″": "twenty seven inches",
        "6 in.": "six inches",
        'a 12" pizza': "a twelve inch pizza",
        '12" long': "twelve inches long",
        "a 6' fence": "a six foot fence",
    },
)
def inches(reader: Reader, match: re.Match[str]) -> bool:
    """Read inches or feet, unless the mark is a closing quotation mark."""
    mark = match["inches"] or match["feet"]
    if reader.touches(match.start()) or (mark in ('"', "”", "'", "’", "''") and not _is_size(reader, match)):
        return False
    amount = match["amount"]
    if match["low"] and not match["whole"]:
        reader.say(number_words(match["low"]), *match.span("low"))
        reader.say("to", *match.span("dash"))
    if match["whole"]:
        if "/" not in amount:
            return False
        reader.say(f"{cardinal(int(match['whole']))} and", *match.span("whole"))
    reader.say(_size_words(amount, bool(match["whole"])), *match.span("amount"))
    noun = "inch" if match["inches"] else "foot"
    is_before_noun = (
        not match[0].endswith("in")
        and re.compile(r"[ -](?:[A-Za-z]|\d{1,2}K)").match(reader.text, match.end()) is not None
        and _LONG.match(reader.text, match.end()) is None
    )
    is_one = amount == "1" or is_before_noun or ("/" in amount and not match["whole"])
    end = match.start("by") if match["by"] else match.end()
    reader.say(noun if is_one else _MANY[noun], match.end("amount"), end)
    if match["by"]:
        reader.say("by", *match.span("by"))
    if match[0].endswith(".") and ends_after_abbreviation(reader.text, match.end()):
        reader.mark(Break.STOP)
    return True


def _is_size(reader: Reader, match: re.Match[str]) -> bool:
    """Whether the mark after a number means inches or feet, and no quotation ends there."""
    text, start = reader.text, match.start()
    end = match.start("by") if match["by"] else match.end()
    if _SIZE_AFTER.match(text, end) is None:
        return False
    mark = match["inches"] or match["feet"]
    before = text[max(0, start - 300) : start]
    if mark == '"':
        is_open = before.count('"') % 2 == 1
    elif mark == "”":
        is_open = before.count("“") > before.count("”")
    else:
        is_open = re.search(r"(?:^|[\s(])['‘][^'’]*$", before) is not None
    if is_open:
        return False
    is_led = reader.previous().lower() in _SIZE_BEFORE or before.endswith(("x ", "x", "× ", "×"))
    follows_noun = re.compile(r"[ -][a-z]|\s*[x×]").match(text, end) is not None
    return is_led or follows_noun or mark == '"'


def _size_words(amount: str, has_whole: bool) -> str:
    if "/" in amount:
        top, bottom = (int(part) for part in amount.split("/"))
        return fraction_words(top, bottom, "a" if has_whole else "one") if bottom else number_words(amount)
    if amount[-1] in VULGAR:
        top, bottom = VULGAR[amount[-1]]
        if amount[:-1]:
            return f"{cardinal(int(amount[:-1]))} and {fraction_words(top, bottom, 'a')}"
        return fraction_words(top, bottom, "one")
    return number_words(amount)


RULES = (coordinate, screen_lines, feet_and_inches, inches)
