"""Rules for dates, years, decades and eras."""

from __future__ import annotations

import re

from zelitrio.text.abbreviations import DAYS, MONTHS
from zelitrio.text.numbers import cardinal, decade, ordinal, year
from zelitrio.text.patterns import WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.tables import words
from zelitrio.text.types import Break

_MONTH_NAMES = [*dict.fromkeys(MONTHS.values()), "may"]
_MONTH_NAMES.sort(
    key="january february march april may june july august september october november december".index
)
_MONTH = rf"(?P<month>{'|'.join([*_MONTH_NAMES, *sorted(MONTHS, key=len, reverse=True)])}){WORD_END}\.?"
_YEAR = r"(?P<year>[12]\d{3})(?![\d:]|[.,]\d)"
_DAY = r"(?P<day>[12]?\d|3[01]|0[1-9])(?P<suffix>st|nd|rd|th)?(?!\d)"

_YEAR_BEFORE = words(
    "in of since by until till from to year before after during circa around between late early mid spring "
    "summer autumn fall winter and through x ×"
)
_DECADE_BEFORE = words("the early late mid these those his her my your their our its")
_DATE_BEFORE = words("on by until till before after since from to dated due")
_NOT_PLURAL = words("was is has does this its his as us always perhaps yes thus plus versus across")
_COUNTED = words("people men women children of more other times feet dollars units fish sheep miles")


@rule(
    Rank.DATE,
    "JFMASOND",
    rf"{_MONTH}\s+{_DAY}(?:\s?[-–]\s?(?P<last>\d{{1,2}})(?!\d)(?:st|nd|rd|th)?)?(?:(?P<comma>,?)\s+{_YEAR})?(?![.:]?\d)",
    re.IGNORECASE,
    plain_words=(*_MONTH_NAMES, *MONTHS),
    examples={
        "Jan. 5, 2024": "january fifth twenty twenty four",
        "May 3rd": "may third",
        "June 5-7": "june fifth to seventh",
    },
)
def month_and_day(reader: Reader, match: re.Match[str]) -> bool:
    """Read a date that starts with the name of its month."""
    if not _is_month(reader, match):
        return False
    reader.say(_month(match["month"]), *_month_span(reader, match))
    reader.say(
        ordinal(int(match["day"])), match.start("day"), match.end("suffix" if match["suffix"] else "day")
    )
    if match["last"]:
        reader.say("to", match.end("day"), match.start("last"))
        reader.say(ordinal(int(match["last"])), *match.span("last"))
    if match["year"]:
        if match["comma"]:
            reader.mark(Break.COMMA)
        reader.say(year(int(match["year"])), *match.span("year"))
    return True


@rule(
    Rank.DATE,
    "JFMASOND",
    rf"{_MONTH},?\s+{_YEAR}",
    re.IGNORECASE,
    plain_words=(*_MONTH_NAMES, *MONTHS),
    examples={"March 2024": "march twenty twenty four"},
)
def month_and_year(reader: Reader, match: re.Match[str]) -> bool:
    """Read a month with its year."""
    if not _is_month(reader, match):
        return False
    reader.say(_month(match["month"]), *_month_span(reader, match))
    reader.say(year(int(match["year"])), *match.span("year"))
    return True


@rule(
    Rank.DATE,
    "0",
    rf"(?:(?P<from>[12]?\d|3[01])(?:st|nd|rd|th)?(?P<dash>\s?[-–]\s?))?{_DAY}\s+(?P<of>of\s+)?{_MONTH}(?:,?\s+{_YEAR})?",
    re.IGNORECASE,
    examples={
        "5 January 2024": "the fifth of january twenty twenty four",
        "the 5th of May": "the fifth of may",
    },
)
def day_and_month(reader: Reader, match: re.Match[str]) -> bool:
    """Read a date that starts with its day."""
    if not match["month"][0].isupper() or int(match["day"]) == 0:
        return False
    day = (match.start("day"), match.end("suffix" if match["suffix"] else "day"))
    first = match.span("from") if match["from"] else day
    if reader.previous().lower() != "the" and not match["suffix"]:
        reader.say("the", *first)
    if match["from"]:
        reader.say(ordinal(int(match["from"])), *first)
        reader.say("to", *match.span("dash"))
    reader.say(ordinal(int(match["day"])), *day)
    reader.say("of", *(match.span("of") if match["of"] else day))
    if match["of"]:
        reader.tokens[-1].end = match.start("of") + 2
    reader.say(_month(match["month"]), *_month_span(reader, match))
    if match["year"]:
        reader.say(year(int(match["year"])), *match.span("year"))
    return True


