"""Asks espeak-ng for phonemes, as a program of its own: JSON in, JSON out, a line each.

espeak-ng is GPL-3.0-or-later, and is reached through pipes only.  This file imports nothing of zelitrio.
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
        if library.espeak_SetVoiceByName(request["voice"].encode()) != 0:
            answer: dict[str, object] = {"error": f"espeak has no voice {request['voice']}"}
        else:
            mode = _IPA | (_TIE | ord("^") << 8 if request["ties"] else 0)
            answer = {"said": [_phonemes(library, text, mode) for text in request["texts"]]}
        print(json.dumps(answer), flush=True)


def _phonemes(library: ctypes.CDLL, text: str, mode: int) -> str:
    rest = ctypes.c_char_p(text.encode())
    parts = []
    while rest.value:
        found = library.espeak_TextToPhonemes(ctypes.byref(rest), _UTF8, mode)
        parts.append((found or b"").decode())
    return " ".join(parts)


if __name__ == "__main__":
    main()
