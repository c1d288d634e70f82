"""Rules for money: the sign or code before or after the amount, cents, "million", "per month"."""

from __future__ import annotations

import re

import attrs

from zelitrio.text.numbers import cardinal, number_words
from zelitrio.text.patterns import DASH, NUMBER, SPACE, WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, Rule, rule
from zelitrio.text.tables import table


@attrs.frozen
class _Currency:
    one: str
    many: str
    cent: str
    cents: str


def _parse(line: str) -> tuple[list[str], _Currency]:
    """Read a line such as "R$ : real/reais centavo": signs, names of the unit, names of its hundredth."""
    signs, _, names = line.partition(" : ")
    coins = [name.split("/") for name in names.split()]
    coin, cent = coins[0], coins[1] if len(coins) > 1 else ["cent"]
    many = [each[1] if len(each) > 1 else each[0] + "s" for each in (coin, cent)]
    return signs.split(), _Currency(coin[0].replace("_", " "), many[0].replace("_", " "), cent[0], many[1])


_CURRENCIES = {
    sign: currency
    for signs, currency in map(
        _parse,
        """\
$ : dollar
US$ USD : u_s_dollar
C$ CA$ CAD : canadian_dollar
A$ AU$ AUD : australian_dollar
NZ$ : new_zealand_dollar
HK$ : hong_kong_dollar
S$ : singapore_dollar
€ EUR : euro
£ GBP : pound penny/pence
¥ JPY : yen/yen
CNY : yuan/yuan
₹ INR Rs Rs. : rupee paisa/paise
₩ KRW : won/won
CHF : swiss_franc centime
₽ : ruble kopeck
₺ : turkish_lira/turkish_lira
₪ : shekel
₫ : dong/dong
₴ : hryvnia
₿ BTC : bitcoin
฿ : baht/baht
₱ : peso centavo
MXN : mexican_peso centavo
R$ : real/reais centavo
₦ : naira/naira
SEK : swedish_krona/swedish_kronor
NOK : norwegian_krone/norwegian_kroner
DKK : danish_krone/danish_kroner
PLN zł : zloty
¢ c : cent""".splitlines(),
    )
    for sign in signs
}
_SCALES = table(
    "k=thousand K=thousand m=million M=million mn=million mm=million MM=million b=billion B=billion "
    "bn=billion Bn=billion t=trillion T=trillion tn=trillion"
)
_PER = table(
    "mo=month yr=year hr=hour h=hour wk=week sec=second min=minute mth=month pp=person lb=pound "
    "kg=kilogram gal=gallon kWh=kilowatt_hour GB=gigabyte MB=megabyte TB=terabyte oz=ounce g=gram l=liter "
    "L=liter ml=milliliter day=day night=night head=head d=day w=week m=month y=year km=kilometer mi=mile "
    "sqft=square_foot ea=each"
)

_SIGNS = "|".join(sorted((re.escape(key) for key in _CURRENCIES if key != "c"), key=len, reverse=True))
_CODES = "|".join(key for key in _CURRENCIES if key.isalpha() and key.isupper())
_CONTINENTAL = r"\d{1,3}(?:[.]\d{3}){1,8},\d{2}(?!\d)|\d{1,9},\d{2}(?![,\d])"
_SCALE = (
    rf"(?:{SPACE}?-?(?P<scale>thousand|million|billion|trillion|lakh|crore){WORD_END}"
    rf"|(?P<short>[kKmMbBtT]|[bmt]n|Bn|[mM]{{2}}){WORD_END})?"
)
_EACH = rf"(?:/(?P<per>[A-Za-z]{{1,10}}){WORD_END})?"


