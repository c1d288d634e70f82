"""The viseme (shape of the mouth) of each phone.

The fifteen names are those of the Oculus lip-sync set, which animation engines accept.
"""

from __future__ import annotations

REST = "sil"
"""The viseme of a pause: the mouth is at rest."""
_PHONES = {
    "PP": "P B M p b m",
    "FF": "F V f v",
    "TH": "TH DH θ ð",
    "DD": "T D t d ɾ",
    "kk": "K G NG HH k g ɡ ŋ h x ɣ ç",
    "CH": "CH JH SH ZH ʧ ʤ ʃ ʒ ɕ",
    "SS": "S Z s z",
    "nn": "N L n l ɲ ʎ",
    "RR": "R ER r ɹ ʁ ɚ ɝ ɻ",
    "aa": "AA AH AE AY AW a ɑ ɐ ʌ æ ɒ ə",
    "E": "EH EY e ɛ ø œ",
    "I": "IH IY Y i ɪ j y ʏ",
    "O": "AO OW OY o ɔ",
    "U": "UH UW W u ʊ w",
}
_VISEMES = {phone: viseme for viseme, phones in _PHONES.items() for phone in phones.split()}


def viseme_of(phone: str) -> str | None:
    """The viseme of an ARPAbet or IPA phone; None for signs without one, such as stress marks."""
    return _VISEMES.get(phone.rstrip("012"))
