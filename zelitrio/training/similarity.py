"""How near one voice is to another: long-term spectrum and mean pitch over the same texts."""

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
class Print:
    """The measured features of a speaker."""

    spectrum_db: npt.NDArray[np.float32]
    """[mels] long-term spectrum of the speech, relative to its own mean."""
    pitch_hz: float
    """Geometric mean over voiced frames."""


@attrs.frozen
class Distance:
    """From one print to another."""

    spectrum_db: float
    """Root mean square over the mel bands that both may fill."""
    semitones: float
    """Of mean pitch; above zero is higher."""


def print_of(spoken: Sequence[Pcm], speaker: Speaker, measure: MeasurePitch) -> Print:
    """The print of several utterances, float32 at 24 kHz.

    Args:
        spoken: at least one.
        speaker: pitch is searched in its range.
        measure: pitch per frame.
    """
    spectra = np.mean([speech_spectrum_db(pcm) for pcm in spoken], 0)
    f0 = np.concatenate([measure(pcm, speaker) for pcm in spoken])
    voiced = f0[f0 > 0]
    pitch_hz = float(np.exp(np.mean(np.log(voiced)))) if len(voiced) else float("nan")
    return Print(spectra.astype(np.float32), pitch_hz)


def distance(mine: Print, theirs: Print, band_hz: float) -> Distance:
    """How far `mine` is from `theirs`, nothing above `band_hz` being compared."""
    inside = mel_centres_hz() <= band_hz
    apart = mine.spectrum_db[inside] - theirs.spectrum_db[inside]
    apart = apart - apart.mean()
    semitones = 12.0 * np.log2(mine.pitch_hz / theirs.pitch_hz)
    return Distance(float(np.sqrt(np.mean(apart**2))), float(semitones))
