"""Find recordings of another speaker than the rest, by median pitch and long-term spectrum."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from zelitrio.training.sound_facts import SoundFacts

FEWEST = 8
"""Least number of recordings for a decision."""
SHORTEST_SPEECH_S = 1.0
"""In less speech than this, the spectrum depends more on the words than on the speaker."""
PITCH_LN = 0.30
"""Difference in ln f0, a third higher or lower; one reader's recordings differ by at most 25 %."""
UNUSUAL_DB, SPECTRUM_TIMES = (7.0, 8.0), 2.5
"""Distance of spectra that counts as another speaker: the median times the factor, within the bounds."""
THRESHOLD = 1.2
_APART = 2.0
"""Two groups are separate if their centres' distance is this multiple of a recording's from its centre."""


def strangers(facts: Sequence[SoundFacts]) -> list[tuple[int, str]]:
    """Find recordings that another person may have spoken.  Return index and difference of each."""
    judged = [
        index
        for index, one in enumerate(facts)
        if one.speech_s >= SHORTEST_SPEECH_S and np.isfinite(one.pitch_hz)
    ]
    if len(judged) < FEWEST:
        return []
    pitch = np.log([facts[index].pitch_hz for index in judged])
    spectrum = np.stack([facts[index].spectrum_db for index in judged])
    rest = _larger_group(pitch, spectrum)
    middle, shape = np.median(pitch[rest]), np.median(spectrum[rest], 0)
    away_db = np.sqrt(np.mean((spectrum - shape) ** 2, 1))
    unusual_db = float(np.clip(SPECTRUM_TIMES * np.median(away_db[rest]), *UNUSUAL_DB))
    strange = ((pitch - middle) / PITCH_LN) ** 2 + (away_db / unusual_db) ** 2 > THRESHOLD
    return [
        (
            judged[at],
            f"sounds like another speaker: pitch {np.exp(pitch[at]):.0f} Hz, the others' "
            f"{np.exp(middle):.0f} Hz; spectrum {away_db[at]:.1f} dB away, the others' "
            f"{np.median(away_db[rest]):.1f} dB",
        )
        for at in np.flatnonzero(strange)
    ]


def _larger_group(pitch: npt.NDArray[np.float64], spectrum: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Mark the recordings of the larger group if there clearly are two groups; otherwise mark all.

    2-means over pitch and spectrum.  The initial centres are the recording farthest from the mean, and the
    one farthest from that.
    """
    scale = np.sqrt(spectrum.shape[1]) * UNUSUAL_DB[1] / 2
    points = np.column_stack([pitch / (PITCH_LN / 2), spectrum / scale])

    def away(centre: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        return np.asarray(np.linalg.norm(points - centre, axis=1))

    first = points[away(np.median(points, 0)).argmax()]
    centres = [first, points[away(first).argmax()]]
    ours = np.ones(len(points), bool)
    for _ in range(20):
        ours = away(centres[0]) < away(centres[1])
        if ours.all() or not ours.any():
            return np.ones(len(points), bool)
        centres = [points[ours].mean(0), points[~ours].mean(0)]
    within = np.where(ours, away(centres[0]), away(centres[1])).mean()
    if np.linalg.norm(centres[0] - centres[1]) < _APART * within:
        return np.ones(len(points), bool)
    return ours if ours.sum() * 2 >= len(ours) else ~ours
