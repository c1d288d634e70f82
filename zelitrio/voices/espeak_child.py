"""A program that asks espeak-ng for phonemes: it reads a line of JSON and writes a line of JSON.

espeak-ng is GPL-3.0-or-later, so zelitrio talks to it only through pipes.  This file imports nothing from
zelitrio.
"""

from __future__ import annotations

import ctypes
import json
import sys

_UTF8 = 1
_IPA = 2
_TIE = 0x80
_SYNCHRONOUS = 2


def main() -> None:
    """Answer until the input ends."""
    import espeakng_loader

    library = ctypes.CDLL(espeakng_loader.get_library_path())
    library.espeak_TextToPhonemes.restype = ctypes.c_char_p
    library.espeak_Initialize(_SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), 0)
    for line in sys.stdin:
        request = json.loads(line)
        if not _choose(library, request["voice"]):
            answer: dict[str, object] = {"error": f"espeak has no voice {request['voice']}"}
        else:
            mode = _IPA | (_TIE | ord("^") << 8 if request["ties"] else 0)
            answer = {"said": [_phonemes(library, text, mode) for text in request["texts"]]}
        print(json.dumps(answer), flush=True)


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_void_p),  # more than one string
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("reserved", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


def _choose(library: ctypes.CDLL, name: str) -> bool:
    """Choose a voice by name or by language; `en-gb` is only a language."""
    if library.espeak_SetVoiceByName(name.encode()) == 0:
        return True
    if name not in _languages(library):
        return False
    languages = ctypes.create_string_buffer(name.encode())
    wanted = _Voice(languages=ctypes.addressof(languages))
    return bool(library.espeak_SetVoiceByProperties(ctypes.byref(wanted)) == 0)


def _languages(library: ctypes.CDLL) -> set[str]:
    library.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
    voices = library.espeak_ListVoices(None)
    found: set[str] = set()
    at = 0
    while voices[at]:
        # Each language is a byte of priority and a string; an empty one ends the list.
        place = voices[at].contents.languages or 0
        while place and ctypes.c_ubyte.from_address(place).value:
            language = ctypes.string_at(place + 1)
            found.add(language.decode())
            place += len(language) + 2
        at += 1
    return found


def _phonemes(library: ctypes.CDLL, text: str, mode: int) -> str:
    rest = ctypes.c_char_p(text.encode())
    parts = []
    while rest.value:
        found = library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, mode)
        parts.append((found or b"").decode())
    return " ".join(parts)


if __name__ == "__main__":
    main()
