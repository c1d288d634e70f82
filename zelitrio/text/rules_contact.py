"""Rules for numbers that identify: telephone and card numbers, versions, addresses, rooms, flights."""

from __future__ import annotations

import re

from zelitrio.text.numbers import MOST_DIGITS, cardinal, digits, number_words, year
from zelitrio.text.patterns import WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.spelling import say_name
from zelitrio.text.tables import words
from zelitrio.text.types import Break


def _word_before(reader: Reader, place: int) -> str:
    """The word before a place, which may be spelled, if only a space is between them."""
    found = _LAST_WORD.search(reader.text[max(0, place - 24) : place])
    return found[1].lower() if found and reader.previous() else ""


_LAST_WORD = re.compile(r"([A-Za-z.]+) $")
_SOFTWARE = words(
    "version v release build python ubuntu debian fedora ios ipados macos android windows linux kernel node "
    "java php ruby go rust swift typescript firefox chrome postgres postgresql mysql django cuda"
)
_NUMBERED = words(
    "room rm. error "
    "rtx gtx geforce radeon ryzen rfc boeing flight bus route highway interstate suite apartment apt gate "
    "hwy channel train airbus"
)
_STATE = re.compile(r"(?<![A-Za-z.])[A-Z]\.?[A-Z]\.?,?\s$")
_DIALLED = words("call dial dialed dialing ring phone calling text")


@rule(
    Rank.CONTACT,
    "0+(",
    r"""(?:\+\d{1,3}[ .-]?|1[ .-])?(?:\(\d{2,4}\)[ .-]?|\d{3}[ .-])\d{3}[ .-]\d{4}(?![\d-])  # US
      | \+\d{1,3}(?:[ .-]?\(?\d{1,5}\)?){2,6}(?![\d-])  # international
      | 0\d{2,4}[ -]\d{3,4}[ -]\d{3,4}(?![\d-])  # British and others
      | 0\d{4}[ -]\d{6}(?![\d-]) | 0\d{3}[ -]\d{7}(?![\d-]) | 0\d(?:[ .]\d{2}){4}(?![\d-])  # mobile, French
      | \(0\d{1,4}\)[ ]?\d{2,5}(?:[ -]?\d{2,5}){0,2}(?![\d-])
      | \d{3}-\d{4}(?![\d-])  # local""",
    examples={
        "(555) 123-4567": "five five five one two three four five six seven",
        "+44 20 7946 0958": "plus four four two zero seven nine four six zero nine five eight",
        "1-800-555-0199": "one eight hundred five five five zero one nine nine",
        "555-0134": "five five five zero one three four",
    },
)
def phone(reader: Reader, match: re.Match[str]) -> bool:
    """Read a telephone number digit by digit, with a pause between its groups."""
    if reader.touches(match.start()):
        return False
    left, dash, right = match[0].partition("-")
    is_local = dash and len(left) == 3 and len(right) == 4
    if is_local and right.endswith("00") and int(right) > int(left):
        return False  # "200-1000": a range
    if match[0][0] == "+":
        reader.say("plus", match.start(), match.start() + 1)
    _say_groups(reader, match, r"\d+")
    return True


@rule(
    Rank.CONTACT,
    "0",
    r"\d{4}([ -])\d{4}(?:\1\d{4}){1,4}(?:\1\d{1,7})?(?!\d) | \d{4}([ -])\d{6}\2\d{5}(?!\d)"
    r"| \d{1,8}(?:-\d{1,8}){2,8}(?![\d-])",
    examples={
        "4111-1111-1111-1111": "four one one one one one one one one one one one one one one one",
        "123-45-6789": "one two three four five six seven eight nine",
    },
)
def card(reader: Reader, match: re.Match[str]) -> bool:
    """Read a card number, or any other chain of three or more numbers with hyphens."""
    if re.fullmatch(r"\d(?:-\d)+", match[0]):
        reader.say(digits(match[0]), *match.span())  # "9-1-1"
    else:
        _say_groups(reader, match, r"\d+")
    return True


