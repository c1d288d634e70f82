"""Rules for punctuation and signs: some make a break, some are spoken, some are silent."""

from __future__ import annotations

import re

from zelitrio.text.numbers import cardinal
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.rules_numbers import power_words
from zelitrio.text.tables import table
from zelitrio.text.types import Break

_SAID = table(
    """
    &=and ＆=and @=at %=percent ‰=per_mille °=degrees §=section №=number ∞=infinity √=square_root_of ∑=sum
    ©=copyright µ=micro Ω=ohm ∆=delta ∂=partial ∫=integral ∈=in ∀=for_all ∃=there_exists ≈=about ~=about
    ✓=check ✔=check →=to ❤=love ♥=love $=dollars €=euros £=pounds ¥=yen ₹=rupees ¢=cents
    """
)
_BETWEEN = table(
    """
    +=plus ==equals <=is_less_than >=is_greater_than ≤=is_at_most ≥=is_at_least ≠=is_not_equal_to ×=times
    ÷=divided_by *=times /=slash ±=plus_or_minus −=minus ^=to_the_power_of ≡=is_equivalent_to
    """
)
_BETWEEN["="] = "equals"
_BREAKS = {
    **dict.fromkeys(",，、،()[]{}（）", Break.COMMA),
    **dict.fromkeys(";:；：؛", Break.COLON),
    **dict.fromkeys("—―⸺–", Break.DASH),
    **dict.fromkeys(".。｡۔।", Break.STOP),
    **dict.fromkeys("?？؟", Break.QUESTION),
    **dict.fromkeys("!！", Break.EXCLAIM),
}
_VOWEL = re.compile("[aeiouyAEIOUY]")
_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


@rule(
    Rank.MARK,
    ".…",
    r"(?:\.{2,1000}|…{1,1000})(?:\s{0,100}(?P<next>\w))?",
    is_plain=True,
    examples={"Wait... what?": "wait what"},
)
def ellipsis(reader: Reader, match: re.Match[str]) -> bool:
    """Add the break of an ellipsis: the end of a sentence before a capital or at the end, else a pause.

    It always returns False, so that later rules read the marks.
    """
    following = match["next"]
    reader.mark(Break.STOP if following is None or following.isupper() else Break.DASH)
    return False


@rule(
    Rank.MARK,
    "-=+*_#~$&@%^/\\|<>",
    r"(?P<sign>[-=+*_#~$&@%^/\\|<>])(?P=sign){2,1000}",
    is_plain=True,
    examples={"one ----- two": "one two", "====": "", "$$$": ""},
)
def decoration(reader: Reader, match: re.Match[str]) -> bool:
    """Skip a row of one sign, such as a line of dashes."""
    reader.mark(Break.DASH)
    return True


@rule(
    Rank.MARK,
    "-–—−",
    r"[-–—−]{1,3}",
    is_plain=True,
    examples={"x 3 - y": "x three y", "one - two": "one two", "well-known": "well known"},
)
def dash(reader: Reader, match: re.Match[str]) -> bool:
    """Read a dash: a pause, "minus", or nothing."""
    text, start, end = reader.text, match.start(), match.end()
    before, after = text[start - 1 : start], text[end : end + 1]
    if reader.tokens and reader.tokens[-1].spoken in ("noon", "midnight") and after.isdigit():
        reader.say("to", start, end)
        return True
    if match[0] in ("-", "−"):
        is_spaced = (not before or before.isspace()) and (not after or after.isspace())
        if (
            is_spaced
            and reader.previous()
            and reader.previous()[-1].isdecimal()
            and text[end + 1 : end + 2].isdecimal()
        ):
            reader.say("minus", start, end)
        elif is_spaced:
            reader.mark(Break.DASH)
        return True
    reader.mark(Break.DASH)
    return True


