"""Making voices from recordings: prepare, align, train both networks, export.

`python -m zelitrio.training voice CORPUS WORK OUT` runs every step; each step also has its own
command.  `make_voice` makes a voice from a user's recordings for `zelitrio train`, the only command that
imports this room, and only when it runs.
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
from zelitrio.training.denoise import noise_of, without_noise
from zelitrio.training.device import choose_device
from zelitrio.training.export import BUILTIN, Casting, assemble, export
from zelitrio.training.features import (
    HOP_SAMPLES,
    log_mel,
    magnitudes,
    measure_f0,
    mel_centres_hz,
    mel_filters,
)
from zelitrio.training.hearing import plain_words, word_edits
from zelitrio.training.order import RECIPES, Onlooker, Order, Recipe
from zelitrio.training.prepare import active_rms, levelled, prepare_speaker
from zelitrio.training.pulse_times import polarity, pulse_times
from zelitrio.training.speaking import speak
from zelitrio.training.user_voice import Made, look_through, make_voice, missing_packages
from zelitrio.training.vocoder_training import VocoderPlan, train_vocoder

__all__ = [
    "BUILTIN",
    "HOP_SAMPLES",
    "RECIPES",
    "SPEAKERS",
    "AcousticPlan",
    "AlignedUtterance",
    "Casting",
    "Made",
    "Onlooker",
    "Order",
    "Recipe",
    "Recording",
    "Speaker",
    "VocoderPlan",
    "active_rms",
    "align_speaker",
    "assemble",
    "choose_device",
    "export",
    "find_speakers",
    "levelled",
    "log_mel",
    "look_through",
    "magnitudes",
    "make_voice",
    "measure_f0",
    "mel_centres_hz",
    "mel_filters",
    "missing_packages",
    "noise_of",
    "plain_words",
    "polarity",
    "prepare_speaker",
    "pulse_times",
    "read_alignments",
    "read_recordings",
    "speak",
    "speaker_named",
    "train_acoustic",
    "train_vocoder",
    "without_noise",
    "word_edits",
]
