"""Rules for URLs, e-mail addresses, files and paths, hashtags, handles and shell commands."""

from __future__ import annotations

import re

from zelitrio.text.numbers import cardinal, digits
from zelitrio.text.patterns import WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.spelling import say_name
from zelitrio.text.tables import table, words

_DOMAINS = (
    "com|org|net|edu|gov|mil|int|io|ai|co|us|uk|ca|de|fr|it|es|nl|eu|ch|at|be|se|no|dk|fi|pl|ru|jp|cn|in|br|au|nz|"
    "technology|photography|museum|agency|studio|digital|academy|solutions|software|engineering|consulting|"
    "ventures|website|email|network|systems|services|company|shop|club|page|link|space|london|nyc|berlin|aero|mobi|"
    "travel|asia|jobs|eu|mx|za|kr|sg|hk|ie|pt|cz|gr|tr|il|is|lv|ee|lt|ua|to|cc|vc|"
    "info|biz|dev|app|tv|me|xyz|tech|online|site|store|cloud|blog|news|fm|ly|gg|so|sh"
)
_ENDINGS = (
    "pdf|txt|md|docx?|xlsx?|pptx?|csv|tsv|json|ya?ml|toml|xml|html?|css|jsx?|tsx?|py|ipynb|rs|go|c|h|cpp|hpp|java|kt|"
    "rb|php|sh|bat|exe|dll|zip|tar|gz|bz2|xz|7z|rar|iso|img|png|jpe?g|gif|svg|webp|bmp|ico|mp3|mp4|wav|ogg|flac|opus|"
    "avi|mkv|mov|webm|log|cfg|conf|ini|env|lock|sql|db|bak|tmp|apk|dmg|deb|rpm|wasm|onnx|safetensors"
)
_MARKS = table(
    ".=dot /=slash \\=backslash -=dash _=underscore @=at :=colon ?=question_mark &=and #=hash %=percent "
    "+=plus ~=tilde"
)
_MARKS["="] = "equals"
_SPELLED = words(
    "io uk us ai tv fm ly gg de ch nz au py js ts rs rb cpp html css php csv tsv xml sql pdf png gif mp mkv "
    "avi"
)
_PART = re.compile(r"[^\W\d_]+|\d+|[^\w]|_")


@rule(
    Rank.WEB,
    "hHfFwW",
    r"(?:(?P<scheme>https?|ftp|wss?|file)://|(?=www\.))(?P<address>[^\s<>\"“”]{1,2000})",
    re.IGNORECASE,
    plain_words=("www",),
    examples={
        "https://example.com/a?b=1": "example dot com slash a question mark b equals one",
        "www.example.org": "w w w dot example dot org",
    },
)
def url(reader: Reader, match: re.Match[str]) -> bool:
    """Read a URL; the scheme and a last slash are silent."""
    if reader.touches(match.start()):
        return False
    address = _trim(match["address"])
    if match["scheme"]:
        address = address.rstrip("/")
    _say_parts(reader, address, match.start("address"))
    return True


@rule(
    Rank.WEB,
    "a0",
    r"[A-Za-z0-9][\w.+-]{0,63}+@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,4}",
    examples={"john.doe@example.com": "john dot doe at example dot com"},
)
def email(reader: Reader, match: re.Match[str]) -> bool:
    """Read an e-mail address."""
    if reader.touches(match.start()):
        return False
    _say_parts(reader, match[0].rstrip(".-"), match.start())
    return True


@rule(
    Rank.WEB,
    "a0",
    rf"[A-Za-z0-9][A-Za-z0-9-]{{0,62}}+(?:\.[A-Za-z0-9-]{{1,63}}){{0,4}}\.(?:{_DOMAINS}){WORD_END}(?!\.[A-Za-z])(?:[:/][^\s<>\"”]{{0,500}})?",
    examples={"example.com/docs": "example dot com slash docs"},
)
def domain(reader: Reader, match: re.Match[str]) -> bool:
    """Read a domain name; "end.In" is the border of two sentences."""
    if reader.touches(match.start()) or re.search(r"\.[A-Z][a-z]", match[0]):
        return False
    _say_parts(reader, _trim(match[0]), match.start())
    return True


@rule(
    Rank.WEB,
    "a0",
    rf"[A-Za-z0-9][\w-]{{0,80}}+(?:\.[\w-]{{1,40}}){{0,3}}\.(?:{_ENDINGS}){WORD_END}",
    examples={"report_final.pdf": "report underscore final dot p d f", "Node.js": "node dot j s"},
)
def file_name(reader: Reader, match: re.Match[str]) -> bool:
    """Read a file name with a known ending."""
    if reader.touches(match.start()):
        return False
    _say_parts(reader, match[0], match.start())
    return True


@rule(
    Rank.WEB,
    "a~./",
    r"(?:[A-Za-z]:\\(?:[\w .-]{1,60}\\){0,10}[\w.-]{1,60} | (?:~|\.{1,2})?(?:/[\w.-]{1,60}){1,12}/?)",
    examples={
        "/usr/bin/python": "slash usr slash bin slash python",
        "~/notes": "tilde slash notes",
        "C:\\Users\\bob": "c colon backslash users backslash bob",
    },
)
def path(reader: Reader, match: re.Match[str]) -> bool:
    """Read a file path."""
    if reader.touches(match.start()) or (
        match[0][0] == "/" and match.start() and not reader.text[match.start() - 1].isspace()
    ):
        return False
    _say_parts(reader, _trim(match[0]), match.start())
    return True


