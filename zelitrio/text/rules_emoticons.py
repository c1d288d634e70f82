"""Rules for signs that are not spoken: emoticons, rows of signs, "$" before letters."""

from __future__ import annotations

import re

from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.types import Break


@rule(
    Rank.MARKUP,
    ":;=X^T-¯o<",
    r"(?:[:;=]['’]?[-o^]?[)(DPpOoSs|\\/*3]{1,3}|XD+|\^_{0,2}\^|T_T|-_-|o_O|¯\\_\(ツ\)_/¯|(?P<heart><3))"
    r"(?=[\s.,!?]|$)",
    is_plain=True,
    examples={"Thanks :)": "thanks", "cool :D": "cool", "I <3 you": "i love you"},
)
def emoticon(reader: Reader, match: re.Match[str]) -> bool:
    """Skip an emoticon; a heart is read as "love"."""
    start = match.start()
    if start and not reader.text[start - 1].isspace():
        return False
    if match["heart"]:
        reader.say("love", *match.span())
    return True


@rule(
    Rank.MARKUP,
    "!@#$%^&*",
    r"[!@\#$%^&*]{3,40}(?![^\W_])",
    is_plain=True,
    examples={"What the @#$%! is it": "what the is it"},
)
def mixed_signs(reader: Reader, match: re.Match[str]) -> bool:
    """Skip a row of different signs; a row of one punctuation mark still makes a break."""
    if len(set(match[0])) < 3:
        return False
    reader.mark(Break.COMMA)
    return True


@rule(Rank.SIGN, "$", r"\$(?=[A-Za-z_])", is_plain=True, examples={"$AAPL rose": "a a p l rose"})
def dollar_before_letters(reader: Reader, match: re.Match[str]) -> bool:
    """Skip the "$" of a ticker symbol or of a shell variable."""
    return True


RULES = (emoticon, mixed_signs, dollar_before_letters)
