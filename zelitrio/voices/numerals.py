"""Numbers in Japanese and Chinese, which count by ten thousands."""

from __future__ import annotations

import unicodedata

_DIGITS = "ゼロ イチ ニ サン ヨン ゴ ロク ナナ ハチ キュー".split()
_TENS, _HUNDREDS, _THOUSANDS = "ジュー", "ヒャク", "セン"
_CHANGED = {
    "サンヒャク": "サンビャク",
    "ロクヒャク": "ロッピャク",
    "ハチヒャク": "ハッピャク",
    "サンセン": "サンゼン",
    "ハチセン": "ハッセン",
}
_MYRIADS = ("", "マン", "オク", "チョー")
_HANZI = "零一二三四五六七八九"
_HANZI_UNITS, _HANZI_MYRIADS = ("", "十", "百", "千"), ("", "万", "亿", "兆")
_MOST_DIGITS = 16
"""Longer numbers are read digit by digit."""


def plain_digits(number: str) -> str:
    """A number with ASCII digits and without separators of thousands."""
    return "".join(
        str(unicodedata.digit(sign)) if sign.isdigit() else "." for sign in number if sign not in ",，"
    )


def japanese_number(number: str) -> str:
    """A number in katakana: `25` is ニジューゴ."""
    whole, _, part = plain_digits(number).partition(".")
    said = _japanese_whole(whole)
    return f"{said}テン{''.join(_DIGITS[int(digit)] for digit in part)}" if part else said


def _japanese_whole(whole: str) -> str:
    if len(whole) > _MOST_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        return "".join(_DIGITS[int(digit)] for digit in whole)
    if not int(whole):
        return _DIGITS[0]
    said = ""
    for power in range(len(_MYRIADS) - 1, -1, -1):
        group = int(whole) // 10_000**power % 10_000
        if group:
            said += _japanese_group(group) + _MYRIADS[power]
    return said


def _japanese_group(group: int) -> str:
    said = ""
    for unit, name in ((1000, _THOUSANDS), (100, _HUNDREDS), (10, _TENS), (1, "")):
        digit = group // unit % 10
        if digit == 0:
            continue
        count = _DIGITS[digit] if digit > 1 or unit == 1 else ""
        said += _CHANGED.get(count + name, count + name)
    return said


def chinese_number(number: str, *, is_year: bool = False) -> str:
    """A number in characters: `25` is 二十五.  Years are read digit by digit."""
    whole, _, part = plain_digits(number).partition(".")
    said = _digit_by_digit(whole) if is_year else _chinese_whole(whole)
    return f"{said}点{_digit_by_digit(part)}" if part else said


def _digit_by_digit(digits: str) -> str:
    return "".join(_HANZI[int(digit)] for digit in digits)


def _chinese_whole(whole: str) -> str:
    if len(whole) > _MOST_DIGITS or (len(whole) > 1 and whole[0] == "0"):
        return _digit_by_digit(whole)
    if not int(whole):
        return _HANZI[0]
    said = ""
    for power in range(len(_HANZI_MYRIADS) - 1, -1, -1):
        group = int(whole) // 10_000**power % 10_000
        if group:
            said += ("零" if said and group < 1000 else "") + _chinese_group(group) + _HANZI_MYRIADS[power]
        elif said and power == 0:
            break
    return said.removeprefix("一") if said.startswith("一十") else said


def _chinese_group(group: int) -> str:
    """A number below ten thousand; one 零 stands for zeros between digits."""
    said, has_gap = "", False
    for place in range(3, -1, -1):
        digit = group // 10**place % 10
        if digit:
            said += ("零" if has_gap and said else "") + _HANZI[digit] + _HANZI_UNITS[place]
            has_gap = False
        else:
            has_gap = True
    return said
