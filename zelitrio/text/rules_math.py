"""Rules for formulas: LaTeX, and equations in plain text."""

from __future__ import annotations

import re

from zelitrio.text.math_pattern import LATEX
from zelitrio.text.math_tables import FUNCTIONS
from zelitrio.text.math_words import MathSpeaker
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.tables import words

_RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹⁻ⁿⁱᵀᵏ"
_LOWERED = "₀₁₂₃₄₅₆₇₈₉ₙᵢⱼₖ"
_POWER = rf"(?:[{_RAISED}]{{1,4}}|\^(?:-?\w{{1,5}}|\([^()\n]{{1,20}}\)))"
_FUNCTION = "|".join(sorted(FUNCTIONS, key=len, reverse=True))
_NAME = rf"(?:[A-Za-zα-ωΑ-Ω∂∇∆]{{1,3}}(?![A-Za-zα-ωΑ-Ω])|(?:{_FUNCTION})(?![A-Za-z]))"
_VARIABLE = rf"(?:{_NAME}['’′]{{0,2}}(?:[{_LOWERED}]{{1,3}}|_\w{{1,3}}(?!\w))?{_POWER}?)"
_NUMBER = rf"(?:\d{{1,12}}(?:[.,]\d{{1,12}}){{0,4}}{_POWER}?%?)"
_CALL = r"(?:\((?:[^()\n]|\([^()\n]{0,40}\)){0,60}\))"
_TERM = (
    rf"[-−]?(?>[√∛∑∫∏]{{0,2}}(?:{_NUMBER}(?:{_VARIABLE}{_CALL}?{_POWER}?)?|{_VARIABLE}{_CALL}?{_POWER}?|"
    rf"{_CALL}{_POWER}?){{1,4}}|∞|\|[^|\n]{{1,20}}\||[ℝℕℤℚℂ∅])"
)
_OPERATOR = (
    r"(?:[ ]?(?!--)(?:<=|>=|!=|==|->|(?!</?[A-Za-z][^<>\n]{0,40}>)[-+−±×·⋅÷/*=<>≤≥≠≈≡∝∈∉⊂⊆∪∩→⇒⇔])[ ]?)"
)
_COMPARES = re.compile(r"[=<>≤≥≠≈≡∝∈∉⊂⊆∪∩→⇒⇔]")
_HAS_VARIABLE = re.compile(
    rf"(?<![A-Za-z])[A-Za-zα-ωΑ-Ω](?![A-Za-z])|[{_RAISED}√≈]|\d[a-z](?![a-z])|[α-ωΔΣΩΦΨ]"
)
_COEFFICIENT = re.compile(r"(?<![\w.])\d{1,4}[a-zA-Z](?![\w])|[A-Za-z)][²³ⁿ⁰¹⁴⁵⁶⁷⁸⁹]|[A-Za-z)\d]\^|[α-ω]|√")
_WORDS = words(
    """
    a i is it in on at to of or an as by if so no we he me my up us do go be am pm vs the and for not are
    was but you all any can had her him his how its may new now old one our out see she two way who did get
    has let put say too use ok
    """
)
_BEFORE_WORDS = re.compile(r"\s+(?:faster|slower|more|less|better|bigger|smaller|cheaper|as)\b")
_SIMPLE_UNIT = re.compile(
    r"\d(?:km|cm|mm|kg|mg|ml|mb|gb|kb|tb|hz|ms|am|pm|h|m|s|g|k|M|K|B|G|W|V|A)(?![A-Za-z])"
)


@rule(
    Rank.MARKUP,
    "$\\",
    LATEX,
    examples={
        "$n^2$ grows": "n squared grows",
        r"so $\frac{a}{b}$ is": "so a over b is",
        r"\(\sqrt{x} \leq 3\)": "the square root of x is at most three",
        r"$x_i$": "x sub i",
    },
)
def latex(reader: Reader, match: re.Match[str]) -> bool:
    """Read a LaTeX formula."""
    width = 2 if match[0][:2] in ("$$", "\\(", "\\[") else 1
    MathSpeaker(reader, match.start() + width, match.end() - width, is_latex=True).say()
    return True


@rule(
    Rank.MARKUP,
    "a0(-−|√∑∫∏∂∇∆[ℝ",
    rf"(?![A-Za-z]{{7}}|\d[\d.,:/ -]{{24}}){_TERM}(?:{_OPERATOR}{_TERM}){{1,12}}+(?![A-Za-z0-9α-ωΑ-Ω])",
    examples={
        "f(x) = 2x + 1": "f of x equals two x plus one",
        "E = mc²": "e equals m c squared",
        "x² + y² = z²": "x squared plus y squared equals z squared",
        "p < 0.05": "p is less than zero point zero five",
    },
)
def formula(reader: Reader, match: re.Match[str]) -> bool:
    """Read an equation, a comparison, or a sum of terms with variables."""
    written = match[0]
    if " <3" in written and " < 3" not in written:
        return False  # a heart
    if reader.touches(match.start()) or _HAS_VARIABLE.search(written) is None:
        return False
    if any(name.lower() in _WORDS and len(name) > 1 for name in re.findall(r"[A-Za-z]{2,}", written)):
        return False
    if _SIMPLE_UNIT.search(written) or re.match(r"[a-h][18]=[QRBN]", written):
        return False
    if _COMPARES.search(written) is None:
        is_spaced = re.search(r"\s[-+−×·*/]\s|[²³ⁿ^√]", written) is not None
        if not (_COEFFICIENT.search(written) and is_spaced):
            return False
        if _BEFORE_WORDS.match(reader.text, match.end()):
            return False
    MathSpeaker(reader, match.start(), match.end(), is_latex=False).say()
    return True


@rule(
    Rank.MARKUP,
    "a",
    rf"(?=[A-Za-z]{{1,6}}\()(?:O|[fgh]|{_FUNCTION})\((?P<inner>[^()\n]{{1,30}})\)(?![A-Za-z0-9])",
    examples={"O(n log n)": "o of n log n", "log(x)": "log of x", "f(x)": "f of x"},
)
def function_of(reader: Reader, match: re.Match[str]) -> bool:
    """Read a function of variables, "f(x)"; a program's function has words in its brackets."""
    names = re.findall(r"[A-Za-z]+", match["inner"])
    is_named = any(len(name) > 1 and name.lower() not in FUNCTIONS for name in names)
    if reader.touches(match.start()) or is_named or "." in match["inner"]:
        return False
    MathSpeaker(reader, match.start(), match.end(), is_latex=False).say()
    return True


RULES = (latex, formula, function_of)
