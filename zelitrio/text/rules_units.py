"""Rules for amounts with a unit: "5 kg", "60 mph", "-3.5 °C", "10-15%", "2h 30m", "1920x1080"."""

from __future__ import annotations

import re

from zelitrio.text.numbers import cardinal, number_words, plural, year
from zelitrio.text.patterns import DASH, NUMBER, SPACE, WORD_END
from zelitrio.text.ranks import Rank
from zelitrio.text.reader import Reader, rule
from zelitrio.text.tables import table

# Plurals are formed by rule, except those in _IRREGULAR.
_UNITS = table(
    """
    mm=millimeter cm=centimeter dm=decimeter m=meter km=kilometer µm=micrometer μm=micrometer nm=nanometer
    ft=foot yd=yard yds=yard mi=mile inch=inch mg=milligram g=gram kg=kilogram µg=microgram μg=microgram
    mcg=microgram lb=pound lbs=pound oz=ounce ml=milliliter mL=milliliter cl=centiliter dl=deciliter l=liter
    L=liter gal=gallon qt=quart pt=pint tsp=teaspoon tbsp=tablespoon ms=millisecond µs=microsecond
    μs=microsecond ns=nanosecond s=second sec=second secs=second min=minute mins=minute h=hour hr=hour
    hrs=hour yr=year yrs=year wk=week wks=week mo=month mos=month Hz=hertz kHz=kilohertz MHz=megahertz
    GHz=gigahertz THz=terahertz W=watt kW=kilowatt MW=megawatt GW=gigawatt mW=milliwatt Wh=watt_hour
    kWh=kilowatt_hour MWh=megawatt_hour V=volt kV=kilovolt mV=millivolt mA=milliamp Ah=amp_hour
    mAh=milliamp_hour Ω=ohm kΩ=kilohm J=joule kJ=kilojoule cal=calorie kcal=kilocalorie N=newton Pa=pascal
    kPa=kilopascal hPa=hectopascal psi=p_s_i bar=bar dB=decibel rpm=r_p_m RPM=r_p_m bpm=beat_per_minute
    fps=frame_per_second dpi=d_p_i ppi=p_p_i ppm=part_per_million ppb=part_per_billion B=byte KB=kilobyte
    kB=kilobyte MB=megabyte GB=gigabyte TB=terabyte PB=petabyte KiB=kibibyte MiB=mebibyte GiB=gibibyte
    Kb=kilobit Mb=megabit Gb=gigabit kbps=kilobit_per_second Kbps=kilobit_per_second Mbps=megabit_per_second
    Gbps=gigabit_per_second bps=bit_per_second px=pixel MP=megapixel mph=mile_per_hour
    kph=kilometer_per_hour kmh=kilometer_per_hour mpg=mile_per_gallon ha=hectare ac=acre sqft=square_foot
    sqm=square_meter cc=c_c mol=mole dL=deciliter
    lm=lumen lx=lux °C=degree_celsius °F=degree_fahrenheit ℃=degree_celsius
    ℉=degree_fahrenheit °=degree %=percent ‰=per_mille
    """
)  # fmt: skip
_IRREGULAR = table(
    "foot=feet hertz=hertz kilohertz=kilohertz megahertz=megahertz gigahertz=gigahertz terahertz=terahertz "
    "percent=percent per_mille=per_mille lux=lux p_s_i=p_s_i r_p_m=r_p_m d_p_i=d_p_i p_p_i=p_p_i c_c=c_c "
    "inch=inches "
    "century=centuries"
)
_IRREGULAR = {key.replace("_", " "): value for key, value in _IRREGULAR.items()}
# Units that often mean something else: they count only if they touch the number.
_TOUCHING = frozenset("B N J l h s Kb Mb Gb pt ac bar cal mo mos".split())
_SCALES = table("k=thousand K=thousand M=million m=million bn=billion")

_AUDIENCE = re.compile(
    r"\s+(?:people|users|views|followers|subscribers|customers|downloads|jobs|homes|copies)\b"
)
_NO_NOUN = re.compile(
    r"[ ](?:of|and|or|to|in|at|per|is|was|are|for|from|with|by|on|more|less|a|the|if|when|as|than|but|so)\b"
)
_NOUN = re.compile(r"[ ][a-z]{2}")
_ARTICLE = re.compile(r"(?:^|[^A-Za-z])[Aa]n?[ ]$")


