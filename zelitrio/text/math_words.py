"""Read formulas, in LaTeX and in plain text, as words.

`MathSpeaker` goes through the symbols of a formula once and speaks each.  It looks ahead only for parts of a
symbol: exponent, index, argument.
"""

from __future__ import annotations

import re

import attrs

from zelitrio.text.math_tables import (
    ACCENTS,
    BIG,
    COMMANDS,
    FUNCTIONS,
    GREEK,
    SETS,
    SIGNS,
    SILENT_WITH_ARGUMENT,
    WRAPPED,
)
from zelitrio.text.numbers import cardinal, number_words, ordinal, plural
from zelitrio.text.reader import Reader
from zelitrio.text.types import Break

_SYMBOL = re.compile(
    r"""
      \\(?P<command>[A-Za-z]{1,20}) | \\(?P<escaped>[^A-Za-z])
    | (?P<number>\d{1,40}(?:,\d{3})*(?:\.\d{1,20})?)
    | (?P<raised>[⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱᵀᵏᵐˣʸ⁺⁻]{1,6}) | (?P<lowered>[₀₁₂₃₄₅₆₇₈₉ₙᵢⱼₖₘₓ₊₋]{1,6})
    | (?P<pair><=|>=|!=|==|=>|->) | (?P<name>[A-Za-z]{1,40}) | (?P<sign>\S) | (?P<space>\s{1,100})
    """,
    re.VERBOSE,
)
_PAIRS = {
    "<=": "is at most",
    ">=": "is at least",
    "!=": "is not equal to",
    "==": "equals",
    "=>": "implies",
    "->": "to",
}
_PLAIN_RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹ⁿⁱᵀᵏᵐˣʸ⁺⁻", "0123456789niTkmxy+-")
_PLAIN_LOWERED = str.maketrans("₀₁₂₃₄₅₆₇₈₉ₙᵢⱼₖₘₓ₊₋", "0123456789nijkmx+-")
_MOST_NESTED = 12


