"""Rules for codes: order and tracking numbers, bank accounts, licence plates, postcodes, chess moves."""

from __future__ import annotations

import re

from zelitrio.text.numbers import cardinal, digits
from zelitrio.text.patterns import WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.tables import table
from zelitrio.text.types import Break

_LABEL = re.compile(
    r"""
    (?<![A-Za-z])(?:order|tracking|confirmation|serial|reference|ref|booking|reservation|invoice|ticket|case|
    account|acct|customer|member|membership|licen[cs]e|registration|reg|plates?|vin|iban|sku|coupon|promo|gift|
    discount|voucher|policy|claim|passport|ids?|code|key|part|pnr|locator|transaction|receipt|shipment|parcel|
    package|ups|fedex|usps|dhl|swift|bic|routing|imei|batch|docket|permit|verification|otp|passcode|password|
    identifier|token|number|no\.|pin|product|item|rma|po|nhs|ssn|tax|vat|ein|fein|model|zip|postcode)
    [.)]?[ ]?(?:is|was|are|:|\#|=|to)?[ ]?[\#"'(]?$
    """,
    re.VERBOSE | re.IGNORECASE,
)
_NEAR_LETTER = re.compile(r"[A-Za-z#][^A-Za-z]{0,4}$")
_SECRET = re.compile(
    r"(?<![A-Za-z])(?:code|pin|otp|passcode|password|verification|token|ending in|ends in|last four)"
    r"(?:[ ](?:code|number|digits))?[.:]?[ ]?(?:is|was|are|:|=)?[ ]?[\#\"']?$",
    re.IGNORECASE,
)
_GROUP = re.compile(r"[A-Za-z]+|\d+|[-–./ ]")


def say_code(reader: Reader, match: re.Match[str], *, is_digit_by_digit: bool) -> None:
    """Speak letters by their names, and short numbers as numbers, with a pause at each gap.

    Long numbers, or all of them with `is_digit_by_digit`, are read digit by digit.
    """
    for part in _GROUP.finditer(match[0]):
        start, end = match.start() + part.start(), match.start() + part.end()
        found = part[0]
        if found.isalpha():
            reader.spell(found, start)
        elif found.isdigit():
            is_short = len(found) <= 2 and found[0] != "0" and not is_digit_by_digit
            reader.say(cardinal(int(found)) if is_short else digits(found), start, end)
        else:
            reader.mark(Break.COMMA)


def _before(reader: Reader, match: re.Match[str]) -> str:
    return reader.text[max(0, match.start() - 36) : match.start()]


@rule(
    Rank.LABEL,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    rf"[A-Z]{{2}}\d{{2}}(?:[ ]?[A-Z0-9]{{4}}){{2,7}}(?:[ ]?[A-Z0-9]{{1,4}})?{WORD_END}",
    examples={
        "DE89 3704 0044 0532 0130 00": "d e eight nine three seven zero four zero zero four four zero five "
        "three two zero one three zero zero zero",
    },
)
def iban(reader: Reader, match: re.Match[str]) -> bool:
    """Read the number of a bank account in groups of four."""
    written = match[0].replace(" ", "")
    if reader.touches(match.start()) or not 15 <= len(written) <= 34 or sum(map(str.isdigit, written)) < 8:
        return False
    place, count = match.start(), 0
    for char in match[0]:
        if char != " ":
            if count and count % 4 == 0:
                reader.mark(Break.COMMA)
            if char.isdigit():
                reader.say(digits(char), place, place + 1)
            else:
                reader.spell(char, place)
            count += 1
        place += 1
    return True


@rule(
    Rank.LABEL,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    rf"(?:[A-Z]{{1,2}}\d[A-Z\d]?[ ]\d[A-Z]{{2}}|[A-Z]\d[A-Z][ ]\d[A-Z]\d){WORD_END}",
    examples={"London NW1 6XE": "london n w one six x e", "K1A 0B1": "k one a zero b one"},
)
def postcode(reader: Reader, match: re.Match[str]) -> bool:
    """Read a British or Canadian postcode."""
    if reader.touches(match.start()):
        return False
    say_code(reader, match, is_digit_by_digit=False)
    return True