@rule(
    Rank.DATE,
    "0",
    r"(?P<first>\d{1,2})(?P<sep>[/.-])(?P<second>\d{1,2})(?P=sep)(?P<year>[12]\d{3}|(?<=/)\d{2})(?![\d/]|[.-]\d)",
    examples={
        "3/15/2024": "march fifteenth twenty twenty four",
        "15.03.2024": "march fifteenth twenty twenty four",
        "25/12/2024": "december twenty fifth twenty twenty four",
    },
)
def numeric_date(reader: Reader, match: re.Match[str]) -> bool:
    """Read a numeric date, month first unless it is above 12; with full stops, day first."""
    month, day = int(match["first"]), int(match["second"])
    if match["sep"] == "." or month > 12:
        month, day = day, month
    written = int(match["year"])
    if len(match["year"]) == 2:
        written += 2000 if written < 50 else 1900
    return _say_date(reader, match, month, day, written)


@rule(
    Rank.DATE,
    "0",
    r"(?P<year>[12]\d{3})(?P<sep>[-/.])(?P<month>\d{1,2})(?P=sep)(?P<day>\d{1,2})(?!\d|[.-]\d)(?:T(?=\d{2}:))?",
    examples={"2024-03-15": "march fifteenth twenty twenty four"},
)
def iso_date(reader: Reader, match: re.Match[str]) -> bool:
    """Read an ISO date, also before the time of a timestamp."""
    return _say_date(reader, match, int(match["month"]), int(match["day"]), int(match["year"]))


@rule(
    Rank.DATE,
    "0",
    rf"(?P<month>\d{{1,2}})/(?P<day>\d{{1,2}}){WORD_END}(?!/)",
    examples={"on 12/25": "on december twenty fifth"},
)
def month_slash_day(reader: Reader, match: re.Match[str]) -> bool:
    """Read "3/14" as month and day after words such as "on"; elsewhere it is a fraction."""
    if reader.previous().lower() not in _DATE_BEFORE or match[0] in ("24/7", "9/11", "50/50"):
        return False
    return _say_date(reader, match, int(match["month"]), int(match["day"]), None)


_STYLES = re.compile(
    r"[ -](?:music|style|styles|kids?|fashion|movies?|films?|hits|songs?|rock|pop|"
    r"vibes?|child|children|baby|babies|"
    r"era|nostalgia|sitcoms?|shows?|hair|clothes|look|night|party|themed?)\b"
)
_DECADES_JOINED = re.compile(r"\d0['’]?s(?:,|,? (?:and|or|to|&)|[ ]?[-–])[ ]?(?:early |late |mid-?)?$")


def _is_decade(reader: Reader, match: re.Match[str]) -> bool:
    """Whether "80s" means years: it follows another decade, or a word such as "music" follows it."""
    before = reader.text[max(0, match.start() - 14) : match.start()]
    return (
        _STYLES.match(reader.text, match.end()) is not None
        or _DECADES_JOINED.search(before) is not None
        or before.lower().endswith(("mid-", "mid "))
    )