@rule(
    Rank.CONTACT,
    "0",
    r"(?:1[- ])?(?P<area>8\d\d)[- ](?P<word>[A-Z]{3,8}(?:-[A-Z]{2,7})?)(?![^\W_])",
    examples={"1-800-FLOWERS": "one eight hundred flowers"},
)
def vanity_number(reader: Reader, match: re.Match[str]) -> bool:
    """Read a telephone number that spells a word."""
    if reader.touches(match.start()):
        return False
    if match.start("area") > match.start():
        reader.say("one", match.start(), match.start() + 1)
        reader.mark(Break.COMMA)
    area = match["area"]
    reader.say("eight hundred" if area == "800" else digits(area), *match.span("area"))
    reader.mark(Break.COMMA)
    for part in re.finditer(r"[A-Z]+", match["word"]):
        say_name(reader, part[0], match.start("word") + part.start())
    return True


_PHONE_BEFORE = re.compile(r"\d[\d .()-]{5,20}\d[ ,;]{0,2}$")


@rule(
    Rank.LABEL,
    "xe",
    rf"(?:ext?\.?|x)[ ]?(?P<number>\d{{1,6}}){WORD_END}",
    plain_words=("ext", "ex"),
    examples={"555-0134 x204": "five five five zero one three four extension two zero four"},
)
def extension(reader: Reader, match: re.Match[str]) -> bool:
    """Read the extension after a telephone number."""
    is_after_number = _PHONE_BEFORE.search(reader.text[max(0, match.start() - 24) : match.start()])
    if reader.touches(match.start()) or (match[0][0] == "x" and not is_after_number):
        return False
    if match[0].startswith("ex") and not match[0].startswith("ext"):
        return False
    number = match["number"]
    reader.say("extension", match.start(), match.start("number"))
    reader.say(digits(number) if len(number) > 2 else cardinal(int(number)), *match.span("number"))
    return True


@rule(
    Rank.CONTACT,
    "0v",
    rf"v?\.?\d{{1,4}}(?:\.\d{{1,6}}){{2,5}}(?:[-.](?:alpha|beta|rc|dev|post)[.-]?\d{{0,3}})?{WORD_END}"
    rf"| v\d{{1,4}}(?:\.\d{{1,6}})?{WORD_END}",
    examples={
        "v2.1": "version two point one",
        "3.11.7": "three point eleven point seven",
        "1.0.0-beta": "one point zero point zero beta",
        "192.168.1.1": "one hundred ninety two dot one hundred sixty eight dot one dot one",
    },
)
def version(reader: Reader, match: re.Match[str]) -> bool:
    """Read a version or an IP address."""
    if reader.touches(match.start()):
        return False
    if match[0][0] == "v":
        reader.say("version", match.start(), match.start() + 1)
    parts = list(re.finditer(r"\d+|[a-z]{2,}", match[0]))
    point = "dot" if sum(part[0].isdigit() for part in parts) == 4 else "point"
    for index, part in enumerate(parts):
        start, end = match.start() + part.start(), match.start() + part.end()
        if index and part[0].isdigit() and parts[index - 1][0].isdigit():
            reader.say(point, start - 1, start)
        reader.say(cardinal(int(part[0])) if part[0].isdigit() else _STAGES.get(part[0], part[0]), start, end)
    return True


@rule(
    Rank.CONTACT,
    "0",
    rf"(?<=[A-Z]-)(?<![A-Za-z][A-Z]-)\d{{3}}{WORD_END}(?![.,:/-]\d)",
    examples={"a Ford F-150": "a ford f one fifty"},
)
def type_number(reader: Reader, match: re.Match[str]) -> bool:
    """Read the number of a type that starts with a letter."""
    reader.say(_in_pairs(match[0]), *match.span())
    return True


@rule(
    Rank.CONTACT,
    "0",
    rf"(?P<major>\d{{1,4}})\.(?P<minor>\d{{1,4}}){WORD_END}(?!\.\d)",
    examples={"Python 3.11": "python three point eleven"},
)
def software_version(reader: Reader, match: re.Match[str]) -> bool:
    """Read a software version with its parts as numbers: "3.11" is "three point eleven"."""
    if reader.previous().lower() not in _SOFTWARE:
        return False
    reader.say(cardinal(int(match["major"])), *match.span("major"))
    reader.say("point", match.end("major"), match.start("minor"))
    minor = match["minor"]
    is_calendar = minor[0] == "0" and len(minor) > 1
    reader.say(f"oh {digits(minor[1:])}" if is_calendar else cardinal(int(minor)), *match.span("minor"))
    return True