def _is_before_noun(reader: Reader, match: re.Match[str]) -> bool:
    """Whether the amount describes the noun after it, as in "a 60 W bulb"."""
    end = match.end()
    if _ARTICLE.search(reader.text[max(0, match.start() - 4) : match.start()]) is None:
        return False
    return _NOUN.match(reader.text, end) is not None and _NO_NOUN.match(reader.text, end) is None


_SIZES = re.compile(
    r"\b(?:bytes?|files?|size|packets?|buffers?|payload|header|blocks?|chunks?|memory|disk|cache)\b", re.I
)


def _is_bytes(reader: Reader, match: re.Match[str]) -> bool:
    """Whether "512B" is an amount of bytes: a power of two, or a size is mentioned nearby."""
    amount = match["amount"]
    is_power = amount.isdigit() and int(amount) >= 16 and int(amount) & (int(amount) - 1) == 0
    near = reader.text[max(0, match.start() - 40) : match.end() + 30]
    return is_power or _SIZES.search(near) is not None


_UNIT = "|".join(sorted((re.escape(unit) for unit in _UNITS), key=len, reverse=True))
_DECIMAL_COMMA = rf"\d{{1,4}},\d{{1,2}}(?={SPACE}?(?:[A-Za-z]{{1,3}}|[%°])(?![A-Za-z]))"
_AMOUNT = rf"(?P<sign>[-−+±~≈]?)(?P<amount>{_DECIMAL_COMMA}|{NUMBER}|\.\d{{1,10}}(?!\d))"


@rule(
    Rank.UNIT,
    "0.-−+±~≈",
    rf"{_AMOUNT}(?:(?:{SPACE}?(?:{_UNIT}))(?={DASH}\d))?(?:(?P<dash>{DASH}|[ ]to[ ])(?P<upto>{NUMBER}))?"
    rf"(?P<gap>{SPACE}?-?)(?P<degree>°{SPACE})?"
    rf"(?P<unit>{_UNIT})(?P<power>[²³]|\^[23])?(?:/(?P<per>{_UNIT}|[a-z]{{3,8}})(?P<per_power>[²³])?)?{WORD_END}"
    r"(?:(?<=[a-z])\.(?=\s+[a-z]))?",  # the full stop of "5 lbs. of" ends nothing
    examples={
        "5 kg": "five kilograms",
        "10-15 %": "ten to fifteen percent",
        "100 km/h": "one hundred kilometers per hour",
        "9.8 m/s²": "nine point eight meters per second squared",
        "a 5-kg bag": "a five kilogram bag",
    },
)
def amount_with_unit(reader: Reader, match: re.Match[str]) -> bool:
    """Read an amount or a range with its unit."""
    if reader.touches(match.start()):
        return False
    unit, gap = match["unit"], match["gap"]
    if gap and unit in _TOUCHING and not match["per"] and "." not in match["amount"]:
        return False
    if unit == "B" and not match["per"] and not _is_bytes(reader, match):
        return False
    before = reader.text[max(0, match.start() - 2) : match.start()]
    if unit == "m" and not gap and _AUDIENCE.match(reader.text, match.end()):
        return False  # "1.3m people"
    if before[-1:] == "-" and before[0].isalpha() and len(unit) == 1:
        return False  # "B-52s", "i7-9700K"
    if match["degree"]:
        unit = "°" + unit if "°" + unit in _UNITS else unit
    end = _say_amount(reader, match)
    is_one = match["amount"] in ("1", "1.0") and not match["upto"]
    is_one = is_one or gap.endswith("-") or _is_before_noun(reader, match)
    said = _unit_words(unit, match["power"], is_one=is_one)
    if match["per"]:
        said += " per " + _unit_words(match["per"], match["per_power"], is_one=True)
        said = said.replace("per square second", "per second squared")
    reader.say(said, max(end, match.start("degree") if match["degree"] else match.start("unit")), match.end())
    return True


