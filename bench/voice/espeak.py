"""espeak-ng as a voice for comparison, from the extra `espeak`.

Its library is GPL-3.0-or-later, so only this measurement loads it, never zelitrio itself.
"""

from __future__ import annotations

import ctypes
import importlib.util

import numpy as np

from bench.voice.spoken import RATE_HZ, Pcm

MISSING_ESPEAK = "espeak-ng: left out, its library was not found: pip install '.[espeak]' (GPL-3.0-or-later)"
_SYNCHRONOUS = 2  # AUDIO_OUTPUT_SYNCHRONOUS of espeak-ng/speak_lib.h
_CHARS_UTF8 = 1
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)


def find_library() -> tuple[str, str] | None:
    """Paths of the library and of its data, None if they are not installed."""
    if importlib.util.find_spec("espeakng_loader") is None:
        return None
    import espeakng_loader

    return str(espeakng_loader.get_library_path()), str(espeakng_loader.get_data_path())


class Espeak:
    """Its American English with default settings."""

    def __init__(self, library: str, data: str) -> None:
        self._library = ctypes.CDLL(library)
        self._rate_hz = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data.encode(), 0)
        if self._rate_hz <= 0 or self._library.espeak_SetVoiceByName(b"en-us") != 0:
            raise RuntimeError(f"{library}: expected a voice en-us, found error {self._rate_hz}")
        self._heard: list[Pcm] = []
        self._callback = _Callback(self._take)
        self._library.espeak_SetSynthCallback(self._callback)

    def __call__(self, text: str) -> Pcm:
        from scipy.signal import resample_poly

        raw = text.encode() + b"\0"
        self._heard.clear()
        self._library.espeak_Synth(raw, ctypes.c_size_t(len(raw)), 0, 0, 0, _CHARS_UTF8, None, None)
        heard = resample_poly(np.concatenate(self._heard), RATE_HZ, self._rate_hz)
        return np.asarray(heard, np.float32)

    def _take(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _events: int | None) -> int:
        if count > 0:
            self._heard.append(np.ctypeslib.as_array(samples, (count,)).astype(np.float32) / 32768.0)
        return 0