@rule(
    Rank.CONTACT,
    "0",
    rf"\d{{3,4}}{WORD_END}(?![.,:/]\d)",
    examples={
        "Room 101": "room one oh one",
        "Flight 370": "flight three seventy",
        "call 911": "call nine one one",
    },
)
def numbered_thing(reader: Reader, match: re.Match[str]) -> bool:
    """Read the number of a room, a flight or an emergency call."""
    before = _word_before(reader, match.start())
    is_plane = before in ("a", "the") and len(match[0]) == 3 and match[0][0] == match[0][2] == "7"
    if before in _NUMBERED or is_plane:
        reader.say(_in_pairs(match[0]), *match.span())
        return True
    is_dialled = before in _DIALLED and match[0] in (
        "911",
        "411",
        "112",
        "999",
        "988",
        "311",
        "211",
        "511",
        "811",
    )
    is_ending = before == "in" and len(reader.tokens) > 1 and reader.tokens[-2].spoken in ("ending", "ends")
    if is_dialled or is_ending:
        reader.say(digits(match[0]), *match.span())
        return True
    return False


@rule(
    Rank.CONTACT, "0", rf"\d{{5}}(?:-\d{{4}})?{WORD_END}", examples={"CA 90210": "c a nine zero two one zero"}
)
def zip_code(reader: Reader, match: re.Match[str]) -> bool:
    """Read a postcode of the United States digit by digit."""
    if not _STATE.search(reader.text[max(0, match.start() - 7) : match.start()]):
        return False
    _say_groups(reader, match, r"\d+")
    return True


@rule(
    Rank.CONTACT,
    "0",
    r"\d{8,100000}(?![.,]?\d)",
    examples={"12345678": "one two three four five six seven eight"},
)
def long_number(reader: Reader, match: re.Match[str]) -> bool:
    """Read a long identifier digit by digit; amounts have fewer digits."""
    if len(match[0]) <= MOST_DIGITS and match[0].endswith("000000"):
        return False
    reader.say(digits(match[0]), *match.span())
    return True


_STAGES = {"rc": "release candidate", "dev": "dev", "post": "post"}


def _say_groups(reader: Reader, match: re.Match[str], pattern: str) -> None:
    for index, group in enumerate(re.finditer(pattern, match[0])):
        if index:
            reader.mark(Break.COMMA)
        start, end = match.start() + group.start(), match.start() + group.end()
        reader.say("eight hundred" if group[0] == "800" else digits(group[0]), start, end)


def _in_pairs(text: str) -> str:
    if len(text) == 4:
        return year(int(text)) if text[0] != "0" else digits(text)
    head, rest = text[0], text[1:]
    if rest == "00" or head == "0":
        return cardinal(int(text)) if head != "0" else digits(text)
    return f"{digits(head)} {'oh ' if rest[0] == '0' else ''}{cardinal(int(rest))}"


_LABELLED = words(
    """
    apt apartment suite ste seat seats room rm unit flat gate row platform bus flight hangar block building
    bldg exhibit figure fig section chapter level floor table box lot terminal stand bay door ward question
    class form schedule appendix part step option bed cabin locker pier aisle shelf slot berth deck stop route
    line highway route model type version grade house number no problem exercise page line paragraph tower
    wing hall classroom studio zone area rule article item track track's group team iphone rtx gtx
    """
)