@rule(Rank.WEB, "#", rf"\#(?P<number>\d{{1,12}}){WORD_END}", examples={"#42": "number forty two"})
def hash_number(reader: Reader, match: re.Match[str]) -> None:
    """Read the sign before a number."""
    reader.say("number", match.start(), match.start() + 1)
    number = match["number"]
    is_code = (len(number) > 4 and not number.endswith("00")) or (number[0] == "0" and len(number) > 1)
    if len(number) == 4 and not is_code and not number.endswith("00"):
        said = f"{cardinal(int(number[:2]))} {'oh ' if number[2] == '0' else ''}{cardinal(int(number[2:]))}"
    else:
        said = digits(number) if is_code else cardinal(int(number))
    reader.say(said, *match.span("number"))


@rule(
    Rank.WEB,
    "#",
    r"\#(?P<name>[^\W_][\w]{0,80})",
    examples={"#BlackLivesMatter": "hashtag black lives matter"},
)
def hashtag(reader: Reader, match: re.Match[str]) -> None:
    """Read a hashtag word by word."""
    is_color = re.fullmatch(r"[0-9A-Fa-f]{6}", match["name"]) is not None
    is_code = match["name"].isupper() and any(char.isdecimal() for char in match["name"])
    said = "hash" if is_color else "number" if is_code else "hashtag"
    reader.say(said, match.start(), match.start() + 1)
    if is_color:
        for index, char in enumerate(match["name"], start=match.start("name")):
            if char.isdigit():
                reader.say(digits(char), index, index + 1)
            else:
                reader.spell(char, index)
        return
    _say_parts(reader, match["name"], match.start("name"), silent="_")


@rule(Rank.WEB, "@", r"@(?P<name>[A-Za-z0-9_][\w.]{0,60})", examples={"@john_doe": "at john underscore doe"})
def handle(reader: Reader, match: re.Match[str]) -> bool:
    """Read the name of an account."""
    if reader.touches(match.start()):
        return False
    reader.say("at", match.start(), match.start() + 1)
    _say_parts(reader, match["name"].rstrip("."), match.start("name"))
    return True


_COMMAND = re.compile(
    r"(?:^|[\s`$;|&(])(?:sudo|git|docker|npm|npx|pip3?|curl|wget|ls|cd|apt|apt-get|python3?|kubectl|ssh|scp|tar|grep|"
    r"chmod|chown|mkdir|rm|cp|mv|brew|make|cargo|go|node|yarn|uv|find|sed|awk|cat|echo|ps|kill|tail|head|systemctl|"
    r"ffmpeg|pytest|helm|terraform|zelitrio|\./\S+)\s[^\n]{0,80}$"
)


@rule(
    Rank.WEB,
    "-",
    r"(?P<dashes>--?)(?P<name>[A-Za-z][\w-]{0,40})(?![^\W_])",
    examples={"git commit --amend": "git commit dash dash amend", "tar -xf": "tar dash x f"},
)
def flag(reader: Reader, match: re.Match[str]) -> bool:
    """Read an option of a shell command."""
    text, start = reader.text, match.start()
    if start and not (text[start - 1].isspace() or text[start - 1] in "[(`\"'"):
        return False
    is_command = _COMMAND.search(text[max(0, start - 100) : start]) is not None
    is_long = match["dashes"] == "--"
    if not is_command and not (is_long and (not start or text[start - 1] in " [(`")):
        return False
    reader.say("dash dash" if is_long else "dash", start, match.start("name"))
    if is_long or len(match["name"]) > 3:
        _say_parts(reader, match["name"], match.start("name"))
    else:
        for index, char in enumerate(match["name"], start=match.start("name")):
            if char.isalpha():
                reader.spell(char, index)
            elif char.isdigit():
                reader.say(digits(char), index, index + 1)
    return True


@rule(Rank.WEB, "&|", r"&&|\|\|", examples={"make && run": "make and run"})
def shell_joint(reader: Reader, match: re.Match[str]) -> bool:
    """Read the sign between two commands."""
    reader.say("and" if match[0] == "&&" else "or", *match.span())
    return True


def _trim(address: str) -> str:
    """The address without the punctuation of the sentence around it."""
    address = address.rstrip(".,;:!?'\"’*>]}")
    if address.endswith(")") and "(" not in address:
        address = address.rstrip(").,;:!?'\"")
    return address


def _say_parts(reader: Reader, text: str, start: int, *, silent: str = "") -> None:
    for part in _PART.finditer(text):
        begins, ends = start + part.start(), start + part.end()
        found = part[0]
        if found[0].isdecimal():
            is_short = len(found) <= 3 and found[0] != "0"
            reader.say(cardinal(int(found)) if is_short or found == "0" else digits(found), begins, ends)
        elif found[0].isalpha():
            if found.lower() in _SPELLED:
                reader.spell(found, begins)
            else:
                say_name(reader, found, begins)
        elif found in _MARKS and found not in silent:
            reader.say(_MARKS[found], begins, ends)


RULES = (flag, shell_joint, url, email, domain, file_name, path, hash_number, hashtag, handle)
