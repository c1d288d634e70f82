"""Makes result lines: one for an utterance, one for all utterances of a load."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from zelitrio.bench_client.figures import SpeechFigures
from zelitrio.bench_client.percentiles import Figures, milliseconds

Line = dict[str, Any]


def utterance_line(said: SpeechFigures) -> Line:
    """Make the line of one utterance; times in milliseconds."""
    return {
        "what": "utterance",
        "at_s": round(said.at_s, 4),
        "first_ms": _ms(said.first_s),
        "audible_ms": _ms(said.audible_s),
        "offset_ms": _ms(said.offset_s),
        "late_ms": _ms(said.late_s),
        "audio_s": round(said.audio_s, 4),
        "wall_s": round(said.wall_s, 4),
        "chars": said.chars,
        "failure": said.failure,
        **({"detail": said.detail} if said.detail else {}),
    }


def point_line(everything: Sequence[SpeechFigures], wall_s: float, buffer_ms: float = 0.0) -> Line:
    """Make the line of a load.

    Args:
        everything: all utterances, in the order they ended.
        wall_s: seconds from the load's start to the last utterance's end.
        buffer_ms: audio that a listener collects before it plays.
    """
    heard = [said for said in everything if said.failure is None]
    kinds = Counter(said.failure for said in everything if said.failure is not None)
    examples = {said.failure: said.detail for said in everything if said.failure is not None}
    audio_s = sum(said.audio_s for said in heard)
    spoken_s = sum(said.wall_s for said in heard)
    return {
        "what": "point",
        "n": len(heard),
        "first_ms": _all_ms([said.first_s for said in heard]),
        "audible_ms": _all_ms([said.audible_s for said in heard]),
        "offset_ms": _all_ms([said.offset_s for said in heard]),
        "late_ms": _all_ms([said.late_s for said in heard]),
        "gap_ms": _all_ms([said.longest_gap_s for said in heard]),
        "underruns": sum((said.late_s or 0.0) * 1000 > buffer_ms for said in heard),
        "failed": sum(kinds.values()),
        "failures": dict(kinds),
        "failure_examples": examples,
        "audio_s": round(audio_s, 3),
        "audio_s_per_s": round(audio_s / wall_s, 3) if wall_s > 0 else 0.0,
        "real_time_factor": round(spoken_s / audio_s, 4) if audio_s else None,
        "wall_s": round(wall_s, 3),
    }


def heard_ms(point: Mapping[str, Any]) -> Figures:
    """A point's times to the first audible sample; to the first frame if the audio is not PCM."""
    audible: Figures = point["audible_ms"]
    first: Figures = point["first_ms"]
    return audible if audible["n"] else first


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


def _all_ms(seconds: Sequence[float | None]) -> Figures:
    return milliseconds([one for one in seconds if one is not None])
