"""The phone inventory: the 39 ARPAbet symbols of the CMU dictionary, and their one-character codes.

The dictionary and the letter-to-sound model store a pronunciation as a string with one character per phone
and stress, in a tenth of the memory of tuples.
"""

from __future__ import annotations

from zelitrio.errors import LocalError
from zelitrio.text.types import Phones

VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
CONSONANTS = (
    *("B", "CH", "D", "DH", "F", "G", "HH", "JH", "K", "L", "M", "N", "NG", "P"),
    *("R", "S", "SH", "T", "TH", "V", "W", "Y", "Z", "ZH"),
)
PHONES = tuple(sorted(VOWELS + CONSONANTS))
"""The 39 symbols without stress, in alphabetical order.  The order is fixed: voices index into it."""

_STRESSED = tuple(f"{vowel}{stress}" for vowel in VOWELS for stress in "012")
# Letters, digits and a few signs, but no white space and no comma: these separate the packed entries.
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&*+"
CODE_OF_PHONE = dict(zip(CONSONANTS + _STRESSED, _ALPHABET, strict=True))
PHONE_OF_CODE = {code: phone for phone, code in CODE_OF_PHONE.items()}


def encode(phones: Phones) -> str:
    """Pack phones into one character each.

    Raises:
        LocalError: a phone does not exist.
    """
    try:
        return "".join([CODE_OF_PHONE[phone] for phone in phones])
    except KeyError as error:
        raise LocalError(
            f"phone: expected ARPAbet with stress on vowels (AH0, K ...), found {error.args[0]!r}"
        ) from None


def decode(codes: str) -> Phones:
    """Unpack the codes of `encode`."""
    return tuple([PHONE_OF_CODE[code] for code in codes])


def parse_phones(text: str) -> Phones:
    """Read phones with spaces between them, "HH AH0 L OW1"; a vowel without a digit has stress 0.

    Raises:
        LocalError: a phone is unknown, or the text is empty.
    """
    phones = tuple(part + "0" if part in VOWELS else part for part in text.upper().split())
    encode(phones)
    if not phones:
        raise LocalError("phones: expected at least one, found none")
    return phones


def is_vowel(phone: str) -> bool:
    """Whether a phone, with or without its stress digit, is a vowel."""
    return phone[-1].isdigit() or phone in VOWELS


def stress_of(phone: str) -> int:
    """Stress of a vowel (0 none, 1 primary, 2 secondary); 0 for consonants."""
    return int(phone[-1]) if phone[-1].isdigit() else 0


def without_stress(phones: Phones) -> Phones:
    """The same phones with the stress digits taken away."""
    return tuple(phone.rstrip("012") for phone in phones)
