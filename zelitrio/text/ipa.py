"""Convert IPA to ARPAbet; other languages' phones become the nearest English ones."""

from __future__ import annotations

import re
import unicodedata

from zelitrio.errors import LocalError
from zelitrio.text.phones import VOWELS, is_vowel
from zelitrio.text.tables import table
from zelitrio.text.types import Phones

_SOUNDS = table(
    """
    tʃ=CH dʒ=JH ʧ=CH ʤ=JH t͡ʃ=CH d͡ʒ=JH ts=T_S aɪ=AY aʊ=AW ɔɪ=OY eɪ=EY oʊ=OW əʊ=OW ɪə=IH_R eə=EH_R ʊə=UH_R
    ɔʏ=OY iː=IY uː=UW ɑː=AA ɔː=AO ɜː=ER ɝ=ER ɚ=ER əɹ=ER ər=ER ɜːɹ=ER ɜːr=ER i=IY ɪ=IH e=EH ɛ=EH æ=AE a=AA
    ɑ=AA ɒ=AA ɔ=AO o=OW ʊ=UH u=UW ʌ=AH ə=AH ɐ=AH ɜ=ER y=UW ø=ER œ=ER ɨ=IH ɯ=UW p=P b=B t=T d=D k=K g=G ɡ=G
    f=F v=V θ=TH ð=DH s=S z=Z ʃ=SH ʒ=ZH h=HH ɦ=HH x=K ç=HH χ=K m=M n=N ŋ=NG ɲ=N_Y l=L ɫ=L ʎ=L_Y r=R ɹ=R ɾ=T
    ʁ=R ʀ=R ɻ=R w=W ʍ=W j=Y ɥ=Y ʔ= β=V ɣ=G c=K ɟ=G q=K ʂ=SH ʐ=ZH ɕ=SH ʑ=ZH
    """
)
_SOUND = re.compile("|".join(sorted((re.escape(sound) for sound in _SOUNDS), key=len, reverse=True)))
_IGNORED = frozenset(". -_‿ˑ/[]()|͜͡ːʰʲʷˠ̩̯̃̊̚") | frozenset("\u0329\u032f\u0303\u030a\u031a\u0325\u032c")
_LONGEST = 400


def phones_of_ipa(text: str) -> Phones:
    """The phones of a pronunciation in IPA.  A stress mark applies to the next vowel.

    Without a main stress mark, the first vowel gets the main stress.

    Raises:
        LocalError: a character is not known, or there is no phone.
    """
    text = unicodedata.normalize("NFC", text.strip())[:_LONGEST]
    phones: list[str] = []
    stress = "0"
    place = 0
    while place < len(text):
        char = text[place]
        match = _SOUND.match(text, place)
        if char in "ˈ'ˌ,":
            stress = "1" if char in "ˈ'" else "2"
        elif match is not None:
            for phone in _SOUNDS[match[0]].split():
                if phone in VOWELS:
                    phones.append(phone + stress)
                    stress = "0"
                else:
                    phones.append(phone)
            place = match.end()
            continue
        elif char not in _IGNORED:
            raise LocalError(f"IPA: expected sounds of English, found {char!r} in {text!r}")
        place += 1
    vowels = [index for index, phone in enumerate(phones) if is_vowel(phone)]
    if not phones:
        raise LocalError(f"IPA: expected at least one sound, found {text!r}")
    if vowels and not any(phones[index].endswith("1") for index in vowels):
        phones[vowels[0]] = phones[vowels[0]][:-1] + "1"
    return tuple(phones)
