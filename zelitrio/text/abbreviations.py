"""Abbreviations: how they are read, and whether a sentence can end after their full stop."""

from __future__ import annotations

TITLES = {
    "mr": "mister",
    "mrs": "missus",
    "ms": "miz",
    "mx": "mix",
    "prof": "professor",
    "rev": "reverend",
    "hon": "honorable",
    "gov": "governor",
    "sen": "senator",
    "rep": "representative",
    "pres": "president",
    "gen": "general",
    "col": "colonel",
    "capt": "captain",
    "lt": "lieutenant",
    "sgt": "sergeant",
    "cmdr": "commander",
    "maj": "major",
    "cpl": "corporal",
    "pvt": "private",
    "adm": "admiral",
    "supt": "superintendent",
    "fr": "father",
    "br": "brother",
    "sr": "sister",
    "messrs": "messieurs",
    "mme": "madame",
    "mlle": "mademoiselle",
    "dr": "doctor",
    "st": "saint",
    "mt": "mount",
    "ft": "fort",
}
"""Read so before a capitalised name."""

MONTHS = {
    "jan": "january",
    "feb": "february",
    "mar": "march",
    "apr": "april",
    "jun": "june",
    "jul": "july",
    "aug": "august",
    "sep": "september",
    "sept": "september",
    "oct": "october",
    "nov": "november",
    "dec": "december",
}
DAYS = {
    "mon": "monday",
    "tue": "tuesday",
    "tues": "tuesday",
    "wed": "wednesday",
    "thu": "thursday",
    "thur": "thursday",
    "thurs": "thursday",
    "fri": "friday",
    "sat": "saturday",
    "sun": "sunday",
}

PLACES = {
    "ave": "avenue",
    "blvd": "boulevard",
    "rd": "road",
    "hwy": "highway",
    "pkwy": "parkway",
    "ln": "lane",
    "sq": "square",
    "pl": "place",
    "ct": "court",
    "st": "street",
    "dr": "drive",
    "apt": "apartment",
    "bldg": "building",
    "ste": "suite",
    "rte": "route",
    "jct": "junction",
    "ter": "terrace",
    "cir": "circle",
}
"""Read so after a capitalised name or a house number."""

WORDS = {
    "etc": "et cetera",
    "vs": "versus",
    "approx": "approximately",
    "dept": "department",
    "est": "estimated",
    "inc": "incorporated",
    "corp": "corporation",
    "co": "company",
    "ltd": "limited",
    "bros": "brothers",
    "jr": "junior",
    "sr": "senior",
    "esq": "esquire",
    "govt": "government",
    "assn": "association",
    "univ": "university",
    "ed": "editor",
    "eds": "editors",
    "vol": "volume",
    "vols": "volumes",
    "fig": "figure",
    "figs": "figures",
    "ch": "chapter",
    "sec": "section",
    "pp": "pages",
    "p": "page",
    "ext": "extension",
    "tel": "telephone",
    "dist": "district",
    "intl": "international",
    "min": "minimum",
    "max": "maximum",
    "misc": "miscellaneous",
    "no": "number",
    "nos": "numbers",
    "para": "paragraph",
    "temp": "temperature",
    "avg": "average",
    "dep": "departure",
    "arr": "arrival",
    "attn": "attention",
    "cf": "compare",
    "viz": "namely",
    "al": "al",
    "ca": "circa",
    "art": "article",
    "wt": "weight",
}
"""Read so when their full stop is there, whatever stands beside them."""

ENDING = frozenset(
    {*WORDS, *MONTHS, *DAYS, *PLACES, "ph", "d", "am", "pm"} - {"no", "nos", "p", "pp", "fig", "ch"}
)
"""Abbreviations that may also be the last word of a sentence."""

BEFORE_NAMES = frozenset({*TITLES, "nos", "pp", "fig", "figs", "vol", "cf", "viz", "eg", "ie"} - {"st", "dr"})
"""After these a sentence never ends: something is named next."""

STARTERS = frozenset(
    "The A An It He She We They I You This That These Those There Here What When Where Why How Who But And "
    "So Then If In On At For My Your His Her Our Their Its As After Before While Since Because Although "
    "However Please Thanks Thank Yes No Not Now Next Also Let Do Does Did Is Are Was Were Can Could Will "
    "Would Should Have Has Had May Might Once Some Many Most All Each Every One Both".split()
)
"""Words that, with a capital, begin a sentence far more often than they follow an abbreviation."""
