"""Voices: what a voice is, where it comes from, and how an utterance is put to its networks."""

from __future__ import annotations

from zelitrio.voices.durations import spoken_durations, whole_durations
from zelitrio.voices.folder import FORMAT_VERSION, load_builtin, load_folder, save_folder
from zelitrio.voices.inputs import (
    FEATURES,
    PHONE_TOKENS,
    STRESS_TOKENS,
    PhoneInputs,
    frame_positions,
    phone_inputs,
)
from zelitrio.voices.model import Catalogue, Model, Voice

__all__ = [
    "FEATURES",
    "FORMAT_VERSION",
    "PHONE_TOKENS",
    "STRESS_TOKENS",
    "Catalogue",
    "Model",
    "PhoneInputs",
    "Voice",
    "frame_positions",
    "load_builtin",
    "load_folder",
    "phone_inputs",
    "save_folder",
    "spoken_durations",
    "whole_durations",
]
