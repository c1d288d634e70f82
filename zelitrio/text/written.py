"""The first step of reading: replace characters that are written and not spoken.

These are invisible characters, styled letters, HTML entities, and Markdown.  Each becomes an `Edit`, so that
the rules read the text as it would be displayed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from zelitrio.text.characters import APOSTROPHES, INVISIBLE, MARKS, STYLED, composed, plain_letters
from zelitrio.text.edits import Edit, Edited, apply_edits, merged
from zelitrio.text.lexicon import Lexicon
from zelitrio.text.math_pattern import LATEX

_UNUSUAL = re.compile(r"[^A-Za-z ,.;:!?'\"()\n’“”–—…À-ÿ-]")
is_unusual = _UNUSUAL.search
"""A quick test whether `edited` may change a text; for most texts it is false."""
_SUSPECT = re.compile(
    rf"[`&~*\\\[\]|{{}}‘´ʼʹ＇‛ʻ<【】{INVISIBLE}{MARKS}{STYLED}]|^\s{{0,3}}[+>\#]|\d[.'’_]\d{{3}}[.'’_,]|\d['’_]\d{{3}}(?!\w)|[{APOSTROPHES}](?=[^\W\d_])",
    re.MULTILINE,
)
"""One of these characters must occur for any edit; nearly all texts have none of them."""

_URL = r"(?:https?://|www\.)[^\s<>\"“”\[\]&]{1,2000}"
_TARGET = r"(?:<[^<>\n]{1,2000}>|(?:[^\s()]|\([^\s()]{0,200}\)){0,2000})(?:\s+\"[^\"\n]{0,200}\")?"
"""The target of a Markdown link, with its title."""
_LEADS = r"(?=[^)\s]{0,200}[./\#:])"
"""The target looks like an address, unlike that in "f[0](x)"."""
_CITED = r"(?:\^?\d{1,3}|\^[A-Za-z][\w-]{0,20})"

_EDIT = re.compile(
    rf"""
      (?P<math>{LATEX})
    | (?P<invisible>[{INVISIBLE}]+)
    | (?P<composed>[^\W\d_][{MARKS}]+)
    | (?P<marks>[{MARKS}]+)
    | (?P<styled>[{STYLED}]+)
    | (?P<ordinal>(?<=\d)(?:ˢᵗ|ⁿᵈ|ʳᵈ|ᵗʰ))
    | (?P<apostrophe>(?<=[^\W\d_])[{APOSTROPHES}](?=[^\W\d_])
        | (?<![^\W_])[{APOSTROPHES}](?=(?:em|til|cause|tis|twas|bout|round|n)(?![^\W_])))
    | (?P<entity>&(?:amp;)?(?:\#\d{{1,7}};?|\#[xX][0-9a-fA-F]{{1,6}};?|[A-Za-z][A-Za-z0-9]{{1,31}};
        |(?:nbsp|amp|lt|gt|quot|apos)(?![\w=])))
    # Code
    | (?P<fence>^[ \t]{{0,12}}(?:`{{3,9}}|~{{3,9}})[^\n`~]{{0,60}}$
        | (?<=[:.,!?\s])`{{3,9}}[\w+\#.-]{{0,20}}[ \t]*$)
    | (?P<source>:contentReference\[[^\]\n]{{0,80}}\](?:\{{[^}}\n]{{0,80}}\}})? | 【[^】\n]{{1,80}}】)
    | (?P<comment><!--[^<>]{{0,1000}}-->)
    | (?P<sup><sup>\[?(?P<raised>\d{{1,3}})\]?</sup>)
    | (?P<sub><sub>(?P<lowered>\d{{1,3}})</sub>)
    | (?P<line_break><br\s{{0,3}}/?>)
    | (?P<word_break><wbr\s{{0,3}}/?>)
    # Links
    | (?P<image>!\[(?=[^\[\]\n]{{0,300}}\]\())
    | (?P<definition>^[ ]{{0,3}}\[[^\[\]\n]{{1,60}}\]:[ \t]{{1,8}}\S{{1,2000}}[^\n]{{0,200}}$)
    | (?P<link>\[(?=[^\[\]\n]{{1,300}}\]\({_LEADS})
        |(?<![^\s(*_])\[(?=[^\[\]\n]{{2,300}}\]\[[\w .-]{{0,40}}\]))
    | (?P<target>\]\({_LEADS}{_TARGET}\))
    | (?P<cited>[ \u00a0]?(?:(?<=[\w)\].,;:!?"”’'*%])|(?<=[.,;!?"”)\w][ ])|^)(?<!`)
        \[(?!0\])(?:{_CITED}(?:[ ]?[,;–-][ ]?{_CITED}){{0,8}}|citation[ ]needed)\](?![`(=\w]|[ ]=|:))
    | (?P<reference>(?<=[^\W_])\]\[[^\[\]\n]{{0,60}}\](?=[\s.,;:!?)]|$))
    # Emphasis, lists, quotations
    | (?P<strike>~~)
    | (?P<emphasis>(?<![\w*])\*{{2,3}}(?=[^\W_]|["'“‘(\[`~_$¿¡])|(?<=[^\s*])\*{{2,3}}(?![\w*]))
    | (?P<quote>^[ \t]{{0,3}}(?:>[ \t]?)+(?!\d))
    | (?P<item>^[ \t]{{0,12}}\+[ \t]{{1,8}}(?!\d[^\n]{{0,20}}=)(?=\S))
    | (?P<box>(?<=[-*+•][ ])\[[ xX✓✔]\][ ])
    | (?P<table>^[ \t]*\|?[ \t]*:?-{{2,40}}:?[ \t]*(?:\|[ \t]*:?-{{2,40}}:?[ \t]*){{1,40}}\|?[ \t]*$)
    | (?P<row>^[ \t]*\|(?=[ \t]|[^|\n]*\|[^|\n]*\|)|\|[ \t]*$)
    | (?P<newline>(?<=[.!?:;,])\\n|\\n(?=\\n|[A-Z*\#-])|(?<=\\n)\\n)
    | (?P<escape>\\(?=[*_`\#~>|!+$-]))
    | (?P<thousands>(?<![\w.,'’])[1-9]\d{{0,2}}(?:(?:\.\d{{3}}){{2,6}}(?:,\d{{1,2}})?
        |(?:['’]\d{{3}}){{1,6}}(?:\.\d{{1,2}})?|(?:_\d{{3}}){{1,6}})(?![\w'’]|[.,]\d))
    | (?P<skipped>{_URL})
    """,
    re.VERBOSE | re.MULTILINE,
)
_DROPPED = frozenset(
    """
    invisible marks fence source comment word_break image definition link target cited strike emphasis quote
    item box table row escape
    """.split()
)
_NOT_EDITED = frozenset({"math", "skipped"})
_RULE = {
    "invisible": "invisible_character",
    "composed": "accents",
    "marks": "accents",
    "styled": "styled_letters",
    "entity": "html_entity",
    "apostrophe": "apostrophe",
    "thousands": "thousands",
}


def edited(text: str, lexicon: Lexicon, asked: Sequence[Edit] = ()) -> Edited:
    """The text for the rules: with the user's aliases, without characters that are not spoken."""
    aliases = merged(asked, _aliases(text, lexicon))
    if not aliases and _SUSPECT.search(text) is None:
        return Edited(text)
    edits = [edit for match in _EDIT.finditer(text) if (edit := _edit(match)) is not None]
    return apply_edits(text, merged(aliases, edits))


def _aliases(text: str, lexicon: Lexicon) -> list[Edit]:
    pattern = lexicon.alias_pattern
    if pattern is None:
        return []
    return [
        Edit(match.start(), match.end(), said, "alias")
        for match in pattern.finditer(text)
        if (said := lexicon.alias(match[0])) is not None
    ]


def _edit(match: re.Match[str]) -> Edit | None:
    kind = match.lastgroup or ""
    if kind in ("raised", "lowered"):
        kind = "sup" if match["sup"] else "sub"
    if kind in _NOT_EDITED:
        return None
    said = "" if kind in _DROPPED else _said(kind, match)
    if said == match[0]:
        return None
    return Edit(match.start(), match.end(), said, _RULE.get(kind, "markdown"))


def _said(kind: str, match: re.Match[str]) -> str:
    if kind == "styled":
        return plain_letters(match[0])
    if kind == "composed":
        return composed(match[0])
    if kind == "ordinal":
        return {"ˢᵗ": "st", "ⁿᵈ": "nd", "ʳᵈ": "rd"}.get(match[0], "th")
    if kind == "apostrophe":
        return "'"
    if kind == "entity":
        return _entity(match[0])
    if kind == "thousands":
        return _thousands(match)
    if kind == "sup":
        before = match.string[max(0, match.start() - 2) : match.start()]
        is_power = before[-1:].isdigit() or (before[-1:].isalpha() and not before[:-1].isalpha())
        return f"^{match['raised']}" if is_power else ""
    if kind == "sub":
        return match["lowered"].translate(_LOWERED)
    if kind == "reference":
        return ""
    return "\n"  # a line break


_VERSIONED = re.compile(r"(?:version|release|build|v|ip|address|host|server)[ :]{0,2}$", re.IGNORECASE)


def _thousands(match: re.Match[str]) -> str:
    """Rewrite a number with full stops, apostrophes or underscores between thousands with commas."""
    written = match[0]
    groups = written.partition(",")[0].split(".")
    is_address = (
        len(groups) == 4 and all(int(group) <= 255 for group in groups) and set(groups[1:]) != {"000"}
    )
    before = match.string[max(0, match.start() - 12) : match.start()]
    if (
        "." in written
        and "'" not in written
        and "’" not in written
        and (is_address or _VERSIONED.search(before))
    ):
        return written
    if "'" in written or "’" in written or "_" in written:
        return written.replace("'", ",").replace("’", ",").replace("_", ",")
    return written.translate(str.maketrans(".,", ",."))


_LOWERED = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
_INVISIBLE = re.compile(f"[{INVISIBLE}]")


def _entity(written: str) -> str:
    """The characters of an HTML entity, even if it was escaped twice."""
    if not written.endswith(";"):
        written += ";"
    said = html.unescape(html.unescape(written))
    return written if said == written else _INVISIBLE.sub("", said)
