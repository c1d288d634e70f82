"""Money: the sign or code before or after the amount, cents, "million", "per month"."""

from __future__ import annotations

import re

import attrs

from zelitrio.text.numbers import cardinal, number_words
from zelitrio.text.patterns import DASH, NUMBER, SPACE, WORD_END
from zelitrio.text.reader import Reader, Rule, rule
from zelitrio.text.tables import table


@attrs.frozen
class _Currency:
    one: str
    many: str
    cent: str = "cent"
    cents: str = "cents"


def _plain(prefix: str, one: str, many: str = "", cent: str = "cent", cents: str = "cents") -> _Currency:
    return _Currency(f"{prefix}{one}", f"{prefix}{many or one + 's'}", cent, cents)


_DOLLAR, _POUND = _plain("", "dollar"), _plain("", "pound", cent="penny", cents="pence")
_CURRENCIES = {
    "$": _DOLLAR, "USD": _plain("u.s. ", "dollar"), "US$": _plain("u.s. ", "dollar"),
    "C$": _plain("canadian ", "dollar"), "CA$": _plain("canadian ", "dollar"), "CAD": _plain("canadian ", "dollar"),
    "A$": _plain("australian ", "dollar"), "AU$": _plain("australian ", "dollar"), "AUD": _plain("australian ", "dollar"),
    "NZ$": _plain("new zealand ", "dollar"), "HK$": _plain("hong kong ", "dollar"), "S$": _plain("singapore ", "dollar"),
    "€": _plain("", "euro"), "EUR": _plain("", "euro"), "£": _POUND, "GBP": _POUND,
    "¥": _plain("", "yen", "yen"), "JPY": _plain("", "yen", "yen"), "CNY": _plain("", "yuan", "yuan"),
    "₹": _plain("", "rupee", cent="paisa", cents="paise"), "INR": _plain("", "rupee", cent="paisa", cents="paise"),
    "₩": _plain("", "won", "won"), "KRW": _plain("", "won", "won"), "CHF": _plain("swiss ", "franc", cent="centime", cents="centimes"),
    "₽": _plain("", "ruble", cent="kopeck", cents="kopecks"), "₺": _plain("turkish ", "lira", "lira"), "₪": _plain("", "shekel"),
    "₫": _plain("", "dong", "dong"), "₴": _plain("", "hryvnia"), "₿": _plain("", "bitcoin"), "BTC": _plain("", "bitcoin"),
    "฿": _plain("", "baht", "baht"), "₱": _plain("", "peso", cent="centavo", cents="centavos"),
    "MXN": _plain("mexican ", "peso", cent="centavo", cents="centavos"), "R$": _plain("", "real", "reais", "centavo", "centavos"),
    "₦": _plain("", "naira", "naira"), "SEK": _plain("swedish ", "krona", "kronor"), "NOK": _plain("norwegian ", "krone", "kroner"),
    "DKK": _plain("danish ", "krone", "kroner"), "PLN": _plain("", "zloty", "zlotys"), "zł": _plain("", "zloty", "zlotys"),
    "¢": _plain("", "cent"), "c": _plain("", "cent"),
}  # fmt: skip
_SCALES = table(
    "k=thousand K=thousand m=million M=million mn=million mm=million MM=million b=billion B=billion bn=billion "
    "Bn=billion t=trillion T=trillion tn=trillion"
)
_PER = table(
    "mo=month yr=year hr=hour h=hour wk=week sec=second min=minute mth=month pp=person lb=pound kg=kilogram gal=gallon"
)

_SIGNS = "|".join(sorted((re.escape(key) for key in _CURRENCIES if key != "c"), key=len, reverse=True))
_CODES = "|".join(key for key in _CURRENCIES if key.isalpha() and key.isupper())
_CONTINENTAL = r"\d{1,3}(?:[.]\d{3}){1,8},\d{2}(?!\d)|\d{1,9},\d{2}(?![,\d])"
_SCALE = rf"(?:{SPACE}?-?(?P<scale>thousand|million|billion|trillion){WORD_END}|(?P<short>[kKmMbBtT]|[bmt]n|Bn|[mM]{{2}}){WORD_END})?"
_EACH = rf"(?:/(?P<per>[a-z]{{1,10}}){WORD_END})?"


@rule(
    "$€£¥₹₩₽₺₪₫₴₿฿₱₦¢-−+a",
    rf"(?P<minus>[-−])?(?P<sign>{_SIGNS}){SPACE}?(?P<minus2>[-−])?(?P<amount>{_CONTINENTAL}|{NUMBER}|\.\d{{1,4}}(?!\d))"
    rf"(?:{DASH}(?:{_SIGNS})?(?P<upto>{NUMBER}))?{_SCALE}(?:{SPACE}?(?P<code>{_CODES}){WORD_END})?{_EACH}",
)
def sign_first(reader: Reader, match: re.Match[str]) -> bool:
    """ "$1,234.56", "€20", "US$5 million", "-£3", "$5-10", "CHF 50", "$20/month"."""
    return _say(
        reader, match, _CURRENCIES[match["code"] or match["sign"]], bool(match["minus"] or match["minus2"])
    )


@rule(
    "0-−",
    rf"(?P<minus>[-−])?(?P<amount>{_CONTINENTAL}|{NUMBER})(?:{DASH}(?P<upto>{NUMBER}))?{_SCALE}"
    rf"{SPACE}?(?P<sign>{_SIGNS}|(?<=\d)c){WORD_END}{_EACH}",
)
def sign_last(reader: Reader, match: re.Match[str]) -> bool:
    """ "20 €", "3,50 €", "50 USD", "99¢", "5 million EUR"."""
    return _say(reader, match, _CURRENCIES[match["sign"]], bool(match["minus"]))


def _say(reader: Reader, match: re.Match[str], currency: _Currency, is_negative: bool) -> bool:
    if reader.touches(match.start()):
        return False
    amount = match["amount"]
    if re.fullmatch(_CONTINENTAL, amount):
        amount = amount.replace(".", "").replace(",", ".")
    scale = match["scale"] or _SCALES.get(match["short"] or "", "")
    if match["upto"] or scale:
        said = number_words(amount)
        if match["upto"]:
            said += " to " + number_words(match["upto"])
        said = f"{said} {scale} {currency.many}"
    else:
        said = _with_cents(amount, currency)
    if is_negative:
        said = "minus " + said
    if match["per"]:
        said += " per " + _PER.get(match["per"], match["per"])
    reader.say(said.replace("u.s.", "u s"), *match.span())
    return True


def _with_cents(amount: str, currency: _Currency) -> str:
    whole, _, fraction = amount.replace(",", "").partition(".")
    if len(fraction) != 2 or len(whole) > 30:
        return f"{number_words(amount)} {currency.one if amount == '1' else currency.many}"
    units, cents = int(whole or "0"), int(fraction)
    parts = (
        [f"{cardinal(units)} {currency.one if units == 1 else currency.many}"] if units or not cents else []
    )
    if cents:
        parts.append(f"{cardinal(cents)} {currency.cent if cents == 1 else currency.cents}")
    return " and ".join(parts)


RULES: tuple[Rule, ...] = (sign_first, sign_last)