@rule(
    Rank.MARK,
    "\n",
    r"\n[ \t\r\f\v]{0,1000}(?P<blank>\n\s{0,1000})?(?P<next>\S)?",
    is_plain=True,
    examples={"one\nTwo": "one two"},
)
def new_line(reader: Reader, match: re.Match[str]) -> bool:
    """A blank line ends a paragraph; a line that does not go on in lower case ends a sentence."""
    following = match["next"]
    if match["blank"]:
        reader.mark(Break.PARAGRAPH)
    elif following is not None and not following.islower():
        reader.mark(Break.STOP)
    return False


@rule(Rank.MARK, "^", r"\^(?P<exponent>-?\d{1,3})(?!\d)", is_plain=True, examples={"x^2": "x squared"})
def power(reader: Reader, match: re.Match[str]) -> bool:
    """Read the power of a letter; another rule reads powers of numbers."""
    if not reader.touches(match.start()):
        return False
    reader.say(power_words(int(match["exponent"])), *match.span())
    return True


@rule(
    Rank.MARK,
    "<",
    r"</?[A-Za-z][\w:-]{0,20}(?:\s[^<>]{0,300})?/?>",
    is_plain=True,
    examples={"<b>hi</b>": "hi"},
)
def tag(reader: Reader, match: re.Match[str]) -> bool:
    """Skip markup that the client did not ask to interpret."""
    return True


_BOUNDS = table("<=less_than >=more_than ≤=at_most ≥=at_least")
_BOUNDS.update({"<=": "at most", ">=": "at least"})


@rule(
    Rank.MARK,
    "<>≤≥=!",
    r"(?P<sign>[<>]=?|[≤≥]|[=!]==?)(?P<gap>[ ]?)(?=(?P<next>\S))",
    is_plain=True,
    examples={
        "latency <10 ms": "latency less than ten milliseconds",
        "length >= 5": "length is at least five",
        "size != 4": "size is not equal to four",
    },
)
def comparison(reader: Reader, match: re.Match[str]) -> bool:
    """Read a bound before an amount (">5"), or a comparison of two signs ("!=")."""
    sign, text, start = match["sign"], reader.text, match.start()
    before = text[max(0, start - 1) : start]
    is_bound = match["next"].isdigit() or match["next"] in "$€£"
    if sign in _BOUNDS and is_bound and not match["gap"] and (not before or before in " (\n\t"):
        reader.say(_BOUNDS[sign], *match.span("sign"))
        return True
    said = {"<=": "is at most", ">=": "is at least", "!=": "is not equal to", "!==": "is not equal to"}.get(
        sign
    )
    if sign in ("==", "==="):
        said = "equals"
    if said is None or not reader.tokens or not (match["next"].isalnum() or match["next"] in "\"'($-"):
        return False
    reader.say(said, *match.span("sign"))
    return True


@rule(
    Rank.MARK,
    "+=<>≤≥≠×÷*/±−^≡",
    r"(?P<sign>[+=<>≤≥≠×÷*/±−^≡])",
    is_plain=True,
    examples={
        "2 + 2 = 4": "two plus two equals four",
        "*bold*": "bold",
        "5 > 3": "five is greater than three",
    },
)
def between(reader: Reader, match: re.Match[str]) -> bool:
    """Speak a sign between two operands; elsewhere it is silent."""
    text, start, end = reader.text, match.start(), match.end()
    sign = match["sign"]
    left, right = text[max(0, start - 3) : start], text[end : end + 3]
    if sign in "*/^<>" and not _is_formula(left, right, sign):
        if sign == "/" and _is_alternative(text, start):
            reader.say("or", start, end)
        elif sign == ">":
            reader.mark(Break.COMMA)  # the steps of a menu
        elif sign == "/" and _is_rate(reader, text, end):
            reader.say("per", start, end)
        elif sign == "/" and left[-1:].isalnum() and right[:1].isalnum() and not _is_and_or(text, start):
            reader.say("slash", start, end)
        return True
    if reader.tokens and right.strip() and left.strip():
        reader.say(_BETWEEN[sign], start, end)
    return True


