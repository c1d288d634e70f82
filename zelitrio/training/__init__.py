"""Makes voices from recordings: prepares and aligns them, trains both networks, exports a voice folder.

`make_voice` makes a voice from a user's recordings.  Only `zelitrio train` imports this package, and only
when it runs.  The subpackage `recipe` made the voices that zelitrio contains.
"""

from __future__ import annotations

from zelitrio.training.align import AlignedUtterance, read_alignments
from zelitrio.training.corpus import Speaker, read_recordings
from zelitrio.training.denoise import noise_of, without_noise
from zelitrio.training.device import choose_device
from zelitrio.training.features import (
    HOP_SAMPLES,
    continuous_ln_f0,
    log_mel,
    magnitudes,
    measure_f0,
    mel_centres_hz,
    mel_filters,
)
from zelitrio.training.hearing import plain_words, word_edits
from zelitrio.training.order import RECIPES, Order
from zelitrio.training.prepare import active_rms, levelled
from zelitrio.training.speaking import speak_timed
from zelitrio.training.user_voice import look_through, make_voice, missing_packages

__all__ = [
    "HOP_SAMPLES",
    "RECIPES",
    "AlignedUtterance",
    "Order",
    "Speaker",
    "active_rms",
    "choose_device",
    "continuous_ln_f0",
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
    "read_alignments",
    "read_recordings",
    "speak_timed",
    "without_noise",
    "word_edits",
]
