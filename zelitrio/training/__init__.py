"""Making voices from recordings: prepare, align, train both networks, export.

`python -m zelitrio.training voice CORPUS WORK OUT` runs every step; each step alone has a command of its
own.  Nothing of zelitrio imports this room at run time.
"""

from __future__ import annotations

from zelitrio.training.acoustic_training import AcousticPlan, train_acoustic
from zelitrio.training.align import AlignedUtterance, align_speaker, read_alignments
from zelitrio.training.corpus import (
    SPEAKERS,
    Recording,
    Speaker,
    find_speakers,
    read_recordings,
    speaker_named,
)
from zelitrio.training.export import BUILTIN, Casting, assemble, export
from zelitrio.training.features import log_mel, magnitudes, measure_f0, mel_filters
from zelitrio.training.prepare import active_rms, levelled, prepare_speaker
from zelitrio.training.speaking import speak
from zelitrio.training.vocoder_training import VocoderPlan, train_vocoder

__all__ = [
    "BUILTIN",
    "SPEAKERS",
    "AcousticPlan",
    "AlignedUtterance",
    "Casting",
    "Recording",
    "Speaker",
    "VocoderPlan",
    "active_rms",
    "align_speaker",
    "assemble",
    "export",
    "find_speakers",
    "levelled",
    "log_mel",
    "magnitudes",
    "measure_f0",
    "mel_filters",
    "prepare_speaker",
    "read_alignments",
    "read_recordings",
    "speak",
    "speaker_named",
    "train_acoustic",
    "train_vocoder",
]
