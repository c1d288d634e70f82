"""Rules for times of day, durations such as "1:30:00", and ratios."""

from __future__ import annotations

import re

from zelitrio.text.numbers import cardinal
from zelitrio.text.patterns import WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.sentences import ends_after_abbreviation
from zelitrio.text.types import Break

_HALF = rf"(?:\s?(?P<half>[ap])(?P<dot>\.?)[ ]?m{WORD_END}(?(dot)\.?))"
_TO = r"(?P<to>\s?[-–—]\s?(?=\d{1,2}(?::\d\d|\s?[ap]\.?m)))?"


@rule(
    Rank.TIME,
    "0",
    rf"(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::(?P<second>[0-5]\d)(?:\.\d{{1,9}})?)?(?![\d:])(?P<zulu>Z\b)?"
    rf"{_HALF}?{_TO}",
    re.IGNORECASE,
    examples={
        "3:30 pm": "three thirty p m",
        "15:45": "fifteen forty five",
        "10:00": "ten o'clock",
        "12:30:45": "twelve thirty and forty five seconds",
        "10:30-11:30": "ten thirty to eleven thirty",
    },
)
def clock(reader: Reader, match: re.Match[str]) -> bool:
    """Read a time of day."""
    is_timestamp = reader.text[match.start() - 1 : match.start()] == "T"
    if reader.touches(match.start()) and not is_timestamp:
        return False
    hour, minute = int(match["hour"]), int(match["minute"])
    has_half = match["half"] is not None
    end = match.end("second") if match["second"] else match.end("minute")
    reader.say(_clock_words(hour, minute, has_half or bool(match["second"])), match.start(), end)
    if match["second"] and int(match["second"]):
        seconds = int(match["second"])
        reader.say(f"and {cardinal(seconds)} second{'' if seconds == 1 else 's'}", match.start(), end)
    if match["zulu"]:
        reader.spell("utc", *match.span("zulu"))
    _finish(reader, match)
    return True


@rule(
    Rank.TIME,
    "0",
    rf"(?P<hour>1[0-2]|0?[1-9])(?:(?P<dash>\s?[-–—]\s?)(?P<until>1[0-2]|0?[1-9]))?(?!\d){_HALF}{_TO}",
    re.IGNORECASE,
    examples={"5pm": "five p m", "5-7 p.m.": "five to seven p m", "9am-5pm": "nine a m to five p m"},
)
def hour_only(reader: Reader, match: re.Match[str]) -> bool:
    """Read an hour with "a.m." or "p.m."."""
    if reader.touches(match.start()):
        return False
    joint = "and" if reader.previous().lower() == "between" else "to"
    reader.say(cardinal(int(match["hour"])), *match.span("hour"))
    if match["until"]:
        reader.say(joint, *match.span("dash"))
        reader.say(cardinal(int(match["until"])), *match.span("until"))
    _finish(reader, match)
    return True


@rule(
    Rank.TIME,
    "0",
    r"(?P<left>\d{1,4}):(?P<right>\d{1,4})(?![\d:])",
    examples={"16:9": "sixteen to nine", "3:1": "three to one"},
)
def ratio(reader: Reader, match: re.Match[str]) -> bool:
    """Read a ratio: a pair that cannot be a time."""
    reader.say(cardinal(int(match["left"])), *match.span("left"))
    reader.say("to", match.end("left"), match.start("right"))
    reader.say(cardinal(int(match["right"])), *match.span("right"))
    return True


def _clock_words(hour: int, minute: int, is_plain: bool) -> str:
    if minute:
        return f"{cardinal(hour)} {'oh ' if minute < 10 else ''}{cardinal(minute)}"
    if hour in (0, 24):
        return "midnight"
    if is_plain:
        return cardinal(hour)
    return f"{cardinal(hour)} o'clock" if hour <= 12 else f"{cardinal(hour)} hundred"


def _finish(reader: Reader, match: re.Match[str]) -> None:
    """Speak "a.m." or "p.m.", a sentence end after it, and the "to" of a range."""
    if match["half"]:
        end = match.start("to") if match["to"] else match.end()
        reader.spell(match["half"] + "m", match.start("half"), end)
        if match["dot"] and ends_after_abbreviation(reader.text, end):
            reader.mark(Break.STOP)
    if match["to"]:
        reader.say("to", *match.span("to"))


_OFFSET = r"(?P<sign>[-+−–±])(?P<hours>\d{1,2})(?::?(?P<minutes>[0-5]\d))?(?!\d)"


@rule(
    Rank.TIME,
    "UG",
    rf"(?P<zone>UTC|GMT)[ ]?{_OFFSET}",
    plain_words=("utc", "gmt"),
    examples={"UTC-5": "u t c minus five", "GMT+05:30": "g m t plus five thirty"},
)
def zone(reader: Reader, match: re.Match[str]) -> bool:
    """Read a time zone by its offset."""
    if reader.touches(match.start()):
        return False
    reader.spell(match["zone"], match.start("zone"))
    _say_offset(reader, match)
    return True


def _say_offset(reader: Reader, match: re.Match[str]) -> None:
    sign = {"+": "plus", "±": "plus or minus"}.get(match["sign"], "minus")
    reader.say(sign, *match.span("sign"))
    reader.say(cardinal(int(match["hours"])), *match.span("hours"))
    if match["minutes"] and int(match["minutes"]):
        reader.say(cardinal(int(match["minutes"])), *match.span("minutes"))


@rule(
    Rank.TIME,
    "+-−",
    r"(?P<sign>[-+−])(?P<hours>\d{2}):?(?P<minutes>[0-5]\d)(?!\d)",
    examples={
        "2024-11-26T15:30:00+01:00": "november twenty sixth twenty twenty four fifteen thirty u t c plus one"
    },
)
def timestamp_offset(reader: Reader, match: re.Match[str]) -> bool:
    """Read the offset of an ISO timestamp."""
    if _ISO_TIME.search(reader.text[max(0, match.start() - 20) : match.start()]) is None:
        return False
    reader.spell("utc", match.start(), match.start() + 1)
    _say_offset(reader, match)
    return True


_ISO_TIME = re.compile(r"T\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?$")


RULES = (timestamp_offset, zone, clock, hour_only, ratio)