@rule(
    Rank.DATE,
    "0'’",
    rf"['’]?(?P<ten>\d0|[1-9]\d0|[12]\d\d0)(?:['’])?s{WORD_END}",
    examples={"the 1990s": "the nineteen nineties", "the '80s": "the eighties", "his 40s": "his forties"},
)
def decades(reader: Reader, match: re.Match[str]) -> bool:
    """Read a decade."""
    if reader.touches(match.start()) or match["ten"] == "00":
        return False
    is_led = reader.previous().lower() in _DECADE_BEFORE or match[0][0] in "'’"
    if len(match["ten"]) < 4 and not is_led and not _is_decade(reader, match):
        return False  # "a timeout of 30s"
    reader.say(decade(int(match["ten"])), *match.span())
    return True


_DAY_LEADS = words("on closed open every next this last by until each and from since")


@rule(
    Rank.DATE,
    "MTWFS",
    r"(?P<day>Mon|Tues?|Wed|Thurs?|Thu|Fri|Sat|Sun)(?![^\W_]|\.)(?=(?P<time>,?[ ]\d)?)",
    plain_words=DAYS,
    examples={"Sat 10-2": "saturday ten to two", "closed Sun": "closed sunday"},
)
def lone_day(reader: Reader, match: re.Match[str]) -> bool:
    """Read the short name of a weekday if its neighbours allow a day there."""
    day = match["day"]
    is_certain = day.lower() in ("tue", "tues", "thu", "thur", "thurs", "fri")
    is_led = reader.previous().lower() in _DAY_LEADS and bool(reader.previous())
    after = reader.text[match.end() : match.end() + 1]
    if reader.touches(match.start()) or after in ("'", "’", "-"):
        return False
    if not (
        is_certain
        or match["time"]
        or (is_led and not after.isalpha() and _ENDS.match(reader.text, match.end()))
    ):
        return False
    reader.say(DAYS[day.lower()], *match.span("day"))
    return True


_ENDS = re.compile(r"\s*(?:[.,;:!?)]|$|and\b|or\b|&)")
_DAY_NAME = rf"(?:{'|'.join(sorted((*DAYS, *DAYS.values()), key=len, reverse=True))})"
_DAY_MONTH = rf"(?:{_DAY_NAME}|{'|'.join([*_MONTH_NAMES, *sorted(MONTHS, key=len, reverse=True)])})"


@rule(
    Rank.DATE,
    "JFMASONDTW",
    rf"(?=[A-Z][a-z]{{1,8}}+\.?+\s?+[-–—/&t])(?P<first>{_DAY_MONTH})\.?(?P<joint>\s?(?:[-–—/&]|to|thru)\s?)(?P<last>{_DAY_MONTH})(?![^\W_])"
    rf"(?P<more>(?:/{_DAY_NAME}(?![^\W_])){{0,5}})",
    re.IGNORECASE,
    plain_words=(*DAYS, *MONTHS),
    examples={
        "Mon-Fri": "monday to friday",
        "Jan–Mar": "january to march",
        "Mon/Wed/Fri": "monday wednesday friday",
        "Sat & Sun": "saturday and sunday",
    },
)
def days_range(reader: Reader, match: re.Match[str]) -> bool:
    """Read a range or a list of days or months."""
    first, last = match["first"], match["last"]
    if reader.touches(match.start()) or not (first[0].isupper() and last[0].isupper()):
        return False
    joint = match["joint"].strip()
    if joint in ("to", "thru") and first.lower() not in DAYS and first.lower() not in MONTHS:
        return False  # whole words need no rule
    reader.say(_day_or_month(first), *match.span("first"))
    if joint == "/":
        reader.mark(Break.COMMA)
    else:
        joint = {"&": "and", "thru": "through"}.get(joint, "to")
        reader.say(joint, *match.span("joint"))
    reader.say(_day_or_month(last), *match.span("last"))
    for day in re.finditer(r"[A-Za-z]+", match["more"]):
        reader.mark(Break.COMMA)
        start = match.start("more")
        reader.say(_day_or_month(day[0]), start + day.start(), start + day.end())
    return True


def _day_or_month(written: str) -> str:
    name = written.lower()
    return DAYS.get(name) or MONTHS.get(name) or name


