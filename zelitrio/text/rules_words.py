"""Rules for words: Roman numerals, initialisms, contractions, names with signs, letters of any script."""

from __future__ import annotations

import re
import unicodedata

from zelitrio.text import abbreviations as short
from zelitrio.text.characters import CONFUSABLE
from zelitrio.text.math_tables import GREEK
from zelitrio.text.numbers import cardinal, ordinal, roman, to_roman, year
from zelitrio.text.patterns import LETTER, ROMAN_SIGNS
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.spelling import fold, say_name
from zelitrio.text.tables import table, words
from zelitrio.text.types import Break

_REGNAL = words(
    """
    louis henry elizabeth charles george edward james william richard john paul pius benedict gregory leo
    innocent clement philip napoleon catherine peter nicholas alexander frederick mary francis ferdinand
    ivan ramses ramesses ptolemy thutmose amenhotep darius cyrus constantine otto wilhelm friedrich felipe
    carlos juan harald haakon olav gustav christian rudolf leopold albert victor umberto emmanuel ludwig
    maximilian franz margaret anne robert david alfonso pedro urban boniface sixtus julius adrian
    """
)
_ROYAL = words("king queen pope emperor empress tsar czar prince sultan pharaoh shah kaiser")
_COUNTED = words(
    """
    chapter part act scene volume book section article title appendix phase stage class type war bowl level
    grade rocky rambo episode season apollo saturn mark model version level tier category factor schedule
    gemini column
    """
)
STOP_WORDS = words(
    """
    the a an and or but if when so in on at to of for from with by as is was it he she they we you i are
    were be been not no that this there here then than into near via
    """
)
"""Words that are not names even if they have a capital."""
_NOT_NAMES = words(
    "the a an and or but if when so in on at to of for from with by as is was it he she they we you i"
)
_CONTRACTIONS = table(
    "em=them til=until cause=because tis=it_is twas=it_was n=and bout=about round=around im=him er=her"
)
_SYMBOLIC = table(
    """
    C#=c_sharp F#=f_sharp C++=c_plus_plus c++=c_plus_plus .NET=dot_net .Net=dot_net
    Notepad++=notepad_plus_plus &c.=et_cetera 24x7=twenty_four_seven A+=a_plus B+=b_plus A*=a_star pH=p_h
    Wi-Fi=wi_fi wi-fi=wi_fi WiFi=wi_fi
    """
)
_BARE_TITLES = words("dr st mt ft sgt capt lt cmdr cpl pvt maj col rev gov sen")
"""Titles that need no full stop before a name."""
_LETTER_WORDS = frozenset("c f a b p h".split())


@rule(
    Rank.SYMBOL,
    "a.&",
    r"C\#|F\#|[Cc]\+\+|Notepad\+\+|\.(?:NET|Net)\b|&c\.|[AB]\+(?![\w+])|A\*(?!\w)|[Ww]i-?[Ff]i(?![^\W_])|pH(?![^\W_])",
    plain_words=("wi", "wifi"),
    examples={"C#": "c sharp", "C++": "c plus plus", "Wi-Fi": "wi fi"},
)
def symbolic(reader: Reader, match: re.Match[str]) -> bool:
    """Read a name that has a sign in it."""
    if reader.touches(match.start()):
        return False
    for word in _SYMBOLIC.get(match[0], "wi fi").split():
        if word in _LETTER_WORDS:
            reader.spell(word, *match.span())
        else:
            reader.say(word, *match.span())
    return True