@rule(
    Rank.MARK,
    "⁰¹²³⁴⁵⁶⁷⁸⁹⁻",
    r"⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,4}",
    is_plain=True,
    examples={"x²": "x squared", "the end³ of": "the end of"},
)
def raised(reader: Reader, match: re.Match[str]) -> None:
    """Read a superscript as a power; after a longer word it is a footnote and silent."""
    previous = reader.previous()
    if reader.touches(match.start()) and (len(previous) <= 2 or _VOWEL.search(previous) is None):
        reader.say(power_words(int(match[0].translate(_RAISED))), *match.span())


@rule(Rank.MARK, "₀₁₂₃₄₅₆₇₈₉", r"[₀₁₂₃₄₅₆₇₈₉]{1,4}", is_plain=True, examples={"x₁": "x one"})
def lowered(reader: Reader, match: re.Match[str]) -> None:
    """Read a subscript."""
    reader.say(cardinal(int(match[0].translate(_LOWERED))), *match.span())


@rule(
    Rank.MARK,
    "".join(_SAID),
    r".",
    re.DOTALL,
    is_plain=True,
    examples={"black & white": "black and white", "§ 5": "section five"},
)
def sign(reader: Reader, match: re.Match[str]) -> bool:
    """Speak a sign that is never silent."""
    reader.say(_SAID[match[0]], *match.span())
    return True


@rule(Rank.MARK, "".join(_BREAKS), r".", re.DOTALL, is_plain=True, examples={"Hello, world!": "hello world"})
def punctuation(reader: Reader, match: re.Match[str]) -> bool:
    """Add the break of a punctuation mark."""
    text, start = reader.text, match.start()
    after = text[start + 1 : start + 2]
    # A mark inside a word is no pause: "a.b", "x:y".
    if (
        match[0] in ".:,;"
        and after.isalnum()
        and reader.touches(start)
        and not (match[0] in ".,;" and after.isupper())
    ):
        return True
    reader.mark(_BREAKS[match[0]])
    return True


def _is_formula(left: str, right: str, sign: str) -> bool:
    """Whether numbers or single letters are on both sides, with the same spacing."""
    close = left[-1:].isspace() == right[:1].isspace()
    near, far = left.strip()[-1:], right.strip()[:1]
    if not (close and near and far):
        return False
    if sign in "<>":
        return (near.isdecimal() or _is_lone(left[::-1])) and (far.isdecimal() or _is_lone(right))
    return near.isdecimal() and far.isdecimal() if sign in "*/" else near.isalnum() and far.isalnum()


def _is_lone(side: str) -> bool:
    """Whether the nearest word on a side is a single letter; `side` is in the order of distance."""
    side = side.strip()
    return side[:1].isalpha() and not side[1:2].isalnum()


def _is_alternative(text: str, start: int) -> bool:
    pair = _PAIR.search(text, max(0, start - 8), start + 8)
    return pair is not None and pair.start() < start < pair.end()


_PAIR = re.compile(
    r"\b(?:s?he/s?he|his/hers?|him/her|her/him|yes/no|true/false|on/off|mr/ms)\b", re.IGNORECASE
)


def _is_rate(reader: Reader, text: str, end: int) -> bool:
    """Whether it is a rate, as in "3 items/page": a counted noun before the slash, a singular after it."""
    if len(reader.tokens) < 2 or not text[end : end + 1].islower():
        return False
    if text[end - 2 : end - 1].isdigit():
        return _PERIOD.match(text, end) is not None
    counted, noun = reader.tokens[-2], reader.tokens[-1]
    return noun.spoken.endswith("s") and noun.end == end - 1 and text[counted.end - 1].isdigit()


_PERIOD = re.compile(r"(?:day|week|month|year|hour|minute|second|night|person|page|hr|yr|mo|wk)(?![^\W_])")


def _is_and_or(text: str, start: int) -> bool:
    return text[max(0, start - 6) : start + 3].lower().endswith(("and/or", "either/or"))


RULES = (
    new_line,
    comparison,
    decoration,
    ellipsis,
    dash,
    raised,
    lowered,
    power,
    tag,
    between,
    sign,
    punctuation,
)