@rule(
    Rank.DATE,
    "'’",
    rf"['’](?P<year>\d\d){WORD_END}",
    examples={"summer of '69": "summer of sixty nine", "class of ’05": "class of oh five"},
)
def short_year(reader: Reader, match: re.Match[str]) -> bool:
    """Read a year of two digits after an apostrophe."""
    if reader.touches(match.start()):
        return False
    reader.say(("oh " if match["year"][0] == "0" else "") + cardinal(int(match["year"])), *match.span())
    return True


@rule(
    Rank.DATE,
    "0",
    rf"(?P<year>\d{{1,4}})\s?(?P<era>BCE|BC|AD|CE|B\.C\.(?:E\.)?|A\.D\.|C\.E\.){WORD_END}",
    examples={"44 BC": "forty four b c", "79 A.D.": "seventy nine a d"},
)
def era(reader: Reader, match: re.Match[str]) -> bool:
    """Read a year with its era."""
    reader.say(year(int(match["year"])), *match.span("year"))
    reader.spell(match["era"].replace(".", ""), *match.span("era"))
    return True


@rule(
    Rank.DATE,
    "0",
    rf"(?P<first>1[1-9]\d\d|20\d\d)\s?[-–—]\s?(?P<last>1[1-9]\d\d|20\d\d|\d\d){WORD_END}(?![.,/:-]\d)",
    examples={
        "1914-1918": "nineteen fourteen to nineteen eighteen",
        "2023–24": "twenty twenty three to twenty four",
    },
)
def years_range(reader: Reader, match: re.Match[str]) -> bool:
    """Read a range of years."""
    last = int(match["last"])
    first_end = int(match["first"]) if last > 99 else int(match["first"]) % 100
    if last <= first_end:
        return False
    reader.say(year(int(match["first"])), *match.span("first"))
    reader.say("to", match.end("first"), match.start("last"))
    reader.say(year(last) if last > 99 else cardinal(last), *match.span("last"))
    return True


@rule(
    Rank.YEAR,
    "0",
    r"(?P<year>1[0-9]\d\d|20\d\d)(?![\d%°]|[.,:/]\d|[-–]\d)(?=(?P<next>\s+[^\W\d_]+)?)",
    examples={"1984": "nineteen eighty four", "in 1066": "in ten sixty six"},
)
def lone_year(reader: Reader, match: re.Match[str]) -> bool:
    """Read a number of four digits as a year, unless it counts something."""
    number = int(match["year"])
    before = reader.previous().lower()
    after = (match["next"] or "").strip()
    is_led = before in _YEAR_BEFORE or before in _MONTH_NAMES
    is_counted = after in _COUNTED or (
        len(after) > 3 and after.endswith("s") and after[0].islower() and after not in _NOT_PLURAL
    )
    is_touching = reader.touches(match.start()) and before not in ("x", "×")
    if is_touching or (is_counted and not is_led) or (number < 1100 and not is_led):
        return False
    reader.say(year(number), *match.span("year"))
    return True


def _is_month(reader: Reader, match: re.Match[str]) -> bool:
    return (
        match["month"][0].isupper()
        and not reader.touches(match.start())
        and int(match.groupdict().get("day") or 1) > 0
    )


def _month_span(reader: Reader, match: re.Match[str]) -> tuple[int, int]:
    start, end = match.span("month")
    return start, end + (reader.text[end : end + 1] == "." and end < match.end())


def _month(written: str) -> str:
    return MONTHS.get(written.lower(), written.lower())


def _say_date(reader: Reader, match: re.Match[str], month: int, day: int, year_number: int | None) -> bool:
    if not (1 <= month <= 12 and 1 <= day <= 31):
        return False
    said = f"{_MONTH_NAMES[month - 1]} {ordinal(day)}"
    if year_number is not None:
        said += " " + year(year_number)
    reader.say(said, *match.span())
    return True


RULES = (
    month_and_day,
    month_and_year,
    day_and_month,
    iso_date,
    numeric_date,
    month_slash_day,
    decades,
    days_range,
    lone_day,
    short_year,
    era,
    years_range,
    lone_year,
)