@rule(
    Rank.WORD,
    "IVXLCDMivx" + "".join(map(chr, range(0x2160, 0x2189))) + "".join(map(chr, range(0x2160, 0x2189))),
    rf"(?P<numeral>[IVXLCDM]{{1,10}}|[ivx]{{2,6}}|(?P<sign>[{ROMAN_SIGNS}]{{1,10}}))(?P<ending>['’]s)?(?![^\W_]|\.[A-Za-z]|['’][^\W_])",
    plain_words=[to_roman(value) for value in range(2, 40)],
    examples={
        "Louis XIV": "louis the fourteenth",
        "World War II": "world war two",
        "Act Ⅳ": "act four",
        "Chapter IV": "chapter four",
        "MMXXIV": "twenty twenty four",
    },
)
def roman_numeral(reader: Reader, match: re.Match[str]) -> bool:
    """Read a Roman numeral after a name, a title or a counted noun."""
    numeral = unicodedata.normalize("NFKC", match["numeral"]) if match["sign"] else match["numeral"]
    value = roman(numeral.upper())
    if match["sign"]:
        return _numeral_sign(reader, match, value)
    if match["numeral"].islower() and reader.previous().lower() not in _COUNTED:
        return False
    if value is None or reader.touches(match.start()) or reader.is_shouting:
        return False
    previous = reader.previous()
    name = previous.lower()
    is_name = previous[:1].isupper() and previous[1:].islower() and name not in _NOT_NAMES
    is_single = len(match["numeral"]) == 1
    title = reader.tokens[-2].spoken if len(reader.tokens) > 1 else ""
    if name in _COUNTED and is_name | (not is_single):
        said = cardinal(value)
    elif (
        is_name
        and name in _REGNAL
        and value < 40
        and (match["numeral"] != "I" or title in _ROYAL or match["ending"])
    ) or (is_name and title in _ROYAL and value < 40):
        said = "the " + ordinal(value)
    elif (
        is_name
        and not is_single
        and value < 100
        and match["numeral"] not in ("CD", "DC", "MD", "CV", "MC", "DI", "MI")
    ):
        said = cardinal(value)
    elif len(match["numeral"]) >= 4 and value > 1000:
        said = year(value)
    else:
        return False
    reader.say(said, *match.span())
    if match["ending"]:
        reader.tokens[-1].spoken += "'s"
    return True


def _numeral_sign(reader: Reader, match: re.Match[str], value: int | None) -> bool:
    """Read a numeral of Unicode's Roman signs: an ordinal after a monarch's name, else a number."""
    if value is None:
        return False
    previous = reader.previous()
    title = reader.tokens[-2].spoken if len(reader.tokens) > 1 else ""
    is_king = previous[:1].isupper() and (previous.lower() in _REGNAL or title in _ROYAL)
    reader.say("the " + ordinal(value) if is_king else cardinal(value), *match.span())
    if match["ending"]:
        reader.tokens[-1].spoken += "'s"
    return True


@rule(
    Rank.WORD,
    "'’",
    r"['’](?P<word>em|til|cause|tis|twas|n|bout|round)(?P<close>['’](?!\w))?(?![^\W_])",
    re.IGNORECASE,
    is_plain=True,
    examples={"get 'em": "get 'em", "rock 'n' roll": "rock and roll", "'til dawn": "until dawn"},
)
def contraction(reader: Reader, match: re.Match[str]) -> bool:
    """Read a word that starts with an apostrophe."""
    word = match["word"].lower()
    if reader.touches(match.start()) or (match["close"] and word != "n"):
        return False
    reader.say("'em" if word == "em" else _CONTRACTIONS[word], *match.span())
    return True


@rule(
    Rank.WORD,
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    r"(?P<left>[A-Z]{1,3})(?P<and>\ ?&\ ?)(?P<right>[A-Z]{1,3})(?P<ending>s|['’]s)?(?![^\W_])",
    examples={"R&D": "r and d", "AT&T": "a t and t", "Q&As": "q and a's"},
)
def letter_and_letter(reader: Reader, match: re.Match[str]) -> bool:
    """Spell letters that a sign joins."""
    if reader.touches(match.start()):
        return False
    reader.spell(match["left"], match.start("left"))
    reader.say("and", *match.span("and"))
    reader.spell(match["right"], match.start("right"), ending="'s" if match["ending"] else "")
    reader.tokens[-1].end = match.end()
    return True


@rule(
    Rank.WORD,
    "a",
    rf"(?P<letters>{LETTER}{{1,100000}})(?:['’](?P<tail>{LETTER}{{1,100000}}))?(?P<more>(?:['’]{LETTER}{{1,20}}){{0,3}})",
    plain_words=(*short.BARE, *_BARE_TITLES),
    is_plain=True,
    examples={"hello": "hello", "FBI": "f b i", "don't": "don't", "café": "café"},
)
def word(reader: Reader, match: re.Match[str]) -> None:
    """Read any other word."""
    letters, tail, start = match["letters"], match["tail"], match.start()
    if not letters.isascii():
        _foreign(reader, match)
        return
    if tail is None:
        _simple(reader, letters, start)
        return
    whole = f"{letters}'{tail}{match['more']}".lower().replace("’", "'")
    if (letters.lower() in ("d", "l", "o", "n", "y", "ma") and len(letters) <= 2) or tail.lower() not in (
        "s",
        "d",
    ):
        reader.say(fold(whole), *match.span())
    elif letters.isupper() and len(letters) > 1:
        say_name(reader, letters, start, ending="'" + tail.lower())
    elif letters.islower() or letters.istitle() or reader.knows(letters.lower()):
        reader.say(whole, *match.span())
    else:
        say_name(reader, letters, start, ending="'" + tail.lower())
    reader.tokens[-1].end = match.end()


