"""Kana to the symbols of Kokoro's Japanese voices."""

from __future__ import annotations

_ROWS = """
ア a   イ i   ウ ɯ  エ e  オ o
カ ka  キ kʲi ク kɯ ケ ke コ ko   ガ ɡa ギ ɡʲi グ ɡɯ ゲ ɡe ゴ ɡo
サ sa  シ ɕi  ス sɨ セ se ソ so   ザ ʣa ジ ʥi  ズ zɨ ゼ ʣe ゾ ʣo
タ ta  チ ʨi  ツ ʦɨ テ te ト to   ダ da ヂ ʥi  ヅ zɨ デ de ド do
ナ na  ニ ɲi  ヌ nɯ ネ ne ノ no
ハ ha  ヒ çi  フ ɸɯ ヘ he ホ ho   バ ba ビ bʲi ブ bɯ ベ be ボ bo   パ pa ピ pʲi プ pɯ ペ pe ポ po
マ ma  ミ mʲi ム mɯ メ me モ mo
ヤ ja  ユ jɯ  ヨ jo
ラ ɾa  リ ɾʲi ル ɾɯ レ ɾe ロ ɾo
ワ βa  ヰ i   ヱ e  ヲ o  ヴ vɯ
ファ ɸa フィ ɸʲi フェ ɸe フォ ɸo フュ ɸʲɨ   ヴァ va ヴィ vʲi ヴェ ve ヴォ vo ヴュ bʲɨ
ウィ βi ウェ βe ウォ βo   イェ je   クァ kᵝa クィ kᵝi クェ kᵝe クォ kᵝo   グァ ɡᵝa
ツァ ʦa ツィ ʦʲi ツェ ʦe ツォ ʦo   ティ tʲi テュ tʲɨ ディ dʲi デュ dʲɨ トゥ tɯ ドゥ dɯ
"""
_MORAE = dict(zip(_ROWS.split()[::2], _ROWS.split()[1::2], strict=True))
_SMALL = {"ャ": "a", "ュ": "ɨ", "ョ": "o", "ェ": "e"}
"""The vowel after a mora that ends in i: キャ is kʲa."""
_PLAIN = {
    "ァ": "ア",
    "ィ": "イ",
    "ゥ": "ウ",
    "ェ": "エ",
    "ォ": "オ",
    "ャ": "ヤ",
    "ュ": "ユ",
    "ョ": "ヨ",
    "ヮ": "ワ",
}
_LONG, _STOP, _NASAL = "ー", "ッ", "ン"
_NASALS = {
    **dict.fromkeys("mpb", "m"),
    **dict.fromkeys("kɡ", "ŋ"),
    **dict.fromkeys("ɲʨʥ", "ɲ"),
    **dict.fromkeys("ntdɾz", "n"),
}
"""The sound of ン before a consonant; elsewhere it is ɴ."""
_HIRAGANA, _KATAKANA = ord("ぁ"), ord("ァ")
_TO_KATAKANA = {_HIRAGANA + at: _KATAKANA + at for at in range(ord("ゖ") - _HIRAGANA + 1)}


def kana_symbols(kana: str) -> str:
    """The symbols of a word in katakana or hiragana; other characters are skipped."""
    text = kana.translate(_TO_KATAKANA)
    morae: list[str] = []
    at = 0
    while at < len(text):
        sound, length = _mora(text, at)
        morae.append(sound)
        at += length
    return "".join(
        _NASALS.get(following[:1], "ɴ") if sound == _NASAL else sound
        for sound, following in zip(morae, [*morae, ""][1:], strict=True)
    )


def _mora(text: str, at: int) -> tuple[str, int]:
    """The sound at a place, and the number of its signs; ン depends on the next sound."""
    pair = text[at : at + 2]
    if len(pair) == 2 and pair in _MORAE:
        return _MORAE[pair], 2
    sign = pair[:1]
    sound = _MORAE.get(sign, "")
    if len(pair) == 2 and pair[1] in _SMALL and sound.endswith("i"):
        return sound[:-1] + _SMALL[pair[1]], 2
    if sign == _LONG:
        return "ː", 1
    if sign == _STOP:
        return "ʔ", 1
    if sign == _NASAL:
        return _NASAL, 1
    return sound or _MORAE.get(_PLAIN.get(sign, ""), ""), 1