@rule(
    Rank.MONEY,
    "$€£¥₹₩₽₺₪₫₴₿฿₱₦¢-−+ABCDEHIJKMNPRSUZz",
    rf"(?P<minus>[-−])?(?P<sign>{_SIGNS}){SPACE}?(?P<minus2>[-−])?(?P<amount>{_CONTINENTAL}|{NUMBER}|\.\d{{1,4}}(?!\d))"
    rf"(?:(?P<first_scale>[kKmMbB]n?)?{DASH}(?:{_SIGNS})?(?P<upto>{NUMBER}))?{_SCALE}(?:{SPACE}?(?P<code>{_CODES}){WORD_END})?{_EACH}",
    plain_words=("rs",),
    examples={
        "$1,234.56": "one thousand two hundred thirty four dollars and fifty six cents",
        "€20": "twenty euros",
        "US$5 million": "five million u s dollars",
        "-£3": "minus three pounds",
        "$5-10": "five to ten dollars",
        "CHF 50": "fifty swiss francs",
        "$20/month": "twenty dollars per month",
    },
)
def sign_first(reader: Reader, match: re.Match[str]) -> bool:
    """Read an amount with the currency before it."""
    return _say(
        reader, match, _CURRENCIES[match["code"] or match["sign"]], bool(match["minus"] or match["minus2"])
    )


@rule(
    Rank.MONEY,
    "0-−",
    rf"(?P<minus>[-−])?(?P<amount>{_CONTINENTAL}|{NUMBER})(?:{DASH}(?P<upto>{NUMBER}))?{_SCALE}"
    rf"{SPACE}?(?P<sign>{_SIGNS}|(?<=\d)c){WORD_END}{_EACH}",
    examples={
        "20 €": "twenty euros",
        "3,50 €": "three euros and fifty cents",
        "50 USD": "fifty u s dollars",
        "99¢": "ninety nine cents",
        "5 million EUR": "five million euros",
    },
)
def sign_last(reader: Reader, match: re.Match[str]) -> bool:
    """Read an amount with the currency after it."""
    return _say(reader, match, _CURRENCIES[match["sign"]], bool(match["minus"]))


def _say(reader: Reader, match: re.Match[str], currency: _Currency, is_negative: bool) -> bool:
    if reader.touches(match.start()):
        return False
    amount = match["amount"]
    if re.fullmatch(_CONTINENTAL, amount):
        amount = amount.replace(".", "").replace(",", ".")
    if match.groupdict().get("first_scale") and match["first_scale"] != match["short"]:
        return False
    scale = match["scale"] or _SCALES.get(match["short"] or "", "")
    if match["upto"] or scale:
        said = number_words(amount)
        if match["upto"]:
            said += " to " + number_words(match["upto"])
        said = f"{said} {scale} {currency.many}"
    else:
        said = _with_cents(amount, currency)
    if _describes(reader, match) and said.endswith(currency.many):
        said = said.removesuffix(currency.many) + currency.one
    if is_negative:
        said = "minus " + said
    if match["per"]:
        said += " per " + _PER.get(match["per"], match["per"])
    reader.say(said, *match.span())
    return True


_PRICED = re.compile(
    r"[ ](?:bills?|coins?|notes?|fees?|discounts?|coupons?|tips?|fines?|tickets?|deposits?|plans?|deals?|"
    r"bonus|surcharges?|rebates?|gift|credits?|vouchers?|copays?|loans?|budgets?|prizes?|penalty|refunds?|payments?)\b"
)
_NOUN = re.compile(r"[ ][a-z]{3}")
_ARTICLE = re.compile(r"(?:^|[^A-Za-z])[Aa]n?[ ]$")
_NO_NOUN = re.compile(
    r"[ ](?:and|for|off|per|each|more|less|from|was|are|with|when|than|but|the|back|into|now|apart)\b"
)


def _describes(reader: Reader, match: re.Match[str]) -> bool:
    """Whether the amount describes the noun after it, as in "a $5 coffee"; then the unit is singular."""
    text, end = reader.text, match.end()
    if _PRICED.match(text, end):
        return True
    is_led = _ARTICLE.search(text[max(0, match.start() - 4) : match.start()]) is not None
    return is_led and _NOUN.match(text, end) is not None and _NO_NOUN.match(text, end) is None


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
