"""Score speech by a recogniser and DNSMOS, a model of listeners, if installed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt

from zelitrio.training.prepare import ACTIVE_RMS, active_rms

Pcm = npt.NDArray[np.float32]
_RATE_HZ = 16_000
_PADDING_S = 0.2
_WINDOW_SAMPLES = int(9.01 * _RATE_HZ)


@attrs.frozen
class SpeechScores:
    """Scores over several utterances."""

    words: int
    word_error: float | None
    """Words to replace, insert or delete, divided by `words`; None without pocketsphinx."""
    overall: float | None
    """DNSMOS OVRL, 1 to 5; None without speechmos."""
    p808: float | None


Listen = Callable[[Sequence[tuple[Sequence[str], Pcm]]], SpeechScores]
"""Scores utterances, each given as its words and float32 samples at 24 kHz."""


def missing_ears() -> list[str]:
    """Names of the packages for scoring that are not installed."""
    return [name for name in ("pocketsphinx", "speechmos", "onnxruntime") if find_spec(name) is None]


def hear(spoken: Sequence[tuple[Sequence[str], Pcm]]) -> SpeechScores:
    """Score utterances, each its words and float32 samples at 24 kHz, in 0.3 s per second of speech."""
    missing = missing_ears()
    pcms = [at_16k(pcm) for _, pcm in spoken]
    texts = [plain_words(words) for words, _ in spoken]
    words = sum(len(text) for text in texts)
    error = None
    if "pocketsphinx" not in missing:
        decoder = _open_recogniser()
        wrong = sum(word_edits(text, _recognise(decoder, pcm)) for text, pcm in zip(texts, pcms, strict=True))
        error = wrong / max(1, words)
    if "speechmos" in missing or "onnxruntime" in missing:
        return SpeechScores(words, error, None, None)
    listener = _open_listener()
    # Repeat a clip to the length of the models' window, so that it is scored once.
    clips = [np.resize(pcm, _WINDOW_SAMPLES) if len(pcm) < _WINDOW_SAMPLES else pcm for pcm in pcms]
    scores = [listener(clip, _RATE_HZ, False) for clip in clips]
    overall, p808 = (float(np.mean([score[key] for score in scores])) for key in ("ovrl_mos", "p808_mos"))
    return SpeechScores(words, error, overall, p808)


def at_16k(pcm: Pcm) -> Pcm:
    """Convert samples from 24 kHz to 16 kHz and to a common level."""
    spectrum = np.fft.rfft(pcm[: len(pcm) // 3 * 3].astype(np.float64))
    samples = len(pcm) // 3 * 2
    level = active_rms(pcm)
    out = np.fft.irfft(spectrum[: samples // 2 + 1], samples) * (2 / 3)
    return np.clip(out * (ACTIVE_RMS / level if level else 1.0), -1.0, 1.0).astype(np.float32)


def plain_words(words: Sequence[str]) -> list[str]:
    """Normalise words for comparison: lower case, letters only, hyphenated words split."""
    text = " ".join(words).lower().replace("-", " ").replace("'", "")
    return text.replace(".", "").split()


def word_edits(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """Number of words to replace, insert or delete."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(wanted, 1):
        previous, row[0] = row[0], i
        for j, other in enumerate(heard, 1):
            previous, row[j] = row[j], min(previous + (word != other), row[j] + 1, row[j - 1] + 1)
    return row[-1]


def _open_recogniser() -> Any:
    import pocketsphinx

    return pocketsphinx.Decoder(samprate=float(_RATE_HZ), loglevel="FATAL")


def _recognise(decoder: Any, pcm: Pcm) -> list[str]:
    padded = np.pad(pcm, int(_PADDING_S * _RATE_HZ))
    decoder.start_utt()
    decoder.process_raw((padded * 32767).astype("<i2").tobytes(), full_utt=True)
    decoder.end_utt()
    found = decoder.hyp()
    return plain_words(found.hypstr.split()) if found else []


def _open_listener() -> Any:
    from speechmos import dnsmos

    models = Path(dnsmos.__file__).parent / "dnsmos_models"
    return dnsmos.DNSMOS(str(models / "sig_bak_ovr.onnx"), str(models / "model_v8.onnx"))