@rule(
    Rank.LABEL,
    "0",
    rf"(?P<number>\d{{1,4}})(?P<letters>[A-Za-z]{{1,2}})"
    rf"(?P<more>(?:[ ]?[-–/&,][ ]?\d{{1,4}}[A-Za-z]){{0,4}}){WORD_END}",
    examples={
        "Apt. 4B": "apartment four b",
        "seat 12B": "seat twelve b",
        "seats 3A-3C": "seats three a to three c",
    },
)
def numbered_with_letter(reader: Reader, match: re.Match[str]) -> bool:
    """Read the number of a flat, a seat or a gate that ends in a letter."""
    if reader.touches(match.start()) or reader.previous().lower().rstrip(".") not in _LABELLED:
        return False
    if match["letters"] in ("st", "nd", "rd", "th", "am", "pm") or match["letters"].lower() in (
        "km",
        "kg",
        "cm",
        "mm",
    ):
        return False
    reader.say(
        _in_pairs(match["number"]) if len(match["number"]) > 2 else _short(match["number"]),
        *match.span("number"),
    )
    reader.spell(match["letters"], match.start("letters"))
    for part in re.finditer(r"(?P<joint>[-–/&,])|(?P<number>\d+)|(?P<letter>[A-Za-z])", match["more"]):
        start, end = match.start("more") + part.start(), match.start("more") + part.end()
        if part["joint"]:
            joint = {"-": "to", "–": "to", "&": "and"}.get(part["joint"])
            if joint:
                reader.say(joint, start, end)
            else:
                reader.mark(Break.COMMA)
        elif part["number"]:
            reader.say(_short(part["number"]), start, end)
        else:
            reader.spell(part["letter"], start)
    return True


def _short(number: str) -> str:
    return cardinal(int(number)) if number[0] != "0" or number == "0" else digits(number)


@rule(
    Rank.LABEL,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    rf"(?P<airline>[A-Z]{{2}})[ ]?(?P<number>\d{{3,4}}){WORD_END}",
    examples={"Flight BA2490": "flight b a twenty four ninety"},
)
def flight(reader: Reader, match: re.Match[str]) -> bool:
    """Read the number of a flight with its airline."""
    if reader.touches(match.start()) or reader.previous().lower() not in ("flight", "flights"):
        return False
    reader.spell(match["airline"], match.start("airline"))
    reader.say(_in_pairs(match["number"]), *match.span("number"))
    return True


_MODELS = re.compile(
    r"(?:llama|qwen|mistral|mixtral|gemma|phi|gpt|deepseek|falcon|yi|olmo|kimi|vicuna|alpaca|opt|bloom|pythia|"
    r"model|models|llm|checkpoint)[\w.-]{0,12}[ :(-]{1,2}(?:[\w.]{1,6}[ -])?$",
    re.IGNORECASE,
)
_MODEL_AFTER = re.compile(
    r"[ -](?:models?|LLMs?|LMs?|checkpoints?|variants?|instruct|chat|base|version|weights)\b", re.IGNORECASE
)
_COUNTED_AFTER = re.compile(r"[ -](?:param(?:eter)?s?|people|tokens?|users|humans|views|downloads|rows)\b")


@rule(
    Rank.LABEL,
    "0",
    rf"(?:(?P<times>\d{{1,3}})[x×](?=\d))?(?P<size>\d{{1,4}}(?:\.\d{{1,2}})?)(?P<letter>[BMTb]){WORD_END}",
    examples={
        "a 7B model": "a seven b model",
        "Llama 3.1 8B": "llama three point one eight b",
        "7B parameters": "seven billion parameters",
    },
)
def model_size(reader: Reader, match: re.Match[str]) -> bool:
    """Read the size of a language model, after its name or before "parameters"."""
    text = reader.text
    if match["letter"] != "b" and _COUNTED_AFTER.match(text, match.end()) and not match["times"]:
        reader.say(number_words(match["size"]), *match.span("size"))
        scale = {"B": "billion", "M": "million", "T": "trillion"}[match["letter"]]
        reader.say(scale, *match.span("letter"))
        return True
    is_model = _MODEL_AFTER.match(text, match.end()) or _MODELS.search(
        text[max(0, match.start() - 30) : match.start()]
    )
    if not is_model:
        return False
    if match["times"]:
        reader.say(cardinal(int(match["times"])), *match.span("times"))
        reader.say("by", match.end("times"), match.start("size"))
    reader.say(number_words(match["size"]), *match.span("size"))
    reader.spell(match["letter"], match.start("letter"))
    return True


RULES = (
    flight,
    numbered_with_letter,
    model_size,
    extension,
    phone,
    vanity_number,
    card,
    version,
    type_number,
    software_version,
    numbered_thing,
    zip_code,
    long_number,
)