@rule(
    Rank.UNIT,
    "a",
    rf"(?![A-Za-z]{{5}})(?P<unit>{_UNIT})(?:/(?P<per>{_UNIT}))?{WORD_END}",
    plain_words=_UNITS,
    examples={"2 1/2 tbsp": "two and a half tablespoons", "½ lb": "one half pound"},
)
def unit_of_fraction(reader: Reader, match: re.Match[str]) -> bool:
    """Read the unit of a fraction that another rule has read."""
    amount = reader.previous()
    is_fraction = amount[:1].isnumeric() and ("/" in amount or not amount[-1].isdecimal())
    if not is_fraction or match["unit"] in _TOUCHING or match.start() - reader.tokens[-1].end > 1:
        return False
    is_power = amount[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹"
    is_part = "and" not in {token.spoken for token in reader.tokens[-3:]} and not is_power
    said = _unit_words(match["unit"], None, is_one=is_part)
    if match["per"]:
        said += " per " + _unit_words(match["per"], None, is_one=True)
    reader.say(said, *match.span())
    return True


@rule(
    Rank.UNIT,
    "0",
    rf"(?P<amount>{NUMBER})(?P<scale>k|K|M|m|bn)(?P<plus>\+)?{WORD_END}",
    examples={"10k": "ten thousand", "2.5M": "two point five million"},
)
def scaled(reader: Reader, match: re.Match[str]) -> bool:
    """Read a number in thousands, millions or billions."""
    before = reader.text[max(0, match.start() - 2) : match.start()]
    is_model = before[-1:] == "-" and before[:1].isalnum()
    if reader.touches(match.start()) or is_model or match[0] in ("4K", "8K", "2K"):
        return False
    reader.say(number_words(match["amount"]), *match.span("amount"))
    reader.say(_SCALES[match["scale"]], *match.span("scale"))
    if match["plus"]:
        reader.say("plus", *match.span("plus"))
    return True


@rule(
    Rank.UNIT,
    "0",
    rf"(?P<h>\d{{1,3}}){SPACE}?h(?:rs?)?,?{SPACE}?(?P<m>\d{{1,2}}){SPACE}?m(?:in)?(?:{SPACE}?(?P<s>\d{{1,2}}){SPACE}?s)?{WORD_END}",
    examples={"2h 30m": "two hours thirty minutes", "1h05m20s": "one hour five minutes twenty seconds"},
)
def duration(reader: Reader, match: re.Match[str]) -> bool:
    """Read a duration in hours and minutes."""
    for name, unit in (("h", "hour"), ("m", "minute"), ("s", "second")):
        if match[name]:
            number = int(match[name])
            reader.say(f"{cardinal(number)} {unit}{'' if number == 1 else 's'}", *match.span(name))
    return True


@rule(
    Rank.UNIT,
    "0",
    rf"(?P<amount>{NUMBER})(?:(?:[x×]|{SPACE}x{SPACE})(?=\d)|(?P<times>[x×]){WORD_END})",
    examples={
        "1920x1080": "nineteen twenty by ten eighty",
        "5 x 10": "five by ten",
        "3x faster": "three times faster",
    },
)
def by_or_times(reader: Reader, match: re.Match[str]) -> bool:
    """Read "by" between two sizes, or "times" after a factor."""
    is_screen = len(match["amount"]) == 4 and not match["times"]
    said = year(int(match["amount"])) if is_screen else number_words(match["amount"])
    reader.say(said, *match.span("amount"))
    reader.say("times" if match["times"] else "by", match.end("amount"), match.end())
    return True


def _say_amount(reader: Reader, match: re.Match[str]) -> int:
    sign = {"-": "minus", "−": "minus", "+": "plus", "±": "plus or minus", "~": "about", "≈": "about"}.get(
        match["sign"]
    )
    if sign:
        reader.say(sign, *match.span("sign"))
    amount = match["amount"]
    if re.fullmatch(r"\d{1,4},\d{1,2}", amount):
        amount = amount.replace(",", ".")  # a decimal comma
    reader.say(number_words(amount), *match.span("amount"))
    if not match["upto"]:
        return match.end("amount")
    reader.say("to", *match.span("dash"))
    reader.say(number_words(match["upto"]), *match.span("upto"))
    return match.end("upto")


def _unit_words(unit: str, power: str | None, *, is_one: bool) -> str:
    name = _UNITS.get(unit, unit)
    if not is_one:
        head, per, tail = name.partition(" per ")
        if head.startswith("degree"):
            head = head.replace("degree", "degrees")
        elif name in _IRREGULAR:
            head, per, tail = _IRREGULAR[name], "", ""
        else:
            first, space, last = head.rpartition(" ")
            head = first + space + _IRREGULAR.get(last, "") if last in _IRREGULAR else plural(head)
        name = head + per + tail
    if power:
        name = f"{'square' if power[-1] in '2²' else 'cubic'} {name}"
    return name


RULES = (
    unit_of_fraction,
    duration,
    amount_with_unit,
    scaled,
    by_or_times,
)