def _simple(reader: Reader, letters: str, start: int) -> None:
    lower = letters.lower()
    end = start + len(letters)
    text = reader.text
    if len(letters) == 1:
        is_article = lower == "a" and not (letters == "A" and _is_letter_context(reader, start, end))
        if lower == "i" or is_article:
            reader.say(lower, start, end)
        else:
            reader.spell(letters, start)
    elif lower in _BARE_TITLES and letters[0].isupper() and (said := _title_or_place(reader, lower, end)):
        reader.say(said, start, end)
    elif lower in short.BARE and (lower != "dr" or letters.istitle()):
        expanded = short.TITLES.get(lower) or short.WORDS.get(lower) or short.PLACES.get(lower) or lower
        reader.say(expanded, start, end)
    elif (
        letters == "St" and reader.previous()[:1].isupper() and not text[end : end + 2].strip()[:1].isupper()
    ):
        reader.say("street", start, end)
    elif letters == "St" and text[end : end + 1] == " " and text[end + 1 : end + 2].isupper():
        reader.say("saint", start, end)
    else:
        say_name(reader, letters, start)


_NEXT_NAME = re.compile(r"[ ]+([A-Za-z][A-Za-z'’]*)(?![^\W_])")


def _title_or_place(reader: Reader, word: str, end: int) -> str | None:
    """Read "DR SMITH" as a title, because a name follows, and "ELM DR" as a place, because one precedes."""
    following = _NEXT_NAME.match(reader.text, end)
    name = following[1] if following else ""
    is_name = name[:1].isupper() and name.lower() not in STOP_WORDS
    follows_comma = bool(reader.tokens) and reader.tokens[-1].after is Break.COMMA
    if is_name and not (word == "mt" and follows_comma):  # "Billings, MT" is a state
        return short.TITLES[word]
    previous = reader.previous()
    is_place = previous[:1].isupper() or previous[:1].isdigit()
    if is_place and previous.lower() not in STOP_WORDS and word in short.PLACES:
        return short.PLACES[word]
    return None


def _is_letter_context(reader: Reader, start: int, end: int) -> bool:
    """Whether a capital "A" is a letter, as in "Plan A,": in mid-sentence, without a noun after it."""
    if not reader.tokens or not reader.previous():
        return False
    return not re.compile(r"\s*[A-Za-z0-9$€£]").match(reader.text, end) or reader.text[end : end + 1] == "-"


def _foreign(reader: Reader, match: re.Match[str]) -> None:
    """Read letters beyond ASCII: look the word up as it is, then folded to a-z; skip other scripts."""
    if _say_mixed(reader, match):
        return
    spoken = fold(match[0].replace("’", "'"))
    exact = match[0].lower()
    if reader.knows(exact):
        reader.say(exact, *match.span())
    elif spoken.strip("'"):
        if len(spoken) == 1:
            reader.spell(spoken, *match.span())
        else:
            reader.say(spoken, *match.span())
    else:
        name = greek_name(match[0])
        if name:
            reader.say(name, *match.span())
        else:
            reader.skipped += len(match[0])


_GREEK_OR_CYRILLIC = re.compile("[\u0370-\u052f]")


def _say_mixed(reader: Reader, match: re.Match[str]) -> bool:
    """Read words of mixed script: Greek letters by their names ("ΔT"), look-alike letters as Latin."""
    written = match[0]
    if _GREEK_OR_CYRILLIC.search(written) is None or not any(char.isascii() for char in written):
        return False
    looks = written.translate(CONFUSABLE)
    if looks.isascii() and len(written) > 2:
        say_name(reader, looks.replace("’", "'"), match.start())
        return True
    if not any(char.lower() in GREEK for char in written):
        return False
    for part in re.finditer(r"[A-Za-z]+|[^\W\d_A-Za-z]", written):
        start = match.start() + part.start()
        if part[0].isascii():
            say_name(reader, part[0], start) if len(part[0]) > 1 else reader.spell(part[0], start)
        elif part[0].lower() in GREEK:
            reader.say(GREEK[part[0].lower()], start, start + 1)
    return True


def greek_name(text: str) -> str | None:
    """The name of a single Greek letter, as in formulas; None for other texts."""
    return GREEK.get(text.lower()) if len(text) == 1 else None


RULES = (symbolic, roman_numeral, contraction, letter_and_letter, word)
