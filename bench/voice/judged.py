"""The judgement of one sentence, and rows of figures over many sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs
import numpy as np
import numpy.typing as npt

from bench.voice.distilled import MISSING_DISTILLED, open_distilled
from bench.voice.edges import clicks, sharp_places, silence_ms
from bench.voice.listener import KEYS, Listener, open_listener
from bench.voice.loudness import loudness_lufs
from bench.voice.pitch import ln_f0
from bench.voice.recognisers import Recogniser, open_recognisers
from bench.voice.spoken import RATE_HZ, Pcm, Spoken
from bench.voice.word_error import rate
from zelitrio.training import active_rms, plain_words, word_edits

HEARD_RMS = 0.075
Row = dict[str, object]


@attrs.frozen(eq=False)
class Judged:
    """Facts of one sentence."""

    words: int
    audio_s: float
    made_in_s: float | None
    wrong: Mapping[str, int]
    """Word errors by recogniser."""
    scores: Mapping[str, float] | None
    """DNSMOS; None if not measured."""
    distilled: float | None
    """Distill-MOS; None if not measured or not installed."""
    ln_f0: npt.NDArray[np.float64]
    lead_ms: float
    tail_ms: float
    lufs: float
    peak: float
    sharp: int
    """Sharp bends of the waveform, including releases of plosives."""
    clicks: int | None
    """Sharp bends that are not a plosive's release; None if phones have no times."""


class Ears:
    """All recognisers and scores, loaded once, so that all systems are judged equally."""

    def __init__(self, *, listener: bool = True, recogniser: bool = True) -> None:
        self._listener: Listener | None = open_listener() if listener else None
        self._distilled = open_distilled() if listener else None
        self._recognisers: dict[str, Recogniser] = {}
        self.left_out: list[str] = []
        if recogniser:
            self._recognisers, self.left_out = open_recognisers()
        if listener and self._distilled is None:
            self.left_out.append(MISSING_DISTILLED)

    def judge(self, spoken: Spoken) -> Judged:
        """Judge one sentence."""
        heard, wanted = at_16k(spoken.pcm), plain_words(spoken.words)
        lead_ms, tail_ms = silence_ms(spoken.pcm)
        return Judged(
            words=len(wanted),
            audio_s=len(spoken.pcm) / RATE_HZ,
            made_in_s=spoken.made_in_s,
            wrong={name: word_edits(wanted, listen(heard)) for name, listen in self._recognisers.items()},
            scores=self._listener(heard) if self._listener is not None else None,
            distilled=self._distilled(heard) if self._distilled is not None else None,
            ln_f0=ln_f0(spoken.pcm),
            lead_ms=lead_ms,
            tail_ms=tail_ms,
            lufs=loudness_lufs(spoken.pcm, RATE_HZ),
            peak=float(np.abs(spoken.pcm).max(initial=0.0)),
            sharp=len(sharp_places(spoken.pcm)),
            clicks=None if spoken.releases is None else clicks(spoken.pcm, spoken.releases),
        )


def at_16k(pcm: Pcm) -> Pcm:
    """Resample to 16 kHz at a common level, for recognisers and listener models."""
    from scipy.signal import resample_poly

    level = active_rms(pcm)
    out = resample_poly(pcm, 2, 3) * (HEARD_RMS / level if level else 1.0)
    return np.asarray(np.clip(out, -1.0, 1.0), np.float32)


def facts_of(judged: Judged) -> Row:
    """The figures by which systems are compared sentence by sentence."""
    return {
        "words": judged.words,
        "audio_s": round(judged.audio_s, 3),
        "wrong": dict(judged.wrong),
        "scores": {key: round(score, 4) for key, score in (judged.scores or {}).items()},
        "distill": None if judged.distilled is None else round(judged.distilled, 4),
        "sharp": judged.sharp,
        "clicks": judged.clicks,
    }


def row_of(system: str, list_name: str, judged: Sequence[Judged]) -> Row:
    """One row of figures over a list."""
    audio_s, words = sum(item.audio_s for item in judged), [item.words for item in judged]
    row: Row = {"system": system, "list": list_name, "sentences": len(judged), "words": sum(words)}
    for name in judged[0].wrong:
        wrong, low, high = rate([item.wrong[name] for item in judged], words)
        row[f"wer_{name}"] = round(wrong, 1)
        row[f"wer_{name}_95"] = [round(low, 1), round(high, 1)]
    scores = [item.scores for item in judged if item.scores is not None]
    if scores:
        row |= {key: round(float(np.mean([score[key] for score in scores])), 3) for key in KEYS}
        row["ovrl_se"] = round(float(np.std([score["ovrl"] for score in scores])) / len(scores) ** 0.5, 3)
    distilled = [item.distilled for item in judged if item.distilled is not None]
    if distilled:
        row["distill"] = round(float(np.mean(distilled)), 3)
        row["distill_se"] = round(float(np.std(distilled)) / len(distilled) ** 0.5, 3)
    contours = np.concatenate([item.ln_f0 for item in judged])
    contours = contours[~np.isnan(contours)] if not np.isnan(contours).all() else np.zeros(1)
    made_s = [item.made_in_s for item in judged if item.made_in_s is not None]
    row |= {
        "f0_hz": round(float(np.exp(contours.mean())), 1),
        "ln_f0_std": round(float(contours.std()), 3),
        "words_per_s": round(sum(words) / audio_s, 2),
        "lead_ms": _middle([item.lead_ms for item in judged]),
        "lead_ms_max": round(max(item.lead_ms for item in judged)),
        "tail_ms": _middle([item.tail_ms for item in judged]),
        "tail_ms_max": round(max(item.tail_ms for item in judged)),
        "lufs": round(float(np.median([item.lufs for item in judged])), 1),
        "lufs_std": round(float(np.std([item.lufs for item in judged])), 2),
        "peak": round(max(item.peak for item in judged), 3),
        "sharp_per_min": round(60 * sum(item.sharp for item in judged) / audio_s, 2),
    }
    clicked = [item.clicks for item in judged if item.clicks is not None]
    if clicked:
        row["clicks"] = sum(clicked)
    return row | ({"rtf": round(sum(made_s) / audio_s, 4)} if made_s else {})


def _middle(values: Sequence[float]) -> int:
    return round(float(np.median(values)))
