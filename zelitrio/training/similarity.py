"""Measures how similar two voices are, by long-term spectrum and mean pitch over the same texts."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import numpy as np
import numpy.typing as npt

from zelitrio.training.corpus import Speaker
from zelitrio.training.features import mel_centres_hz
from zelitrio.training.prepare import MeasurePitch
from zelitrio.training.sound_facts import speech_spectrum_db

Pcm = npt.NDArray[np.float32]


@attrs.frozen(eq=False)
class VoicePrint:
    """A speaker's long-term spectrum and mean pitch."""

    spectrum_db: npt.NDArray[np.float32]
    """[mels] long-term spectrum of the speech, relative to its mean."""
    pitch_hz: float
    """Geometric mean over voiced frames."""


@attrs.frozen
class Distance:
    """The distance from one print to another."""

    spectrum_db: float
    """Root mean square over the mel bands that are compared."""
    semitones: float
    """Distance of mean pitch; above zero the first is higher."""


def print_of(spoken: Sequence[Pcm], speaker: Speaker, measure: MeasurePitch) -> VoicePrint:
    """Compute the print of several utterances.

    Args:
        spoken: at least one utterance, float32 samples at 24 kHz.
        speaker: gives the range of pitch to search.
        measure: measures the pitch of each frame.
    """
    spectra = np.mean([speech_spectrum_db(pcm) for pcm in spoken], 0)
    f0 = np.concatenate([measure(pcm, speaker) for pcm in spoken])
    voiced = f0[f0 > 0]
    pitch_hz = float(np.exp(np.mean(np.log(voiced)))) if len(voiced) else float("nan")
    return VoicePrint(spectra.astype(np.float32), pitch_hz)


def distance(mine: VoicePrint, theirs: VoicePrint, band_hz: float) -> Distance:
    """Compute the distance from `theirs` to `mine`; spectra are compared up to `band_hz`."""
    inside = mel_centres_hz() <= band_hz
    apart = mine.spectrum_db[inside] - theirs.spectrum_db[inside]
    apart = apart - apart.mean()
    semitones = 12.0 * np.log2(mine.pitch_hz / theirs.pitch_hz)
    return Distance(float(np.sqrt(np.mean(apart**2))), float(semitones))
