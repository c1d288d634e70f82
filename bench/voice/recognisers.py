"""Three recognisers of different kinds, so that the weakness of one does not decide.

pocketsphinx (hidden Markov models and a trigram; its wheel includes its model) returns words.  Moonshine and
Whisper base (encoder and decoder networks) return text with digits and marks, which zelitrio's front end
converts to words.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from bench.voice.moonshine import Moonshine, find_model
from bench.voice.spoken import Pcm
from bench.voice.whisper import MISSING_WHISPER, Whisper, is_installed
from zelitrio.text import load_front_end
from zelitrio.training import plain_words

Recogniser = Callable[[Pcm], list[str]]
"""Samples at 16 kHz to plain words."""
MISSING_MOONSHINE = (
    "moonshine: left out, its model was not found: pip install --no-deps 'moonshine-voice==0.0.73'"
)


def open_recognisers() -> tuple[dict[str, Recogniser], list[str]]:
    """Load the installed recognisers by name; return also a line for each missing one."""
    found: dict[str, Recogniser] = {"pocketsphinx": Pocketsphinx()}
    left_out: list[str] = []
    folder = find_model()
    if folder is None:
        left_out.append(MISSING_MOONSHINE)
    else:
        found["moonshine"] = read_out(Moonshine(folder))
    if is_installed():
        found["whisper"] = read_out(Whisper())
    else:
        left_out.append(MISSING_WHISPER)
    return found, left_out


class Pocketsphinx:
    """CMU pocketsphinx with the model of its wheel; one decoder for all clips, in a fixed order."""

    def __init__(self) -> None:
        import pocketsphinx

        self._decoder: Any = pocketsphinx.Decoder(samprate=16_000.0, loglevel="FATAL")

    def __call__(self, pcm: Pcm) -> list[str]:
        raw = (np.pad(pcm, 3_200) * 32767).astype("<i2").tobytes()
        self._decoder.start_utt()
        self._decoder.process_raw(raw, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return plain_words(found.hypstr.split()) if found else []


def read_out(recogniser: Callable[[Pcm], str]) -> Recogniser:
    """Convert a recogniser of text to one of words: "3:30" becomes "three thirty"."""
    front_end = load_front_end()
    return lambda pcm: plain_words([word.spoken for word in front_end.utterance(recogniser(pcm)).words])
