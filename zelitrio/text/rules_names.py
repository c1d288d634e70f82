"""The rule for names of products, formats and tools, which are in a table (data/names.txt)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from zelitrio.text.lexicon_file import DATA
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule


def _load() -> dict[str, str]:
    lines = (DATA / "names.txt").read_text(encoding="utf-8").splitlines()
    pairs = (line.partition("\t") for line in lines if line and not line.startswith("#"))
    return {written: said for written, _, said in pairs}


NAMES = _load()
"""Written forms and their spoken forms; words in capitals in a spoken form are spelled."""


def _by_first_letter(names: Iterable[str]) -> str:
    """A pattern of all names, grouped by first letter, so that few alternatives are tried."""
    groups: dict[str, list[str]] = {}
    for name in names:
        is_any_case = name == name.lower()
        first = f"[{name[0]}{name[0].upper()}]" if is_any_case and name[0].isalpha() else re.escape(name[0])
        rest = re.escape(name[1:])
        groups.setdefault(first, []).append(f"(?i:{rest})" if is_any_case else rest)
    return "|".join(f"{first}(?:{'|'.join(rests)})" for first, rests in groups.items())


_PATTERN = _by_first_letter(sorted(NAMES, key=len, reverse=True))
_WORDS = [name.replace(".", " ").replace("-", " ").replace("/", " ").split() for name in NAMES]


@rule(
    Rank.NAME,
    "a.",
    rf"(?P<name>{_PATTERN})(?P<ending>['’]s)?(?![^\W_]|[@_]|[./-](?!NET)[a-z0-9])",
    plain_words=[parts[0] for parts in _WORDS if parts[0].isalpha() and parts[0][1:].islower()],
    examples={
        "OAuth": "o auth",
        "PostgreSQL": "postgres q l",
        "k8s": "k eights",
        "CI/CD": "c i c d",
        "VS Code": "v s code",
        "nginx's": "engine x's",
    },
)
def product_name(reader: Reader, match: re.Match[str]) -> bool:
    """Read a name from the table."""
    name = match["name"]
    if reader.touches(match.start()) or reader.lexicon.is_own(name.lower()):
        return False
    for word in (NAMES.get(name) or NAMES[name.lower()]).split():
        if word.isupper():
            reader.spell(word, match.start(), match.end())
        elif word.endswith("'s") and word[:-2].isupper():
            reader.spell(word[:-2], match.start(), match.end(), ending="'s")
        else:
            reader.say(word, match.start(), match.end())
    if match["ending"]:
        reader.tokens[-1].spoken += "'s"
    return True


RULES = (product_name,)