@rule(
    Rank.LABEL,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0",
    rf"(?!\d{{4}}-\d\d-\d\d)(?=[A-Z]*-?\d)(?:[A-Z0-9]{{1,24}})(?:[-–./][A-Z0-9]{{1,24}}){{0,6}}{WORD_END}(?![.,]\d)",
    examples={
        "order number 4521-88-AX9": "order number four five two one eighty eight a x nine",
        "confirmation code X7K9PQ": "confirmation code x seven k nine p q",
        "tracking number 1Z999AA1": "tracking number one z nine nine nine a a one",
        "the code is 4821": "the code is four eight two one",
    },
)
def labelled_code(reader: Reader, match: re.Match[str]) -> bool:
    """Read a code after a word that names one; without such a word, only a long mix of letters and digits."""
    written = match[0]
    if reader.touches(match.start()):
        return False
    before = _before(reader, match)
    plain = re.sub(r"[-–./]", "", written)
    has_letters = not plain.isdigit()
    if not has_letters and _NEAR_LETTER.search(before) is None:
        return False
    if not has_letters:
        is_secret = written.isdigit() and 3 <= len(written) <= 8 and _SECRET.search(before) is not None
        is_chain = not written.isdigit() and "-" in written and len(plain) >= 6 and _LABEL.search(before)
        is_long = written.isdigit() and len(written) >= 5 and _LABEL.search(before) is not None
        if not (is_secret or is_chain or is_long):
            return False
        say_code(reader, match, is_digit_by_digit=True)
        return True
    is_mixed = re.search(r"\d[A-Z]+\d|[A-Z]\d+[A-Z]", written) is not None
    count = len(plain)
    is_labelled = _LABEL.search(before) is not None and (count >= 5 or is_mixed)
    if not (is_labelled or (is_mixed and count >= 8)) or "." in written or "/" in written:
        return False
    is_plate = re.search(r"(?i)plate|licen[cs]e|registration|vin", before) is not None
    say_code(reader, match, is_digit_by_digit=is_plate)
    return True


@rule(
    Rank.LABEL,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    rf"(?P<left>[A-Z]{{1,2}})(?P<from>\d{{1,3}})[ ]?[-–][ ]?(?P<right>(?P=left))(?P<to>\d{{1,3}}){WORD_END}",
    examples={"Q1-Q3": "q one to q three"},
)
def range_of_labels(reader: Reader, match: re.Match[str]) -> bool:
    """Read a range of things that have a letter and a number."""
    if reader.touches(match.start()) or (int(match["from"]) >= int(match["to"]) and match["left"] != "Q"):
        return False
    reader.spell(match["left"], match.start("left"))
    reader.say(cardinal(int(match["from"])), *match.span("from"))
    reader.say("to", match.end("from"), match.start("right"))
    reader.spell(match["right"], match.start("right"))
    reader.say(cardinal(int(match["to"])), *match.span("to"))
    return True


@rule(
    Rank.LABEL,
    "Aa0",
    r"(?P<first>[Aa0])[-–](?P<last>[ZzFf9])(?![^\W_]|[-–])",
    examples={"an A-Z list": "an a to z list", "keys 0-9": "keys zero to nine"},
)
def range_of_letters(reader: Reader, match: re.Match[str]) -> bool:
    """Read a range over the alphabet or the digits."""
    first, last = match["first"], match["last"]
    is_digit = first == "0"
    if reader.touches(match.start()) or is_digit != last.isdigit() or first.isupper() != last.isupper():
        return False
    if is_digit:
        reader.say("zero to nine", *match.span())
    else:
        reader.spell(first, match.start())
        reader.say("to", match.end("first"), match.start("last"))
        reader.spell(last, match.start("last"))
    return True


@rule(
    Rank.LABEL,
    "0abcdefABCDEF:",
    rf"(?:[0-9A-Fa-f]{{2}}(?P<joint>[:-])(?:[0-9A-Fa-f]{{2}}(?P=joint)){{4}}[0-9A-Fa-f]{{2}}"
    rf"|(?=[0-9a-fA-F:]{{0,40}}::?[0-9a-fA-F]*[a-fA-F])(?:[0-9a-fA-F]{{1,4}}:{{1,2}}){{2,7}}[0-9a-fA-F]{{0,4}}"
    rf"|[0-9a-fA-F]{{1,4}}::[0-9a-fA-F]{{1,4}}){WORD_END}(?!:)",
    examples={"00:1A:2B:3C:4D:5E": "zero zero one a two b three c four d five e"},
)
def hardware_address(reader: Reader, match: re.Match[str]) -> bool:
    """Read a MAC or an IPv6 address character by character."""
    if reader.touches(match.start()):
        return False
    for index, char in enumerate(match[0], start=match.start()):
        if char.isdigit():
            reader.say(digits(char), index, index + 1)
        elif char.isalpha():
            reader.spell(char, index)
        elif match["joint"]:
            reader.mark(Break.COMMA)
        else:
            reader.say("colon", index, index + 1)
    return True