@attrs.define(eq=False)
class MathSpeaker:
    """Reads the formula from `place` to `end` of the reader's text."""

    reader: Reader
    place: int
    end: int
    is_latex: bool
    depth: int = 0

    def say(self) -> None:
        """Speak everything up to the end."""
        while self.place < self.end:
            self._symbol()

    def _symbol(self) -> None:
        match = _SYMBOL.match(self.reader.text, self.place, self.end)
        assert match is not None  # every character matches one of the kinds
        start, self.place = match.span()
        kind = match.lastgroup
        if kind == "command":
            self._command(match["command"], start)
        elif kind == "number":
            self._out(number_words(match[0]), start)
        elif kind == "raised":
            self._power(match[0].translate(_PLAIN_RAISED), start)
        elif kind == "lowered":
            self._out("sub", start)
            self._terms(match[0].translate(_PLAIN_LOWERED), start)
        elif kind == "name":
            self._name(match["name"], start)
        elif kind == "pair":
            self._out(_PAIRS[match["pair"]], start)
        elif kind == "sign":
            self._sign(match["sign"], start)

    def _out(self, said: str, start: int) -> None:
        """Speak words with the span from `start` to the present place."""
        for word in said.split():
            if len(word) == 1 and word.isalpha():
                self.reader.spell(word, start, self.place)
            else:
                self.reader.say(word, start, self.place)

    def _name(self, name: str, start: int) -> None:
        follows = self.reader.text[self.place : self.place + 1] if self.place < self.end else ""
        if name.lower() in FUNCTIONS:
            said = COMMANDS.get(
                name.lower(), {"sqrt": "the square root of", "abs": "absolute value of"}.get(name, name)
            )
            self._out(said if follows != "(" or said.endswith(" of") else said + " of", start)
        elif not self.is_latex and len(name) > 2 and self.reader.knows(name.lower()):
            self._out(name.lower(), start)
        else:
            for index, letter in enumerate(name):
                self.reader.spell(letter, start + index)
            if follows == "(" and len(name) == 1 and self._is_function(name):
                self.reader.say("of", self.place, self.place + 1)

    def _is_function(self, name: str) -> bool:
        """Whether "f(x)" is a function: f is a usual name, or x is one or two letters or digits."""
        close = self.reader.text.find(")", self.place, min(self.end, self.place + 40))
        inner = self.reader.text[self.place + 1 : close] if close > 0 else ""
        return name in "fghFGHPOTuvφψ" or (inner.strip().isalnum() and len(inner.strip()) <= 2)

    def _sign(self, sign: str, start: int) -> None:
        if sign == "^":
            self._power(None, start)
        elif sign == "_":
            is_base = bool(self.reader.tokens) and self.reader.tokens[-1].spoken == "log"
            self._out("base" if is_base else "sub", start)
            self._argument()
            if is_base:
                self._after("of")
        elif sign in ("∑", "∏", "∫"):
            self._big(BIG[sign], start)
        elif sign in ",;:":
            self.reader.mark(Break.COMMA)
        elif sign == "(":
            self._bracket(start)
        elif sign == "|":
            self._bar(start)
        elif sign in SIGNS:
            if not (sign in "'’!" and self.reader.text[start - 1 : start].isspace()):
                self._out(SIGNS[sign], start)
        elif sign.lower() in GREEK:
            self._out(GREEK[sign.lower()], start)

    def _bracket(self, start: int) -> None:
        """Speak an opening bracket: "times" after a factor, as in "n(n+1)", "of" after a prime."""
        before = self.reader.text[max(0, start - 1) : start]
        is_argument = bool(self.reader.tokens) and self.reader.tokens[-1].spoken == "of"
        if before in ("'", "’", "′"):
            self._out("of", start)
        elif (before.isalnum() or before in (")", "}")) and before and not is_argument:
            self._out("times", start)

    def _bar(self, start: int) -> None:
        """Speak a bar: "given" inside brackets, else "the absolute value of", or nothing at its end."""
        before = self.reader.text[max(0, start - 40) : start]
        if "(" in before and ")" not in before.rpartition("(")[2]:
            self._out("given", start)
        elif before.count("|") % 2 == 0:
            self._out("the absolute value of", start)

    def _command(self, name: str, start: int) -> None:
        if name in ("frac", "dfrac", "tfrac"):
            self._fraction(start)
        elif name == "sqrt":
            self._root(start)
        elif name in ("binom", "dbinom"):
            self._argument()
            self.reader.say(
                "choose", start, start + len(name) + 1
            ) if not self.reader.tokens else self._after("choose")
            self._argument()
        elif name in BIG:
            self._big(BIG[name], start)
        elif name in ACCENTS and self._is_group_next():
            self._argument()
            self._after(ACCENTS[name])
        elif name in WRAPPED:
            self._wrapped(name)
        elif name in ("left", "right") and self.reader.text[self.place : self.place + 1] == ".":
            self.place += 1
        elif name in COMMANDS:
            follows = self.reader.text[self.place : self.place + 1]
            said = COMMANDS[name]
            is_function = name in FUNCTIONS and follows == "("
            self._out(said + " of" if is_function and said else said, start)
        elif name.lower() in GREEK.values() or self.reader.knows(name.lower()):
            self._out(name.lower(), start)

    def _is_group_next(self) -> bool:
        return self.reader.text[self.place : self.place + 1] in ("{", " ")

    def _after(self, said: str) -> None:
        """Speak words without characters of their own, with the span of the last word."""
        if self.reader.tokens:
            last = self.reader.tokens[-1]
            self.reader.say(said, last.start, last.end)

    def _group(self) -> tuple[int, int]:
        """Skip spaces; return the span of the next argument: one symbol, or the text inside braces."""
        text = self.reader.text
        while self.place < self.end and text[self.place].isspace():
            self.place += 1
        if text[self.place : self.place + 1] not in ("{", "(") or self.place >= self.end:
            match = _SYMBOL.match(text, self.place, self.end)
            if match is None:
                return self.place, self.place
            end = (
                match.end()
                if match.lastgroup in ("command", "number") and not self.is_latex
                else (match.end() if match.lastgroup == "command" else min(match.start() + 1, self.end))
            )
            if text[self.place] == "-" and not self.is_latex:
                following = _SYMBOL.match(text, self.place + 1, self.end)
                end = following.end() if following else end
            return self.place, end
        opened, closed = text[self.place], "}" if text[self.place] == "{" else ")"
        level = 0
        for at in range(self.place, self.end):
            level += (text[at] == opened) - (text[at] == closed)
            if level == 0:
                return self.place + 1, at
        return self.place + 1, self.end

    def _argument(self) -> None:
        start, end = self._group()
        if start < end and self.depth < _MOST_NESTED:
            MathSpeaker(self.reader, start, end, self.is_latex, self.depth + 1).say()
        is_closed = end < self.end and self.reader.text[end] in "})" and start > self.place
        self.place = max(self.place, end + 1 if is_closed else end)

    def _terms(self, said: str, start: int) -> None:
        """Speak an exponent or an index that was converted to plain characters."""
        for char in said:
            if char.isdigit() and said.isdigit():
                self._out(cardinal(int(said)), start)
                return
            self._out(SIGNS.get(char) or (cardinal(int(char)) if char.isdigit() else char), start)

    def _power(self, written: str | None, start: int) -> None:
        if written is None:
            first, last = self._group()
            inner = self.reader.text[first:last].strip()
            simple = {
                "2": "squared",
                "3": "cubed",
                "T": "transpose",
                "\\top": "transpose",
                "\\circ": "degrees",
                "\\prime": "prime",
                "*": "star",
                "\\dagger": "dagger",
            }.get(inner)
            if simple is not None:
                is_closed = last < self.end and self.reader.text[last] in "})" and first > self.place
                self.place = last + 1 if is_closed else last
                self._out(simple, start)
            else:
                self._out("to the power of", start)
                self._argument()
            return
        if written in ("2", "3"):
            self._out("squared" if written == "2" else "cubed", start)
        else:
            self._out("to the power of", start)
            self._terms(written, start)

    def _fraction(self, start: int) -> None:
        text = self.reader.text
        first, last = self._group()
        top = text[first:last].strip()
        after_top = last + 1 if last < self.end and text[last : last + 1] == "}" else last
        saved, self.place = self.place, after_top
        second, third = self._group()
        bottom = text[second:third].strip()
        if top.isdigit() and bottom.isdigit() and 1 < int(bottom) <= 100 and len(top) < 3:
            self.place = third + 1 if text[third : third + 1] == "}" else third
            self._out(_fraction_words(int(top), int(bottom)), start)
            return
        self.place = saved
        self._argument()
        self._after("over")
        self._argument()

    def _root(self, start: int) -> None:
        text = self.reader.text
        said = "the square root of"
        if text[self.place : self.place + 1] == "[":
            close = text.find("]", self.place, self.end)
            if close > 0:
                degree = text[self.place + 1 : close].strip()
                self.place = close + 1
                said = (
                    "the cube root of"
                    if degree == "3"
                    else (
                        f"the {ordinal(int(degree))} root of"
                        if degree.isdigit() and len(degree) < 4
                        else "the root of"
                    )
                )
        self._out(said, start)
        self._argument()

    def _big(self, said: str, start: int) -> None:
        self._out(said, start)
        text = self.reader.text
        for _ in range(2):
            sign = text[self.place : self.place + 1] if self.place < self.end else ""
            if sign not in ("_", "^"):
                break
            at, self.place = self.place, self.place + 1
            joint = ("as" if said == "the limit" else "from") if sign == "_" else "to"
            first, last = self._group()
            if sign == "_" and said != "the limit" and "=" not in text[first:last] and last - first > 12:
                joint = "over"
            self._out_at(joint, at)
            first_token = len(self.reader.tokens)
            self._argument()
            for token in self.reader.tokens[first_token:]:
                if said == "the limit" and token.spoken == "to":
                    token.spoken = "approaches"
        self._after("of")

    def _out_at(self, said: str, at: int) -> None:
        self.reader.say(said, at, at + 1)

    def _wrapped(self, name: str) -> None:
        start, end = self._group()
        inner = self.reader.text[start:end].strip()
        if name in SILENT_WITH_ARGUMENT:
            self.place = min(end + 1, self.end)
        elif name == "mathbb" and inner in SETS:
            self.place = min(end + 1, self.end)
            self._out(SETS[inner], start)
        elif name in ("text", "mathrm", "operatorname", "mbox", "textbf", "textit") and len(inner) > 1:
            for word in re.finditer(r"[A-Za-z]+|\d+", self.reader.text[start:end]):
                said = word[0].lower() if word[0].isalpha() else number_words(word[0])
                if said.isalpha() and not self.reader.knows(said):
                    self.reader.spell(word[0], start + word.start())
                else:
                    self.reader.say(said, start + word.start(), start + word.end())
            self.place = min(end + 1, self.end)
        else:
            self._argument()


def _fraction_words(top: int, bottom: int) -> str:
    part = {2: "half", 4: "quarter"}.get(bottom) or ordinal(bottom)
    many = "halves" if bottom == 2 else plural(part)
    return f"{cardinal(top)} {part if top == 1 else many}"