_ELEMENTS = (
    "He|Li|Be|Ne|Na|Mg|Al|Si|Cl|Ar|Ca|Sc|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|Ga|Ge|As|Se|Br|Kr|Rb|Sr|Zr|Ag|Cd|Sn|Sb|Xe|"
    "Cs|Ba|Pt|Au|Hg|Pb|Bi|Ra|H|B|C|N|O|F|P|S|K|V|I|U|W"
)


@rule(
    Rank.LABEL,
    "HLBCNOFMASPKTVGRZIUWX",
    rf"(?=[A-Za-z()]{{1,8}}[0-9₀-₉])"
    rf"(?:(?:{_ELEMENTS}|\((?:(?:{_ELEMENTS})\d{{0,2}}){{1,4}}\))[0-9₀-₉]{{0,3}}){{2,8}}{WORD_END}",
    examples={"H2SO4": "h two s o four", "CaCO3": "c a c o three"},
)
def chemical(reader: Reader, match: re.Match[str]) -> bool:
    """Read a chemical formula letter by letter."""
    is_code = (
        re.search(r"[OHa-z]", match[0]) is None
        or re.search(r"\d{3}", match[0]) is not None
        or re.fullmatch(r"[A-Z]{3,}\d+", match[0]) is not None
    )
    if reader.touches(match.start()) or is_code or reader.text[match.end() : match.end() + 1] == "-":
        return False
    for part in re.finditer(r"[A-Za-z]|\d+|[₀-₉]+", match[0]):
        start, end = match.start() + part.start(), match.start() + part.end()
        if part[0].isalpha():
            reader.spell(part[0], start)
        else:
            reader.say(cardinal(int(part[0].translate(_LOWERED))), start, end)
    return True


_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


_PIECES = table("K=king Q=queen R=rook B=bishop N=knight")
_MOVE = (
    r"(?:[KQRBN][a-h]?[1-8]?x?[a-h][1-8]|[a-h]x[a-h][1-8]|[a-h][18]=[QRBN]|O-O(?:-O)?|0-0(?:-0)?)"
    r"(?:=[QRBN])?[+\#]?"
)
_GAME = re.compile(
    rf"(?<![\w-]){_MOVE}(?![\w-])|\b[a-h][1-8]\b|(?i:chess|checkmate|opening|castle|gambit|sicilian)"
)


@rule(
    Rank.LABEL,
    "KQRBNO0abcdefgh",
    rf"(?P<move>{_MOVE})(?![\w=-])",
    plain_words=[],
    examples={
        "then Qxe5+ and Nf3": "then queen takes e five check and knight f three",
        "O-O, e8=Q#": "castles e eight promotes to queen checkmate",
    },
)
def chess_move(reader: Reader, match: re.Match[str]) -> bool:
    """Read a chess move if it can be nothing else, or if another one or the game's name is near."""
    move = match["move"]
    text = reader.text
    near = f"{text[max(0, match.start() - 60) : match.start()]} {text[match.end() : match.end() + 60]}"
    is_certain = "x" in move or move[-1] in "+#" or "=" in move
    if reader.touches(match.start()) or not (is_certain or _GAME.search(near)):
        return False
    if move[0] in "O0":
        side = "castles queen side" if move.count("-") == 2 else "castles"
        reader.say(side, match.start(), match.start() + len(move.rstrip("+#")))
    for part in re.finditer(r"[KQRBN]|[a-h]|[1-8]|x|=|[+#]", move):
        start, end = match.start() + part.start(), match.start() + part.end()
        sign = part[0]
        if sign in _PIECES:
            reader.say(_PIECES[sign], start, end)
        elif sign.isalpha() and sign != "x":
            reader.spell(sign, start)
        elif sign.isdigit():
            reader.say(cardinal(int(sign)), start, end)
        else:
            said = {"x": "takes", "=": "promotes to", "+": "check"}.get(sign, "checkmate")
            reader.say(said, start, end)
    return True


RULES = (
    iban,
    postcode,
    hardware_address,
    chemical,
    labelled_code,
    range_of_labels,
    range_of_letters,
    chess_move,
)
